"""Loads models that we merged into transformers, and compares with what PEFT merges.

Run from the repository's root, with the `torch`, `transformers` and `peft` packages, after MergedModelTest:
    python tests/parity/load_merged.py trainer/target/merged trainer/src/test/resources/adapters
"""

import pathlib
import sys

import peft
import torch
import transformers
from transformers import AutoModelForCausalLM

print({m.__name__: m.__version__ for m in (torch, transformers, peft)})
for folder in sorted(p for p in pathlib.Path(sys.argv[1]).iterdir() if p.is_dir()):
    adapter = pathlib.Path(sys.argv[2]) / folder.name
    base = peft.PeftConfig.from_pretrained(adapter).base_model_name_or_path
    theirs = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype="auto"), adapter)
    theirs = theirs.merge_and_unload().state_dict()
    ours, info = AutoModelForCausalLM.from_pretrained(folder, dtype="auto", output_loading_info=True)
    assert not any(info.values()), info
    ours = ours.state_dict()
    assert ours.keys() == theirs.keys()
    off = max(((ours[k].float() - theirs[k].float()).abs().max() / theirs[k].float().abs().max()).item() for k in ours)
    same = sum(torch.equal(ours[k], theirs[k].to(ours[k].dtype)) for k in ours)
    print(f"{folder.name:9} {ours['lm_head.weight'].dtype}: max |Δ w| / max |w| = {off:.1e}, {same} of {len(ours)} equal to the bit")
    assert off < 1e-6
