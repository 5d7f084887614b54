"""llama.py on a GPU: gradients of a layer, of adapters, of the head and of the embedding and next tokens against the CPU's,
masks of dropout, the time of a layer at the shape of a 7B model, its weights in codes too; codes of quantize.py and what they
stand for, to the bit those of the CPU; and tensors of bytes.py to files and back.

Run from the repository's root on a machine with a CUDA build of `torch`:
    python tests/parity/check_cuda.py
The Java tests run llama.py on the CPU; this is what they cannot reach. The archive is written as TorchScript.java does.
"""

import io
import pathlib
import re
import tempfile
import time
import zipfile

import torch
from safetensors.torch import load_file

SOURCES = pathlib.Path("trainer/src/main/resources/dev/fluxtune/trainer/model")
TABLES = [load_file("trainer/src/test/resources/quantize/expected.safetensors")[name] for name in ("nf4", "dynamic")]
SCALAR_TYPES = {torch.float32: 6, torch.bfloat16: 15}
PLAIN = dict(biased=False, adapted=False, adapters=9, scaling=1.0, stay=1.0, intermediate=0, quantized=False, scales=9)
NO_SEEDS = torch.zeros(0, dtype=torch.int64)
WRITTEN, ADDED = torch.tensor(0.0), torch.tensor(1.0)
PICKLE = b"\x80\x02c__torch__\nOps\n)\x81}(X\x08\x00\x00\x00training\x88X\x16\x00\x00\x00_is_full_backward_hookNub."


def load(name="llama.py", dtype=torch.bfloat16, device="cuda", fused=True, **constants):
    """A source for tensors on a device; llama.py with the kernels that only a GPU has, or without."""
    fused = fused and device == "cuda"
    constants = PLAIN | constants | dict(dtype=SCALAR_TYPES[dtype], cudnn=fused)
    source = (SOURCES / name).read_text()
    if name == "llama.py":
        source += (SOURCES / ("norm_fused.py" if fused else "norm_composed.py")).read_text()
    source = re.sub(r"\$(\w+)", lambda m: str(constants[m.group(1)]), source)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as z:
        for name, content in [("data.pkl", PICKLE), ("code/__torch__.py", source.encode()), ("constants.pkl", b"\x80\x02)."),
                              ("version", b"10\n"), ("byteorder", b"little")]:
            z.writestr("m/" + name, content)
    out.seek(0)
    return torch.jit.load(out)


def frequencies(head_dim, device):
    return (1.0 / 10000 ** (torch.arange(0, head_dim, 2) / head_dim)).to(device)


def made(ops, lengths, hidden, between, heads, kv_heads, head_dim, device, dtype):
    torch.manual_seed(0)
    n, q, kv = sum(lengths), heads * head_dim, kv_heads * head_dim
    shapes = [[hidden], [q, hidden], [kv, hidden], [kv, hidden], [hidden, q], [hidden], [between, hidden], [between, hidden],
              [hidden, between]]
    w = [(torch.randn(s) * 0.02 + (len(s) == 1)).to(device, dtype) for s in shapes]
    x, gy = (torch.randn(n, hidden).to(device, dtype) for _ in range(2))
    g = [torch.zeros_like(v, dtype=torch.float32 if hidden < 1000 else dtype) for v in w]
    positions = torch.cat([torch.arange(k) for k in lengths]).to(device)
    cu = torch.tensor([0, *lengths]).cumsum(0).int().to(device)
    documents = ops.documents(positions, frequencies(head_dim, device), cu, torch.tensor([max(lengths), *lengths]).int(), x)
    return x, gy, documents, w, g


def gradients(small, *args, fused=True):
    ops = load(**small, dtype=args[-1], device=args[-2], fused=fused)
    x, gy, documents, w, g = made(ops, *args)
    for _ in range(4):  # nothing is fused before it has run some times
        torch._foreach_zero_(g)
        y, *kept = ops.layer_keeping(x, documents, NO_SEEDS, w)
        gx = ops.layer_backward(gy, kept, documents, NO_SEEDS, w, g, ADDED)
    over = [torch.full_like(t, torch.nan) for t in g]
    ops.layer_backward(gy, kept, documents, NO_SEEDS, w, over, WRITTEN)
    for a, b in zip(over, g):  # of what lay there nothing is left
        torch.testing.assert_close(a, b, rtol=0.02, atol=0.02 * b.abs().max().item())
    return [t.float().cpu() for t in (y, gx, *g)]


