# Making, reading and converting tensors in dtypes that DJL cannot name. A dtype is a ScalarType number: 6 fp32, 15 bf16.
class Ops(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]

  # `count` numbers of `dtype` from number `at` of a mapped file → a copy on the device of `like`, in dtype `into`
  def read(self: __torch__.Ops, path: str, dtype: Tensor, numbers: Tensor, at: Tensor, shape: Tensor, like: Tensor, into: Tensor) -> Tensor:
    file = torch.from_file(path, False, int(numbers), dtype=int(dtype), layout=None, device=None, pin_memory=None)
    count = torch.prod(shape, dtype=None)
    part = torch.view(torch.narrow(file, 0, int(at), int(count)), (self).ints(shape))
    there = torch.to(part, ops.prim.device(like), int(dtype), False, True)
    return torch.to(there, int(into))

  # the same where the data does not lie at a multiple of its numbers' size: bytes, `at` in bytes
  def read_unaligned(self: __torch__.Ops, path: str, dtype: Tensor, numbers: Tensor, at: Tensor, bytes: Tensor, shape: Tensor, like: Tensor, into: Tensor) -> Tensor:
    file = torch.from_file(path, False, int(numbers), dtype=0, layout=None, device=None, pin_memory=None)
    part = torch.to(torch.narrow(file, 0, int(at), int(bytes)), ops.prim.device(like), 0, False, True)
    return torch.to(torch.view(torch.view_copy(part, dtype=int(dtype)), (self).ints(shape)), int(into))

  def converted(self: __torch__.Ops, x: Tensor, like: Tensor, into: Tensor) -> Tensor:
    return torch.to(torch.to(x, ops.prim.device(like), ops.prim.dtype(x), False, False), int(into))

  # as large as each of x and on its device, with whatever lies there
  def empty(self: __torch__.Ops, x: List[Tensor], dtype: Tensor) -> List[Tensor]:
    made = annotate(List[Tensor], [])
    for i in range(torch.len(x)):
      torch.append(made, torch.empty_like(x[i], dtype=int(dtype)))
    return made

  def zeros(self: __torch__.Ops, like: Tensor, dtype: Tensor) -> Tensor:
    return torch.zeros_like(like, dtype=int(dtype))

  # scalars → their sum, fp64 on the CPU, which is not waited for
  def arriving_sum(self: __torch__.Ops, x: List[Tensor]) -> Tensor:
    return torch.to(torch.sum(torch.stack(x), dtype=7), torch.device("cpu"), 7, True, False)

  def ints(self: __torch__.Ops, x: Tensor) -> List[int]:
    result = annotate(List[int], [])
    for i in range(torch.size(x, 0)):
      torch.append(result, int(torch.select(x, 0, i)))
    return result
