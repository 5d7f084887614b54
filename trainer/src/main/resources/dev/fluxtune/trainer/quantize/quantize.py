# Numbers of a weight → codes and what scales them, as bitsandbytes defines them. llama.py turns them back (`weight`).
# Blocks go on from row to row. A tie takes the lower of two constants; zeros become the code of zero.
class Ops(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]

  # x (n) fp32, into codes (blocks of 64 · 32 bytes) and absmax (blocks) from block `at`; middles (15) of the constants.
  # The first of two numbers stands in the upper half of its byte; a short last block ends in zeros.
  def nf4(self: __torch__.Ops, x: Tensor, at: Tensor, middles: Tensor, codes: Tensor, absmax: Tensor) -> Tensor:
    nearest, largest = (self).blockwise(x, middles, 64)
    pairs = torch.view(nearest, [-1, 2])
    bytes = torch.add(torch.mul(torch.select(pairs, 1, 0), 16), torch.select(pairs, 1, 1))
    torch.copy_(torch.narrow(codes, 0, int(at) * 32, torch.numel(bytes)), bytes)
    return torch.copy_(torch.narrow(absmax, 0, int(at), torch.numel(largest)), largest)

  # absmax (blocks) fp32, middles (255) of the constants → codes (blocks up to a multiple of 256) uint8, and the largest of
  # each 256, then the mean
  def nested(self: __torch__.Ops, absmax: Tensor, middles: Tensor) -> List[Tensor]:
    # In fp64 its sum does not depend on the order, so that every device finds the same.
    mean = torch.to(torch.mean(absmax, dtype=7), 6)
    codes, largest = (self).blockwise(torch.sub(absmax, mean), middles, 256)
    return [codes, torch.cat([largest, torch.unsqueeze(mean, 0)])]

  # x (rows · columns) fp32, into codes (all rows, columns) int8 and absmax (all rows) from row `at`; halves become even
  def int8(self: __torch__.Ops, x: Tensor, at: Tensor, codes: Tensor, absmax: Tensor) -> Tensor:
    rows = torch.view(x, [-1, torch.size(codes, 1)])
    largest = torch.amax(torch.abs(rows), [1], True)
    scale = torch.div(torch.full_like(largest, 127), torch.clamp_min(largest, 1e-36))  # 127 / x alone would be 127 · (1 / x)
    torch.copy_(torch.narrow(codes, 0, int(at), torch.size(rows, 0)), torch.round(torch.mul(rows, scale)))
    return torch.copy_(torch.narrow(absmax, 0, int(at), torch.size(rows, 0)), torch.squeeze(largest, 1))

  # → whether no number was infinite or none
  def finite(self: __torch__.Ops, absmax: Tensor) -> Tensor:
    return torch.all(torch.isfinite(absmax))

  # x (n) → which of the constants is nearest (n up to a whole block) uint8, and the largest magnitude of each block
  def blockwise(self: __torch__.Ops, x: Tensor, middles: Tensor, size: int) -> Tuple[Tensor, Tensor]:
    missing = torch.neg(torch.size(x, 0)) % size
    blocks = torch.view(torch.constant_pad_nd(x, [0, missing], 0), [-1, size])
    largest = torch.amax(torch.abs(blocks), [1], True)
    scaled = torch.mul(blocks, torch.reciprocal(torch.clamp_min(largest, 1.2e-38)))
    nearest = torch.to(torch.bucketize(scaled, middles, out_int32=True, right=False), 0)
    return (torch.flatten(nearest), torch.flatten(largest))