def adapters(w, g, rank, places, dtype):
    """A and B of each of the nine weights behind them, and their gradients; of the others nothing is trained."""
    none = torch.zeros(0, device=w[0].device, dtype=dtype)
    ab = [none] * 18
    for i in places:
        out, inn = w[i].shape
        ab[2 * i:2 * i + 2] = ((torch.randn(s) * 0.05).to(w[0].device, dtype) for s in ((rank, inn), (out, rank)))
    frozen = none.float()
    return w + ab, [frozen] * len(w) + [torch.zeros_like(t, dtype=torch.float32) for t in ab]


def adapted(small, dropped, checkpointing, *args):
    """A layer's output, the gradients of its input and of its adapters."""
    ops = load(**small, dtype=args[-1], device=args[-2], adapted=True, scaling=0.7, stay=0.75)
    x, gy, documents, w, g = made(ops, *args)
    w, g = adapters(w, g, 8, (1, 2, 3, 4, 6, 7, 8), args[-1])
    seeds = torch.arange(9) * 1000003 if dropped else NO_SEEDS
    for _ in range(4):
        torch._foreach_zero_(g)
        if checkpointing:
            y = ops.layer(x, documents, seeds, w)
            gx = ops.layer_recomputing(gy, x, documents, seeds, w, g, ADDED)
        else:
            y, *kept = ops.layer_keeping(x, documents, seeds, w)
            gx = ops.layer_backward(gy, kept, documents, seeds, w, g, ADDED)
    return [t.float().cpu() for t in (y, gx, *(t for t in g if t.numel()))]


def timed(what, run):
    for _ in range(5):
        run()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before, start = torch.cuda.memory_allocated(), time.perf_counter()
    for _ in range(20):
        run()
    torch.cuda.synchronize()
    print(f"{what}: {(time.perf_counter() - start) * 50:.2f} ms, {(torch.cuda.max_memory_allocated() - before) / 2**20:.0f} MiB",
          "at the peak", flush=True)


