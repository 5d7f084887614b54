
  # ---- root mean square norms, of plain operators: for the CPU, and for a GPU with a library that has no others

  # x (n, hidden) → normed, and 1 / root mean square, fp32 (n, 1)
  def norm(self: __torch__.Ops, x: Tensor, w: Tensor) -> Tuple[Tensor, Tensor]:
    norm = torch.linalg_vector_norm(x, 2, [-1], True, dtype=6)
    r = torch.rsqrt(norm * norm / $hidden + $eps)
    return ((self).normed(x, r, w), r)

  def normed(self: __torch__.Ops, x: Tensor, r: Tensor, w: Tensor) -> Tensor:
    return torch.to(x * r, $dtype) * w

  def norm_backward(self: __torch__.Ops, gy: Tensor, x: Tensor, r: Tensor, w: Tensor, g: Tensor, b: float) -> Tensor:
    # Each case as one chain of pointwise operators; that of a trained norm makes the terms of its gradient too.
    if torch.gt(torch.numel(g), 0):
      unit = torch.to(x * r, $dtype)
      gunit = gy * w
      gw = gy * unit
      along = torch.mean(gunit * unit, [-1], True, dtype=6)  # (n, 1)
      (self).add(g, torch.sum(gw, [0], False, dtype=ops.prim.dtype(g)), b)
    else:
      unit = torch.to(x * r, $dtype)
      gunit = gy * w
      along = torch.mean(gunit * unit, [-1], True, dtype=6)
    return torch.to((gunit - unit * along) * r, $dtype)
