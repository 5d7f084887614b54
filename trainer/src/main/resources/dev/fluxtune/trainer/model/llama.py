# The mathematics of the Llama family, forward and backward, as TorchScript that the library itself loads.
# Backward is written out and nothing here uses autograd: a layer keeps what `kept` returns and nothing else,
# gradients of weights are added straight into their buffers, and no graph outlives a call.
#
# n: tokens of the micro-batch, rows end to end     d: its documents     m: its trained targets
# A gradient buffer without elements means: this weight is frozen; beta is 0 where the buffers were just made and hold
# nothing, else 1. $hidden and the like come from config.json, in place.
# $dtype is that of the weights, and so of x: on a GPU, pointwise operators on end are fused into one kernel only where
# the types that they convert to are constants, and where nothing that changes a tensor in place stands between them.
# norm, normed and norm_backward stand in norm_composed.py and norm_fused.py: one of them is loaded behind this.
class Ops(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]

  # ---- what a micro-batch brings: [cos, sin, cu, lengths], made once for all layers

  # to the device of `like`; what is computed there is not waited for
  def ahead(self: __torch__.Ops, x: List[Tensor], like: Tensor) -> List[Tensor]:
    if ops.prim.is_cuda(like):
      there = annotate(List[Tensor], [])
      for i in range(torch.len(x)):
        pinned = torch.pin_memory(x[i], None)
        torch.append(there, torch.to(pinned, ops.prim.device(like), ops.prim.dtype(pinned), True, False))
    else:
      there = x
    return there

  # positions (n); frequencies (head_dim / 2); cu (d + 1) int32; lengths on the CPU: the longest, then each
  def documents(self: __torch__.Ops, positions: Tensor, frequencies: Tensor, cu: Tensor, lengths: Tensor, like: Tensor) -> List[Tensor]:
    angles = torch.unsqueeze(torch.outer(torch.to(positions, 6), frequencies), 1)  # (n, 1, head_dim / 2)
    dtype = ops.prim.dtype(like)
    return [torch.to(torch.cos(angles), dtype), torch.to(torch.sin(angles), dtype), cu, lengths]

  def embed(self: __torch__.Ops, ids: Tensor, w: Tensor) -> Tensor:
    return torch.embedding(w, ids)  # (n, hidden)

  def embed_backward(self: __torch__.Ops, gx: Tensor, ids: Tensor, g: Tensor, beta: Tensor) -> Tensor:
    if float(beta) == 0.:
      torch.zero_(g)
    return torch.index_add_(g, 0, ids, torch.to(gx, ops.prim.dtype(g)), alpha=1)

  # ---- a layer: w and g hold norm, q, k, v, o, norm, gate, up, down, where there are any the biases of q, k, v, and
  # with adapters A (r, in) and B (out, r) of each of those nine, without elements where it has none; where weights are
  # quantized w goes on as `weight` says
  # seeds (9) on the CPU: of each product's dropout mask; without elements nothing is dropped

  # x (n, hidden) → the next x; nothing is kept
  def layer(self: __torch__.Ops, x: Tensor, documents: List[Tensor], seeds: Tensor, w: List[Tensor]) -> Tensor:
    return (self).output((self).kept(x, documents, seeds, w), seeds, w)

  # x → the next x, then what backward needs
  def layer_keeping(self: __torch__.Ops, x: Tensor, documents: List[Tensor], seeds: Tensor, w: List[Tensor]) -> List[Tensor]:
    kept = (self).kept(x, documents, seeds, w)
    return torch.add([(self).output(kept, seeds, w)], kept)

  # x and the gradient of the layer's output → the gradient of x; the layer is computed again
  def layer_recomputing(self: __torch__.Ops, gy: Tensor, x: Tensor, documents: List[Tensor], seeds: Tensor, w: List[Tensor], g: List[Tensor], beta: Tensor) -> Tensor:
    return (self).layer_backward(gy, (self).kept(x, documents, seeds, w), documents, seeds, w, g, beta)

  # all of a layer but its last product; with adapters the u of q, k, v, o, gate, up at the end
  def kept(self: __torch__.Ops, x: Tensor, documents: List[Tensor], seeds: Tensor, w: List[Tensor]) -> List[Tensor]:
    us = annotate(List[Tensor], [])
    h, r1 = (self).norm(x, w[0])
    q = (self).rotate((self).product(h, w, 1, $heads, seeds, us), documents[0], documents[1])
    k = (self).rotate((self).product(h, w, 2, $kv_heads, seeds, us), documents[0], documents[1])
    v = (self).product(h, w, 3, $kv_heads, seeds, us)
    attended = (self).attend(q, k, v, documents)
    o = torch.flatten(attended[0], 1)
    x2 = torch.add(x, (self).adapted(torch.linear(o, (self).weight(w, 4)), o, w, 4, seeds, us))  # (n, hidden)
    h2, r2 = (self).norm(x2, w[5])
    gate = (self).adapted(torch.linear(h2, (self).weight(w, 6)), h2, w, 6, seeds, us)  # (n, intermediate)
    up = (self).adapted(torch.linear(h2, (self).weight(w, 7)), h2, w, 7, seeds, us)
    return torch.add(torch.add([x, r1, q, k, v, x2, r2, gate, up], attended), us)

  def output(self: __torch__.Ops, kept: List[Tensor], seeds: Tensor, w: List[Tensor]) -> Tensor:
    us = annotate(List[Tensor], [])
    between = torch.mul(torch.silu(kept[7]), kept[8])
    return torch.add(kept[5], (self).adapted(torch.linear(between, (self).weight(w, 8)), between, w, 8, seeds, us))

  def layer_backward(self: __torch__.Ops, gy: Tensor, kept: List[Tensor], documents: List[Tensor], seeds: Tensor, w: List[Tensor], g: List[Tensor], beta: Tensor) -> Tensor:
    b = float(beta)
    x, r1, q, k, v, x2, r2, gate, up = kept[0], kept[1], kept[2], kept[3], kept[4], kept[5], kept[6], kept[7], kept[8]
    us = torch.slice(kept, -6)
    none = torch.narrow(gy, 0, 0, 0)
    # down(silu(gate) * up)
    gs = torch.mm(gy, (self).weight(w, 8))  # (n, intermediate)
    if $adapted:
      if torch.gt(torch.numel(w[$adapters + 16]), 0):
        gs = (self).adapted_backward(gs, gy, torch.silu(gate) * up, none, w, g, 8, seeds, b)
    # Each case is one chain of pointwise operators.
    if torch.gt(torch.numel(g[8]), 0):
      sigmoid = torch.sigmoid(gate)
      silu = gate * sigmoid
      between = silu * up
      gup = gs * silu
      ggate = gs * up * sigmoid * (gate * (1 - sigmoid) + 1)
      (self).accumulate(g[8], gy, between, b)
    else:
      sigmoid = torch.sigmoid(gate)
      gup = gs * (gate * sigmoid)
      ggate = gs * up * sigmoid * (gate * (1 - sigmoid) + 1)
    h2 = none
    if (self).wanted(w, g, 6) or (self).wanted(w, g, 7):
      h2 = (self).normed(x2, r2, w[5])
    (self).accumulate(g[6], ggate, h2, b)
    (self).accumulate(g[7], gup, h2, b)
    gh2 = torch.addmm(torch.mm(ggate, (self).weight(w, 6)), gup, (self).weight(w, 7), beta=1, alpha=1)
    gh2 = (self).adapted_backward(gh2, ggate, h2, us[4], w, g, 6, seeds, b)
    gh2 = (self).adapted_backward(gh2, gup, h2, us[5], w, g, 7, seeds, b)
    gx2 = gy + (self).norm_backward(gh2, x2, r2, w[5], g[5], b)
    # o(attention)
    o = torch.flatten(kept[9], 1)
    (self).accumulate(g[4], gx2, o, b)
    go = (self).adapted_backward(torch.mm(gx2, (self).weight(w, 4)), gx2, o, us[3], w, g, 4, seeds, b)
    gq, gk, gv = (self).attend_backward(torch.reshape(go, torch.size(q)), q, k, v, kept, documents)
    # q, k, v, turned back
    back = torch.neg(documents[1])
    gq = torch.flatten((self).rotate(gq, documents[0], back), 1)
    gk = torch.flatten((self).rotate(gk, documents[0], back), 1)
    gv = torch.flatten(gv, 1)
    h = none
    if (self).wanted(w, g, 1) or (self).wanted(w, g, 2) or (self).wanted(w, g, 3):
      h = (self).normed(x, r1, w[0])
    (self).product_backward(gq, h, g, 1, b)
    (self).product_backward(gk, h, g, 2, b)
    (self).product_backward(gv, h, g, 3, b)
    gh = torch.addmm(torch.mm(gq, (self).weight(w, 1)), gk, (self).weight(w, 2), beta=1, alpha=1)
    gh = torch.addmm(gh, gv, (self).weight(w, 3), beta=1, alpha=1)
    gh = (self).adapted_backward(gh, gq, h, us[0], w, g, 1, seeds, b)
    gh = (self).adapted_backward(gh, gk, h, us[1], w, g, 2, seeds, b)
    gh = (self).adapted_backward(gh, gv, h, us[2], w, g, 3, seeds, b)
    return gx2 + (self).norm_backward(gh, x, r1, w[0], g[0], b)

  # ---- its parts

  # h (n, hidden) → (n, heads, head_dim)
  def product(self: __torch__.Ops, h: Tensor, w: List[Tensor], i: int, heads: int, seeds: Tensor, us: List[Tensor]) -> Tensor:
    if $biased:
      y = torch.linear(h, (self).weight(w, i), w[8 + i])
    else:
      y = torch.linear(h, (self).weight(w, i))
    return torch.view((self).adapted(y, h, w, i, seeds, us), [-1, heads, $head_dim])

  def product_backward(self: __torch__.Ops, gy: Tensor, h: Tensor, g: List[Tensor], i: int, b: float) -> NoneType:
    (self).accumulate(g[i], gy, h, b)
    if $biased:
      bias = g[8 + i]
      if torch.gt(torch.numel(bias), 0):
        (self).add(bias, torch.sum(gy, [0], False, dtype=ops.prim.dtype(bias)), b)
    return None

  # gradient of w in y = x wᵀ, added to b times its buffer
  def accumulate(self: __torch__.Ops, g: Tensor, gy: Tensor, x: Tensor, b: float) -> NoneType:
    if torch.gt(torch.numel(g), 0):
      if ops.prim.dtype(g) == ops.prim.dtype(x):
        torch.addmm_(g, torch.t(gy), x, beta=b, alpha=1)
      else:
        (self).add(g, torch.mm(torch.t(gy), x), b)
    return None

  # b times a buffer, and more
  def add(self: __torch__.Ops, g: Tensor, more: Tensor, b: float) -> NoneType:
    if b == 0.:
      torch.copy_(g, more)
    else:
      torch.add_(g, more, alpha=1)
    return None

  # whether the gradient of w[i] or of its adapter is, for which the product's input has to be there
  def wanted(self: __torch__.Ops, w: List[Tensor], g: List[Tensor], i: int) -> bool:
    wanted = torch.gt(torch.numel(g[i]), 0)
    if $adapted:
      wanted = wanted or torch.gt(torch.numel(w[$adapters + 2 * i]), 0)
    return wanted

  # y = x w[i]ᵀ → with its adapter: y + u Bᵀ where u = s · drop(x) Aᵀ (n, r), which is appended; y is changed in place
  def adapted(self: __torch__.Ops, y: Tensor, x: Tensor, w: List[Tensor], i: int, seeds: Tensor, us: List[Tensor]) -> Tensor:
    if $adapted:
      a = w[$adapters + 2 * i]
      if torch.gt(torch.numel(a), 0):
        if torch.gt(torch.numel(seeds), 0):
          seen, _ = (self).dropped(x, seeds, i)
        else:
          seen = x
        u = torch.mul(torch.mm(seen, torch.t(a)), $scaling)
        torch.append(us, u)
        torch.addmm_(y, u, torch.t(w[$adapters + 2 * i + 1]), beta=1, alpha=1)
      else:
        torch.append(us, a)
    return y

  # gx, the gradient of x through w[i] → with that through its adapter; u without elements is made again
  def adapted_backward(self: __torch__.Ops, gx: Tensor, gy: Tensor, x: Tensor, u: Tensor, w: List[Tensor], g: List[Tensor], i: int, seeds: Tensor, b: float) -> Tensor:
    if $adapted:
      a = w[$adapters + 2 * i]
      if torch.gt(torch.numel(a), 0):
        if torch.gt(torch.numel(seeds), 0):
          seen, stays = (self).dropped(x, seeds, i)
        else:
          seen, stays = x, x
        if torch.eq(torch.numel(u), 0):
          u = torch.mul(torch.mm(seen, torch.t(a)), $scaling)
        gu = torch.mul(torch.mm(gy, w[$adapters + 2 * i + 1]), $scaling)  # (n, r)
        (self).accumulate(g[$adapters + 2 * i + 1], gy, u, b)
        (self).accumulate(g[$adapters + 2 * i], gu, seen, b)
        if torch.gt(torch.numel(seeds), 0):
          gx = gx + torch.mm(torch.div(gu, $stay), a) * stays
        else:
          torch.addmm_(gx, gu, a, beta=1, alpha=1)
    return gx

  # x with some numbers dropped and the others larger by as much, and which stay (bool): the same for the same seed
  def dropped(self: __torch__.Ops, x: Tensor, seeds: Tensor, i: int) -> Tuple[Tensor, Tensor]:
    seed = int(torch.select(seeds, 0, i))
    if ops.prim.is_cuda(x):
      # Generators of its own this language makes for the CPU only. From a GPU's default one nothing else draws.
      torch.manual_seed(seed)
      seen, stays = torch.native_dropout(x, 1. - $stay, True)
    else:
      ones = torch.bernoulli_(torch.empty_like(x), $stay, generator=torch.Generator(device=torch.device("cpu"), seed=seed))
      seen, stays = torch.div(x * ones, $stay), torch.gt(ones, 0)
    return (seen, stays)

  # x (n, heads, head_dim), its first half turned against its second; -sin turns back
  def rotate(self: __torch__.Ops, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = $head_dim // 2
    a = torch.narrow(x, -1, 0, half)
    b = torch.narrow(x, -1, half, half)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

  # ---- frozen weights in eight or four bits, whose codes quantize.py made; from w[$scales] on lie what scales each of
  # the first nine, what scales that, and the constants of four and of eight bits: without elements what there is not

  # a product's weight: as it is, or its codes turned back, which is freed after the product
  def weight(self: __torch__.Ops, w: List[Tensor], i: int) -> Tensor:
    weight = w[i]
    if $quantized:
      absmax = w[$scales + i]
      if torch.eq(ops.prim.dtype(weight), 1):
        weight = (self).of_eight_bits(weight, absmax)
      else:
        if torch.eq(ops.prim.dtype(weight), 0):
          if torch.eq(ops.prim.dtype(absmax), 0):
            absmax = (self).of_nested(absmax, w[$scales + 9 + i], w[$scales + 19])
          weight = (self).of_four_bits(weight, absmax, w[$scales + 18], (self).shape(i))
    return weight

  # codes (rows, columns) int8, absmax (rows): 127 stands for the largest
  def of_eight_bits(self: __torch__.Ops, codes: Tensor, absmax: Tensor) -> Tensor:
    return torch.to(torch.to(codes, 6) * torch.unsqueeze(absmax, 1) * 7.874015718698502e-3, $dtype)

  # codes (at least rows · columns / 2) uint8, absmax of each 64 numbers, pairs (256, 2) → (rows, columns)
  def of_four_bits(self: __torch__.Ops, codes: Tensor, absmax: Tensor, pairs: Tensor, shape: List[int]) -> Tensor:
    # Two numbers at once look like one complex one: a GPU takes half as many.
    numbers = torch.view_as_real(torch.index_select(torch.view_as_complex(pairs), 0, torch.to(codes, 3)))
    blocks = torch.view(numbers, [-1, 64])
    dense = torch.to(blocks * torch.unsqueeze(torch.narrow(absmax, 0, 0, torch.size(blocks, 0)), 1), $dtype)
    return torch.view(torch.narrow(torch.flatten(dense), 0, 0, shape[0] * shape[1]), shape)

  # codes of absmax less its mean; scales: absmax of each 256 of them, then the mean. Not fused: that would round once less
  def of_nested(self: __torch__.Ops, codes: Tensor, scales: Tensor, table: Tensor) -> Tensor:
    blocks = torch.view(torch.embedding(torch.unsqueeze(table, 1), torch.to(codes, 3)), [-1, 256])
    absmax = torch.mul(blocks, torch.unsqueeze(torch.narrow(scales, 0, 0, torch.size(blocks, 0)), 1))
    return torch.add_(torch.flatten(absmax), torch.select(scales, 0, -1), alpha=1)

  # rows and columns of the i-th weight
  def shape(self: __torch__.Ops, i: int) -> List[int]:
    rows = [1, $heads * $head_dim, $kv_heads * $head_dim, $kv_heads * $head_dim, $hidden, 1, $intermediate, $intermediate, $hidden]
    columns = [$hidden, $hidden, $hidden, $hidden, $heads * $head_dim, $hidden, $hidden, $hidden, $intermediate]
    return [rows[i], columns[i]]

  # ---- attention inside each document, grouped heads unexpanded

  # q (n, heads, head_dim), k and v (n, kv_heads, head_dim) → o as q, log-sum-exp, and what else backward wants
  def attend(self: __torch__.Ops, q: Tensor, k: Tensor, v: Tensor, documents: List[Tensor]) -> List[Tensor]:
    lengths = documents[3]
    if ops.prim.is_cuda(q):
      cu = documents[2]
      longest = int(torch.select(lengths, 0, 0))
      if (self).alike(q, lengths):
        qd, kd, vd = (self).side_by_side(q, longest), (self).side_by_side(k, longest), (self).side_by_side(v, longest)
        o, lse, _, _, _, _, seed, offset, _ = torch._scaled_dot_product_cudnn_attention(qd, kd, vd, None, True, 0., True, False, scale=None)
        o = torch.flatten(torch.transpose(o, 1, 2), 0, 1)
      else:
        o, lse, seed, offset, _ = torch._flash_attention_forward(q, k, v, cu, cu, longest, longest, 0., True, False, scale=None)
      result = [o, lse, seed, offset]
    else:
      o = torch.empty_like(q)
      lse = torch.to(torch.select(torch.zeros_like(q), -1, 0), 6)  # (n, heads)
      at = 0
      for i in range(1, torch.size(lengths, 0)):
        n = int(torch.select(lengths, 0, i))
        od, ld = torch._scaled_dot_product_flash_attention_for_cpu((self).grouped(q, at, n), (self).shared(k, at, n), (self).shared(v, at, n), 0., True, attn_mask=None, scale=None)
        torch.copy_((self).grouped(o, at, n), od)
        torch.copy_(torch.squeeze((self).grouped(torch.unsqueeze(lse, -1), at, n), -1), ld)
        at = at + n
      result = [o, lse]
    return result

  def attend_backward(self: __torch__.Ops, go: Tensor, q: Tensor, k: Tensor, v: Tensor, kept: List[Tensor], documents: List[Tensor]) -> Tuple[Tensor, Tensor, Tensor]:
    o = kept[9]
    lse = kept[10]
    lengths = documents[3]
    if ops.prim.is_cuda(q):
      cu = documents[2]
      longest = int(torch.select(lengths, 0, 0))
      if (self).alike(q, lengths):
        qd, kd, vd = (self).side_by_side(q, longest), (self).side_by_side(k, longest), (self).side_by_side(v, longest)
        god, od = (self).side_by_side(go, longest), (self).side_by_side(o, longest)
        # What is not there must be an undefined tensor, which this language has no word for: a gradient not asked for is.
        e = torch.view(torch.narrow(lse, 0, 0, 0), [0, 1])
        none, _, _ = torch.native_layer_norm_backward(e, e, [1], e, e, None, None, [False, False, False])
        gqd, gkd, gvd = torch._scaled_dot_product_cudnn_attention_backward(god, qd, kd, vd, od, lse, kept[11], kept[12], none, none, none, longest, longest, 0., True, scale=None)
        gq = torch.flatten(torch.transpose(gqd, 1, 2), 0, 1)
        gk = torch.flatten(torch.transpose(gkd, 1, 2), 0, 1)
        gv = torch.flatten(torch.transpose(gvd, 1, 2), 0, 1)
      else:
        gq, gk, gv = torch._flash_attention_backward(go, q, k, v, o, lse, cu, cu, longest, longest, 0., True, kept[11], kept[12], scale=None)
    else:
      gq = torch.empty_like(q)
      gk = torch.empty_like(k)
      gv = torch.empty_like(v)
      at = 0
      for i in range(1, torch.size(lengths, 0)):
        n = int(torch.select(lengths, 0, i))
        ld = torch.squeeze((self).grouped(torch.unsqueeze(lse, -1), at, n), -1)
        gqd, gkd, gvd = torch._scaled_dot_product_flash_attention_for_cpu_backward((self).grouped(go, at, n), (self).grouped(q, at, n), (self).shared(k, at, n), (self).shared(v, at, n), (self).grouped(o, at, n), ld, 0., True, attn_mask=None, scale=None)
        torch.copy_((self).grouped(gq, at, n), gqd)
        torch.copy_(torch.transpose(torch.narrow(gk, 0, at, n), 0, 1), torch.sum(gkd, [1], False, dtype=None))
        torch.copy_(torch.transpose(torch.narrow(gv, 0, at, n), 0, 1), torch.sum(gvd, [1], False, dtype=None))
        at = at + n
    return (gq, gk, gv)

  # whether cuDNN takes them, which is faster: documents of one length. It makes a plan for each shape, which takes longer
  # than a step, so that only lengths count that come again.
  def alike(self: __torch__.Ops, q: Tensor, lengths: Tensor) -> bool:
    longest = int(torch.select(lengths, 0, 0))
    return $cudnn and longest % 128 == 0 and longest * (torch.size(lengths, 0) - 1) == torch.size(q, 0)

  # x (n, heads, head_dim), documents of one length → (documents, heads, length, head_dim)
  def side_by_side(self: __torch__.Ops, x: Tensor, length: int) -> Tensor:
    return torch.transpose(torch.view(x, [-1, length, torch.size(x, 1), $head_dim]), 1, 2)

  # one document of x (n, heads, any), the heads that share keys side by side: (kv_heads, group, length, any)
  def grouped(self: __torch__.Ops, x: Tensor, at: int, n: int) -> Tensor:
    document = torch.narrow(x, 0, at, n)
    return torch.permute(torch.view(document, [n, $kv_heads, $heads // $kv_heads, torch.size(x, -1)]), [1, 2, 0, 3])

  # one document of keys or values, seen by every head of its group without a copy
  def shared(self: __torch__.Ops, x: Tensor, at: int, n: int) -> Tensor:
    document = torch.unsqueeze(torch.transpose(torch.narrow(x, 0, at, n), 0, 1), 1)
    return torch.expand(document, [$kv_heads, $heads // $kv_heads, n, $head_dim])

  # ---- head and loss, over trained positions only; w and g hold norm, head

  # sizes: of how many positions there are logits at once, and of how many of those in single precision
  # → the summed loss (fp64), and the gradient of x
  def head(self: __torch__.Ops, x: Tensor, at: Tensor, targets: Tensor, scale: Tensor, sizes: Tensor, w: List[Tensor], g: List[Tensor], beta: Tensor) -> List[Tensor]:
    b = float(beta)
    factor = float(scale)
    picked = torch.index_select(x, 0, at)  # (m, hidden)
    h, r = (self).norm(picked, w[0])
    scaled = torch.mul(h, factor)
    gh = torch.empty_like(h)
    losses = annotate(List[Tensor], [])
    block = int(torch.select(sizes, 0, 0))
    part = int(torch.select(sizes, 0, 1))
    for start in range(0, torch.size(h, 0), block):
      n = min(block, torch.size(h, 0) - start)
      # (n, vocabulary), and in place the gradient of each position's loss: probabilities, less one at the target
      logits = torch.linear(torch.narrow(h, 0, start, n), w[1])
      for first in range(0, n, part):
        k = min(part, n - first)
        some = torch.narrow(logits, 0, first, k)
        target = torch.unsqueeze(torch.narrow(targets, 0, start + first, k), 1)
        logs = torch.log_softmax(some, 1, 6)  # fp32
        chosen = torch.gather(logs, 1, target)
        torch.append(losses, torch.sum(chosen, dtype=7))
        torch.exp(logs, out=some)
        torch.scatter_(some, 1, target, torch.to(torch.expm1(chosen), $dtype))
      torch.mm(logits, w[1], out=torch.narrow(gh, 0, start, n))
      (self).accumulate(g[1], logits, torch.narrow(scaled, 0, start, n), b if start == 0 else 1.)
    gpicked = (self).norm_backward(torch.mul(gh, factor), picked, r, w[0], g[0], b)
    gx = torch.index_copy_(torch.zeros_like(x), 0, at, gpicked)
    return [torch.neg(torch.sum(torch.stack(losses), dtype=None)), gx]

  # → summed over the targets, fp64 (3): the loss, how often the most probable token is the target, the entropy
  def scores(self: __torch__.Ops, x: Tensor, at: Tensor, targets: Tensor, size: Tensor, w: List[Tensor]) -> Tensor:
    picked = torch.index_select(x, 0, at)
    h, _ = (self).norm(picked, w[0])
    parts = annotate(List[Tensor], [])
    step = int(size)
    for start in range(0, torch.size(h, 0), step):
      n = min(step, torch.size(h, 0) - start)
      target = torch.unsqueeze(torch.narrow(targets, 0, start, n), 1)
      logits = torch.linear(torch.narrow(h, 0, start, n), w[1])
      hits = torch.eq(torch.argmax(logits, 1, True), target)
      logs = torch.log_softmax(logits, 1, 6)
      chosen = torch.gather(logs, 1, target)
      entropy = torch.special_entr(torch.exp(logs))  # -p log p
      sums = [torch.neg(torch.sum(chosen, dtype=7)), torch.sum(hits, dtype=7), torch.sum(entropy, dtype=7)]
      torch.append(parts, torch.stack(sums))
    return torch.sum(torch.stack(parts), [0], False, dtype=None)

  # x (n, hidden) → fp32 (n, vocabulary)
  def logits(self: __torch__.Ops, x: Tensor, w: List[Tensor]) -> Tensor:
    h, _ = (self).norm(x, w[0])
    return torch.to(torch.linear(h, w[1]), 6)

  # ---- generation: keys and values of each row are kept, b rows of `capacity` places each, row after row

  # [keys, values], each (b · capacity, kv_heads, head_dim)
  def cache(self: __torch__.Ops, places: Tensor, like: Tensor) -> List[Tensor]:
    size = [int(places), $kv_heads, $head_dim]
    dtype = ops.prim.dtype(like)
    device = ops.prim.device(like)
    keys = torch.zeros(size, dtype=dtype, layout=None, device=device, pin_memory=None)
    return [keys, torch.zeros(size, dtype=dtype, layout=None, device=device, pin_memory=None)]

  # the prompts x (n, hidden), end to end, each token kept at its place (n) → the next x
  def layer_prompts(self: __torch__.Ops, x: Tensor, documents: List[Tensor], places: Tensor, w: List[Tensor], cache: List[Tensor]) -> Tensor:
    none = torch.narrow(places, 0, 0, 0)
    kept = (self).kept(x, documents, none, w)
    torch.index_copy_(cache[0], 0, places, kept[3])
    torch.index_copy_(cache[1], 0, places, kept[4])
    return (self).output(kept, none, w)

  # one token of each row, x (b, hidden); `longest` tokens lie behind in the longest row, this one included → the next x
  def layer_next(self: __torch__.Ops, x: Tensor, documents: List[Tensor], places: Tensor, positions: Tensor, longest: Tensor, w: List[Tensor], cache: List[Tensor]) -> Tensor:
    us = annotate(List[Tensor], [])
    none = torch.narrow(places, 0, 0, 0)
    h, _ = (self).norm(x, w[0])
    q = (self).rotate((self).product(h, w, 1, $heads, none, us), documents[0], documents[1])
    k = (self).rotate((self).product(h, w, 2, $kv_heads, none, us), documents[0], documents[1])
    torch.index_copy_(cache[0], 0, places, k)
    torch.index_copy_(cache[1], 0, places, (self).product(h, w, 3, $kv_heads, none, us))
    b = torch.size(x, 0)
    n = int(longest)
    # The heads that share keys stand where the tokens of a longer query would: (b, kv_heads, group, head_dim).
    grouped = torch.view(q, [b, $kv_heads, $heads // $kv_heads, $head_dim])
    keys = (self).behind(cache[0], b, n)
    values = (self).behind(cache[1], b, n)
    if torch.eq(b, 1):
      o = torch.scaled_dot_product_attention(grouped, keys, values, None, 0., False, scale=None, enable_gqa=False)
    else:
      steps = torch.arange(n, dtype=4, layout=None, device=ops.prim.device(x), pin_memory=None)
      seen = torch.le(torch.unsqueeze(steps, 0), torch.unsqueeze(positions, 1))  # (b, n)
      o = torch.scaled_dot_product_attention(grouped, keys, values, torch.view(seen, [b, 1, 1, n]), 0., False, scale=None, enable_gqa=False)
    o = torch.reshape(o, [b, $heads * $head_dim])
    x2 = torch.add(x, (self).adapted(torch.linear(o, (self).weight(w, 4)), o, w, 4, none, us))
    h2, _ = (self).norm(x2, w[5])
    gate = (self).adapted(torch.linear(h2, (self).weight(w, 6)), h2, w, 6, none, us)
    between = torch.mul(torch.silu(gate), (self).adapted(torch.linear(h2, (self).weight(w, 7)), h2, w, 7, none, us))
    return torch.add(x2, (self).adapted(torch.linear(between, (self).weight(w, 8)), between, w, 8, none, us))

  # the first n places of each row: (b, kv_heads, n, head_dim)
  def behind(self: __torch__.Ops, cache: Tensor, b: int, n: int) -> Tensor:
    return torch.transpose(torch.narrow(torch.view(cache, [b, -1, $kv_heads, $head_dim]), 1, 0, n), 1, 2)

  # logits after the tokens `at` of x: fp32 (b, vocabulary)
  def logits_at(self: __torch__.Ops, x: Tensor, at: Tensor, w: List[Tensor]) -> Tensor:
    return (self).logits(torch.index_select(x, 0, at), w)
