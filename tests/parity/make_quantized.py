"""Quantized weights after bitsandbytes' published definition, written anew in numpy, for CodesTest and QuantizedTest.

Run from the repository's root, with the `torch`, `numpy` and `safetensors` packages:
    python tests/parity/make_quantized.py trainer/src/test/resources/quantize
weights.safetensors holds odd weights, expected.safetensors their codes, what scales them, and what they stand for, in fp32
and bf16. Where `bitsandbytes` can be imported, its own results on the CPU are compared and the differences printed.

The definition (QLoRA, appendix E, and LLM.int8(); bitsandbytes: functional.py, csrc/kernels.cu):
- nf4: of each 64 numbers, row after row, the largest magnitude (fp32); x * (1 / largest) becomes the nearest of 16 constants,
  the lower one where it lies in the middle; the first of two codes stands in the upper half of its byte.
- nested: those magnitudes, less their mean, in blocks of 256, each the nearest of 256 constants times the block's largest.
- int8: of each row the largest magnitude (fp32); round(x * (127 / largest)), halves to even.
Where it leaves a choice: zeros get the code of zero (bitsandbytes' CUDA kernel divides zero by zero there and arrives at
minus zero); the mean is taken in fp64 and rounded, so that it does not depend on the order of a sum; nothing is rounded to
fp16 before int8, as its kernel does because it takes no other type.
"""

import json
import pathlib
import sys

import numpy as np
import safetensors
import torch
from safetensors.torch import save_file

NF4 = np.array([-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
                -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
                0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0],
               np.float32)
TINY = np.float32(1.2e-38)


def fma(a, b, c):
    """a * b + c rounded once: the product of two fp32 is exact in fp64, and so are these sums to far below half an ulp."""
    return np.float32(np.float64(a) * np.float64(b) + np.float64(c))


def dynamic():
    """create_dynamic_map(): for each power of ten the middles of 1, 2, 4, … 64 equal parts of [0.1, 1], in fp32, both signs.

    The parts are those of torch.linspace on a processor that multiplies and adds at once (every one with AVX2).
    """
    values = [np.float32(0), np.float32(1)]
    for i in range(7):
        parts = 2**i
        step = (np.float32(1) - np.float32(0.1)) / np.float32(parts)
        ends = [fma(step, k, np.float32(0.1)) if 2 * k < parts else fma(-step, parts - k, np.float32(1)) for k in range(parts + 1)]
        for low, high in zip(ends, ends[1:]):
            v = np.float32(10.0 ** (i - 6)) * ((low + high) / np.float32(2))
            values += [v, -v]
    return np.sort(np.array(values, np.float32))


def blockwise(x, table, size):
    """Codes of x (1-d, fp32) in blocks of `size`, and each block's largest magnitude."""
    codes, largest = [], []
    for at in range(0, len(x), size):
        block = x[at:at + size]
        top = np.abs(block).max()
        scaled = block * (np.float32(1) / max(top, TINY))
        codes.append(np.searchsorted((table[:-1] + table[1:]) / np.float32(2), scaled, side="left"))  # a tie: the lower
        largest.append(top)
    return np.concatenate(codes).astype(np.uint8), np.array(largest, np.float32)


def unblocked(codes, largest, table, size):
    return table[codes] * np.repeat(largest, size)[:len(codes)]


def packed(codes):
    codes = np.append(codes, np.uint8(7)) if len(codes) % 2 else codes
    return codes[::2] << 4 | codes[1::2]


def quantized(x):
    """Everything that is expected of x (rows, columns), fp32."""
    out = {}
    codes, largest = blockwise(x.ravel(), NF4, 64)
    out["nf4.codes"], out["nf4.absmax"] = packed(codes), largest
    out["nf4.fp32"] = unblocked(codes, largest, NF4, 64).reshape(x.shape)
    mean = np.float32(largest.astype(np.float64).mean())
    again, tops = blockwise(largest - mean, dynamic(), 256)
    out["nested.codes"], out["nested.absmax"], out["nested.mean"] = again, tops, mean.reshape(1)
    out["nested.fp32"] = unblocked(codes, unblocked(again, tops, dynamic(), 256) + mean, NF4, 64).reshape(x.shape)
    top = np.abs(x).max(1, keepdims=True)
    # A row of zeros divided by anything is zeros.
    out["int8.codes"] = np.rint(x * (np.float32(127) / np.maximum(top, np.float32(1e-36)))).astype(np.int8)
    out["int8.absmax"] = top[:, 0]
    out["int8.fp32"] = out["int8.codes"].astype(np.float32) * top * np.float32(1 / 127)
    return out


