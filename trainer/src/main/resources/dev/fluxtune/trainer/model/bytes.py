# Numbers of a tensor as bytes, and back from a mapped file. A dtype is a ScalarType number: 6 fp32, 15 bf16.
class Ops(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]

  def dtype(self: __torch__.Ops, x: Tensor) -> Tensor:
    return torch.tensor(ops.prim.dtype(x), dtype=3, device=torch.device("cpu"), requires_grad=False)

  # `count` numbers from number `at`, row-major → their bytes on the CPU
  def bytes(self: __torch__.Ops, x: Tensor, at: Tensor, count: Tensor) -> Tensor:
    part = torch.narrow(torch.reshape(x, [-1]), 0, int(at), int(count))
    return torch.view_copy(torch.to(part, torch.device("cpu"), ops.prim.dtype(x), False, False), dtype=0)

  # the same count of numbers from number `at` of a file of `numbers` → into x, in place
  def read_into(self: __torch__.Ops, x: Tensor, path: str, numbers: Tensor, at: Tensor) -> Tensor:
    file = torch.from_file(path, False, int(numbers), dtype=ops.prim.dtype(x), layout=None, device=None, pin_memory=None)
    part = torch.narrow(file, 0, int(at), torch.numel(x))
    return torch.copy_(x, torch.view(part, torch.size(x)))