def head_and_embedding(small, n, hidden, vocabulary, device, dtype, fused=True):
    ops = load(**small, dtype=dtype, device=device, fused=fused)
    torch.manual_seed(0)
    x, norm, head = torch.randn(n, hidden), torch.randn(hidden) * 0.02 + 1, torch.randn(vocabulary, hidden) * 0.05
    at, targets, ids = torch.arange(0, n, 2), torch.randint(0, vocabulary, (n // 2,)), torch.randint(0, 50, (n,)).int()
    x, norm, head = (t.to(device, dtype) for t in (x, norm, head))
    at, targets, ids = (t.to(device) for t in (at, targets, ids))
    g = [torch.zeros_like(t, dtype=torch.float32) for t in (norm, head, head)]
    for _ in range(4):
        torch._foreach_zero_(g)
        loss, gx = ops.head(x, at, targets, torch.tensor(2 / n), torch.tensor([n // 4, n // 8]), [norm, head], g[:2], ADDED)
        ops.embed_backward(gx, ids, g[2], ADDED)
    return [t.float().cpu() for t in (loss, ops.scores(x, at, targets, torch.tensor(n // 8), [norm, head]), gx, *g)]


def next_tokens(small, lengths, hidden, between, heads, kv_heads, head_dim, device, dtype):
    ops = load(**small, dtype=dtype, device=device)
    x, _, documents, w, _ = made(ops, lengths, hidden, between, heads, kv_heads, head_dim, device, dtype)
    capacity, positions = max(lengths) + 1, torch.tensor(lengths, device=device)
    rows = torch.arange(len(lengths), device=device) * capacity
    cache = ops.cache(torch.tensor(len(lengths) * capacity), x)
    places = torch.cat([rows[i] + torch.arange(k, device=device) for i, k in enumerate(lengths)])
    y = ops.layer_prompts(x, documents, places, w, cache)
    none = torch.zeros(1, dtype=torch.int32)
    documents = ops.documents(positions, frequencies(head_dim, device), none.to(device), none, x)
    token = torch.randn(len(lengths), hidden).to(device, dtype)
    z = ops.layer_next(token, documents, rows + positions, positions, torch.tensor(capacity), w, cache)
    return [t.float().cpu() for t in (y, z)]


def coded(w, form):
    """A weight's codes, what scales them, what scales that, and the tables, as Codes.java has them made."""
    ops = load("../quantize/quantize.py")
    none, zero = w.new_empty(0, dtype=torch.float32), torch.tensor(0)
    nf4, dynamic = (t.to(w.device) for t in TABLES)
    middles = lambda table: (table[:-1] + table[1:]) / 2
    if form == "int8":
        codes, absmax = torch.empty_like(w, dtype=torch.int8), w.new_empty(len(w), dtype=torch.float32)
        ops.int8(w.float().flatten(), zero, codes, absmax)
        return codes, absmax, none, none, none
    codes = w.new_empty(w.numel() // 2, dtype=torch.uint8)
    absmax, scales, byte = w.new_empty(w.numel() // 64, dtype=torch.float32), none, torch.arange(256)
    ops.nf4(w.float().flatten(), zero, middles(nf4), codes, absmax)
    if form == "nested":
        absmax, scales = ops.nested(absmax, middles(dynamic))
    return codes, absmax, scales, torch.stack([nf4[byte >> 4], nf4[byte & 15]], 1), dynamic


def layer_of_codes(w, form):
    """A layer's weights, those of its products in codes."""
    none = w[0].new_empty(0, dtype=torch.float32)
    made = [coded(t, form) if t.dim() == 2 else (t, none, none) for t in w]
    return [m[0] for m in made] + [m[1] for m in made] + [m[2] for m in made] + list(made[1][3:])


def codes_are_those_of_the_cpu(form):
    torch.manual_seed(0)
    w = [torch.randn(s).mul(0.02).bfloat16() for s in ([256], [256, 256], [64, 256], [64, 256], [256, 256], [256], [512, 256],
                                                      [512, 256], [256, 512])]
    there, here = layer_of_codes([t.cuda() for t in w], form), layer_of_codes(w, form)
    assert all(torch.equal(a.cpu(), b) for a, b in zip(there, here)), form
    for dtype in (torch.bfloat16, torch.float32):
        ops = load(hidden=256, heads=8, kv_heads=2, head_dim=32, eps=1e-5, intermediate=512, quantized=True, dtype=dtype)
        for i in (1, 2, 6, 8):
            for _ in range(4):
                dense = ops.weight(there, i)
            assert torch.equal(dense.cpu(), ops.weight(here, i)), (form, dtype, i)
    print(form, "codes and what they stand for in bf16 and fp32: on the GPU those of the CPU to the bit")


def bytes_and_back(ops, dtype, folder):
    x = torch.randn(1000, 37, device="cuda").to(dtype)
    parts = [ops.bytes(x, torch.tensor(at), torch.tensor(min(9999, x.numel() - at))) for at in range(0, x.numel(), 9999)]
    file, y = pathlib.Path(folder) / "numbers", torch.zeros_like(x)
    file.write_bytes(b"".join(p.numpy().tobytes() for p in parts))
    ops.read_into(y, str(file), torch.tensor(x.numel()), torch.tensor(0))
    assert torch.equal(x, y) and file.read_bytes() == x.cpu().view(torch.uint8).numpy().tobytes(), dtype
    print(dtype, "on the GPU goes to a file and back to the bit")


with torch.no_grad():
    print(torch.__version__, torch.cuda.get_device_name(), flush=True)
    small = dict(hidden=256, heads=8, kv_heads=2, head_dim=32, eps=1e-5)
    names = "y gx norm1 q k v o norm2 gate up down loss scores gx norm head embed".split()
    for lengths in ([100, 17, 1, 138], [128] * 2):  # the second one is cuDNN's
        args = (lengths, 256, 512, 8, 2, 32)
        on_cpu = gradients(small, *args, "cpu", torch.float32) + head_and_embedding(small, 256, 256, 1000, "cpu", torch.float32)
        for fused in (True, False):
            on_gpu = gradients(small, *args, "cuda", torch.bfloat16, fused=fused)
            on_gpu += head_and_embedding(small, 256, 256, 1000, "cuda", torch.bfloat16, fused=fused)
            offs = {name: ((a - b).abs().max() / b.abs().max()).item() for name, a, b in zip(names, on_gpu, on_cpu)}
            worst = max(offs, key=offs.get)
            print(f"documents {lengths}, {'kernels of newer libraries' if fused else 'composed norms, flash'}: bf16 on the GPU is at",
                  f"most {offs[worst]:.4f} ({worst}) off fp32 on the CPU")
            assert offs[worst] < 0.05, offs

    args = ([100, 17, 1, 138], 256, 512, 8, 2, 32)
    off = [((a - b).abs().max() / b.abs().max()).item() for a, b in
           zip(adapted(small, False, False, *args, "cuda", torch.bfloat16), adapted(small, False, False, *args, "cpu", torch.float32))]
    print(f"adapters: bf16 on the GPU is at most {max(off):.4f} off fp32 on the CPU")
    assert len(off) == 16 and max(off) < 0.05
    once, again = (adapted(small, True, False, *args, "cuda", torch.bfloat16) for _ in range(2))
    plain = adapted(small, False, False, *args, "cuda", torch.bfloat16)
    recomputed = adapted(small, True, True, *args, "cuda", torch.bfloat16)
    assert torch.equal(once[0], again[0]) and torch.equal(once[0], recomputed[0]) and not torch.equal(once[0], plain[0])
    off = [((a - b).abs().max() / b.abs().max()).item() for a, b in zip(recomputed, once)]
    print(f"dropout: the same each time; computed again at most {max(off):.4f} off")
    assert max(off) < 0.02
    ops, x = load(**small, stay=0.75), torch.ones(2000, 1000, device="cuda", dtype=torch.bfloat16)
    masks = [ops.dropped(x, torch.arange(9), i)[1].float() for i in (1, 2)]
    kept, both = masks[0].mean().item(), (masks[0] * masks[1]).mean().item()
    print(f"dropout: {kept:.4f} of the numbers stay, {both:.4f} in two masks")
    assert abs(kept - 0.75) < 0.002 and abs(both - 0.75 ** 2) < 0.002

    for lengths in ([100, 17, 1, 138], [30]):
        args = (lengths, 256, 512, 8, 2, 32)
        both = zip(next_tokens(small, *args, "cuda", torch.bfloat16), next_tokens(small, *args, "cpu", torch.float32))
        for name, (a, b) in zip(("prompts", "next"), both):
            off = ((a - b).abs().max() / b.abs().max()).item()
            print(f"{name}, {len(lengths)} rows: bf16 on the GPU is {off:.4f} off fp32 on the CPU")
            assert off < 0.05, name
    with tempfile.TemporaryDirectory() as folder:
        for dtype in (torch.float32, torch.bfloat16):
            bytes_and_back(load("bytes.py"), dtype, folder)

    ops = load(hidden=4096, heads=32, kv_heads=32, head_dim=128, eps=1e-5)
    for lengths in ([1024] * 8, [256] * 32, [1000, 24] * 8):
        x, gy, documents, w, g = made(ops, lengths, 4096, 11008, 32, 32, 128, "cuda", torch.bfloat16)
        def kept(beta=WRITTEN):
            y, *kept = ops.layer_keeping(x, documents, NO_SEEDS, w)
            ops.layer_backward(gy, kept, documents, NO_SEEDS, w, g, beta)

        timed(f"layer of 7B, {len(lengths)} documents of {lengths[0]}, gradients written", kept)
        timed(f"layer of 7B, {len(lengths)} documents of {lengths[0]}, gradients added", lambda: kept(ADDED))

    # Frozen but for adapters of rank 64 on q, k, v, o; as checkpointing runs it, and as all is kept.
    x, gy, documents, w, g = made(ops, [1024] * 8, 4096, 11008, 32, 32, 128, "cuda", torch.bfloat16)
    frozen = [torch.zeros(0, device="cuda")] * 9
    with_ab, g = adapters(w, frozen, 64, (1, 2, 3, 4), torch.bfloat16)
    seven = dict(hidden=4096, heads=32, kv_heads=32, head_dim=128, eps=1e-5)
    lora = load(**seven, adapted=True, scaling=0.25, stay=0.9)
    cases = [("frozen, no adapters", ops, NO_SEEDS, w, frozen), ("adapters", lora, NO_SEEDS, with_ab, g),
             ("adapters, dropout", lora, torch.arange(9), with_ab, g)]
    for form in ("int8", "nf4", "nested"):
        codes_are_those_of_the_cpu(form)
        codes = layer_of_codes(w, form)
        print(f"a layer's weights in {form}: {sum(t.nbytes for t in codes[:-2]) / 2**20:.0f} MiB")
        qlora = load(**seven, adapted=True, scaling=0.25, quantized=True, scales=27, intermediate=11008)
        cases.append((f"adapters on {form}", qlora, NO_SEEDS, codes[:9] + with_ab[9:] + codes[9:], g))
    for name, it, seeds, weights, into in cases:
        def kept():
            y, *kept = it.layer_keeping(x, documents, seeds, weights)
            it.layer_backward(gy, kept, documents, seeds, weights, into, ADDED)

        def recomputed():
            it.layer(x, documents, seeds, weights)
            it.layer_recomputing(gy, x, documents, seeds, weights, into, ADDED)

        timed(f"layer of 7B, {name}, kept", kept)
        timed(f"layer of 7B, {name}, computed again", recomputed)