def weights():
    rng = np.random.default_rng(6)
    normal = lambda *shape: torch.tensor(rng.normal(0, 0.05, shape), dtype=torch.float32)
    ties = torch.tensor(np.concatenate([NF4, (NF4[:-1] + NF4[1:]) / np.float32(2), [0.5, -0.0]] * 2)[:64].reshape(1, 64))
    halves = torch.arange(-127, 128).float().view(1, 255) / 2
    halves[0, 0] = 127
    zeros = normal(6, 64)
    zeros[1], zeros[4, :32] = 0, 0
    outlier = normal(4, 96)
    outlier[2, 50] = 30
    return {"plain": normal(24, 32), "odd": normal(5, 33), "single": normal(1, 1), "ties": ties.float(), "halves": halves,
            "zeros": zeros, "outlier": outlier, "bf16": normal(7, 48).bfloat16(), "fp16": normal(3, 40).half(),
            "many": normal(130, 127).bfloat16()}


def against_bitsandbytes(name, x, ours):
    import bitsandbytes.functional as F
    differ = lambda a, b: int((torch.as_tensor(a).flatten() != torch.as_tensor(b).flatten()).sum())
    found = {}
    for nested, kind in ((False, "nf4"), (True, "nested")):
        codes, state = F.quantize_4bit(x, compress_statistics=nested, quant_type="nf4")
        state.dtype = torch.float32
        found["nf4.codes"] = differ(codes, ours["nf4.codes"])
        found[kind + ".absmax codes" if nested else "nf4.absmax"] = differ(state.absmax, ours["nested.codes" if nested else "nf4.absmax"])
        found[kind + ".fp32"] = differ(F.dequantize_4bit(codes, state).reshape(x.shape), ours[kind + ".fp32"])
    found["mean, ulp"] = int((state.offset - torch.tensor(ours["nested.mean"])).abs().item() / np.spacing(ours["nested.mean"][0]))
    codes, top, _ = F.int8_vectorwise_quant(x)
    found["int8.codes"] = differ(codes, ours["int8.codes"])
    found["int8.fp32"] = differ(F.int8_vectorwise_dequant(torch.as_tensor(ours["int8.codes"]), top), ours["int8.fp32"])
    print(f"{name:8} of {x.numel():6} numbers, differ:", {k: v for k, v in found.items() if v} or "none")


root = pathlib.Path(sys.argv[1])
root.mkdir(parents=True, exist_ok=True)
expected = {"dynamic": torch.tensor(dynamic()), "nf4": torch.tensor(NF4)}
versions = {m.__name__: m.__version__ for m in (torch, np, safetensors)}
try:
    import bitsandbytes
    print("bitsandbytes", bitsandbytes.__version__)
except ImportError:
    bitsandbytes = None
    print("no bitsandbytes here")
for name, w in weights().items():
    result = quantized(w.float().numpy())
    for key, value in result.items():
        expected[f"{name}.{key}"] = torch.tensor(value)
        if key.endswith("fp32"):
            expected[f"{name}.{key[:-4]}bf16"] = torch.tensor(value).bfloat16()
    if bitsandbytes:
        against_bitsandbytes(name, w, result)
if bitsandbytes:
    import bitsandbytes.functional as F
    print("dynamic map differs in", int((F.create_dynamic_map() != expected["dynamic"]).sum()))
save_file(weights(), root / "weights.safetensors")
save_file(expected, root / "expected.safetensors")
(root / "versions.json").write_text(json.dumps(versions) + "\n")
print(versions, sum(f.stat().st_size for f in root.iterdir()), "bytes")
