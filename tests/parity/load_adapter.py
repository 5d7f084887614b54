"""Loads adapters that we wrote into PEFT, and compares logits with ours.

Run from the repository's root, with the `torch`, `transformers` and `peft` packages, after SavedAdapterTest:
    python tests/parity/load_adapter.py trainer/target/adapters
"""

import json
import pathlib
import sys
import warnings

import numpy
import peft
import torch
import transformers
from transformers import AutoModelForCausalLM

print({m.__name__: m.__version__ for m in (torch, transformers, peft)})
warnings.simplefilter("error")  # a missing or unexpected key is a warning of PEFT
for folder in sorted(p for p in pathlib.Path(sys.argv[1]).iterdir() if p.is_dir()):
    config = peft.PeftConfig.from_pretrained(folder)
    base = pathlib.Path(config.base_model_name_or_path)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="eager")
    model = peft.PeftModel.from_pretrained(model, folder).eval()
    b = json.loads((base / "batch.json").read_text())
    ids, at, rows = torch.tensor(b["inputIds"]), 0, []
    with torch.no_grad():
        for n in (n for row in b["seqLengths"] for n in row):
            rows.append(model(input_ids=ids[None, at:at + n]).logits[0])
            at += n
    theirs = torch.cat(rows)
    ours = torch.from_numpy(numpy.fromfile(folder / "logits.f32", dtype="<f4").copy()).view_as(theirs)
    off = ((ours - theirs).abs().max() / theirs.abs().max()).item()
    print(f"{folder.name:9} max |Δ logits| / max |logits| = {off:.1e}")
    assert off < 1e-4
