# AdamW and clipping over lists of tensors, in place, by PyTorch's own fused operators.
class Ops(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]

  def zeros_like(self: __torch__.Ops, x: Tensor) -> Tensor:
    return torch.zeros_like(x)

  # → the norm of all of g, fp64 on the CPU but not waited for, and what torch.nn.utils.clip_grad_norm_ divides them by so
  # that it is `largest` at most (0: one, whatever it is), fp32
  def norm(self: __torch__.Ops, g: List[Tensor], largest: Tensor) -> List[Tensor]:
    norm = torch.to(torch.linalg_vector_norm(torch.stack(torch._foreach_norm(g, 2)), 2, None, False, dtype=None), 6)
    if torch.gt(float(largest), 0.):
      divisor = torch.clamp(torch.div(torch.add(norm, 1e-6), float(largest)), 1., None)
    else:
      divisor = torch.ones_like(norm)
    return [torch.to(torch.to(norm, 7), torch.device("cpu"), 7, True, False), divisor]

  # w, g, m (first moments), v (second moments) of one dtype; g is divided first
  def adamw(self: __torch__.Ops, w: List[Tensor], g: List[Tensor], m: List[Tensor], v: List[Tensor], step: Tensor, divisor: Tensor, rate: Tensor, decay: Tensor) -> Tensor:
    none = annotate(List[Tensor], [])
    steps = torch.mul([torch.full_like(divisor, float(step))], torch.len(w))
    torch._fused_adamw_(w, g, m, v, none, steps, lr=float(rate), beta1=$beta1, beta2=$beta2, weight_decay=float(decay), eps=$epsilon, amsgrad=False, maximize=False, grad_scale=divisor, found_inf=None)
    return divisor

  def copy(self: __torch__.Ops, into: List[Tensor], x: List[Tensor]) -> Tensor:
    torch._foreach_copy_(into, x, False)
    return into[0]
