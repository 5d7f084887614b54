# Rows of a weight as it stands in a mapped file, with its adapter added; as bytes, for a file. A dtype is a ScalarType
# number. Sums are in single precision where the weight has less, as PEFT's merge is, and rounded once.
class Ops(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]

  # `count` rows of the weight from row `first`, + scaling · B A; b (out, r), a (r, in), fp32
  def merged(self: __torch__.Ops, path: str, size: Tensor, at: Tensor, dtype: Tensor, first: Tensor, count: Tensor, a: Tensor, b: Tensor, scaling: Tensor) -> Tensor:
    part = torch.view((self).numbers(path, size, at, dtype), [int(count), torch.size(a, 1)])
    delta = torch.mul(torch.mm(torch.narrow(b, 0, int(first), int(count)), a), float(scaling))
    return torch.view_copy(torch.to(torch.add(part, delta), int(dtype)), dtype=0)

  # numbers in another dtype
  def converted(self: __torch__.Ops, path: str, size: Tensor, at: Tensor, dtype: Tensor, into: Tensor) -> Tensor:
    return torch.view_copy(torch.to((self).numbers(path, size, at, dtype), int(into)), dtype=0)

  # the numbers in the bytes from at[0] to at[1] of a file of `size` bytes; a copy, since they may lie unaligned there
  def numbers(self: __torch__.Ops, path: str, size: Tensor, at: Tensor, dtype: Tensor) -> Tensor:
    file = torch.from_file(path, False, int(size), dtype=0, layout=None, device=None, pin_memory=None)
    first = int(torch.select(at, 0, 0))
    part = torch.clone(torch.narrow(file, 0, first, int(torch.select(at, 0, 1)) - first))
    return torch.view_copy(part, dtype=int(dtype))
