class Ops(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]

  def twice(self: __torch__.Ops, x: Tensor) -> Tensor:
    return torch.no_such_operator(x, $factor)
