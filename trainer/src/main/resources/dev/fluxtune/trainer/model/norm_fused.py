
  # ---- root mean square norms, by kernels that PyTorch has for GPUs since 2.9

  # x (n, hidden) → normed, and 1 / root mean square, fp32 (n, 1)
  def norm(self: __torch__.Ops, x: Tensor, w: Tensor) -> Tuple[Tensor, Tensor]:
    return torch._fused_rms_norm(x, [$hidden], w, $eps)

  def normed(self: __torch__.Ops, x: Tensor, r: Tensor, w: Tensor) -> Tensor:
    y, _ = torch._fused_rms_norm(x, [$hidden], w, $eps)
    return y

  def norm_backward(self: __torch__.Ops, gy: Tensor, x: Tensor, r: Tensor, w: Tensor, g: Tensor, b: float) -> Tensor:
    trained = torch.gt(torch.numel(g), 0)
    gx, gw = torch._fused_rms_norm_backward(gy, x, [$hidden], r, w, [True, trained])
    if trained:
      (self).add(g, gw, b)
    return gx
