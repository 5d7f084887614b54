#!/usr/bin/env python3
"""How far the gradients of `pipeline run`, products in bfloat16, are off those in single precision,
beside those that transformers makes in bfloat16 of the same weights: of a random model, and of the
same after a few steps, when noise has grown. On a GPU where both sides find one; so far it has
run on the CPU alone.

A first step of AdamW under a large epsilon is the gradient: learning_rate * g / (|g| + epsilon).

    bf16_gradients.py [--scratch FOLDER]  (of a venv with torch, transformers)
"""

import argparse
import json
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parents[2]
ROWS, LENGTH, VOCABULARY = 4, 1024, 2000
KINDS = ("embed", "q_proj", "k_proj", "v_proj", "o_proj", "mlp", "norm", "lm_head")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def train(scratch, model, output, **keys):
    keys = {
        "dataset_name": scratch / "rows.jsonl",
        "model_name_or_path": model,
        "output_dir": output,
        "dtype": "float32",
        "bf16": "true",
        "per_device_train_batch_size": ROWS,
        "train_sampling_strategy": "sequential",
        "lr_scheduler_type": "constant",
        "save_strategy": "no",
        "report_to": "none",
        **keys,
    }
    command = [ROOT / "pipeline/bin/pipeline", "run", *(f"--{k}={v}" for k, v in keys.items())]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return load_file(output / "model.safetensors")


def of_transformers(folder, ids, dtype):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).to(DEVICE)
    model(input_ids=ids, labels=ids).loss.backward()
    return {name: p.grad.float().cpu() for name, p in model.named_parameters()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch")
    scratch = Path(tempfile.mkdtemp(dir=parser.parse_args().scratch))
    torch.manual_seed(0)
    often = torch.arange(1, VOCABULARY + 1).float().reciprocal()  # as words of a language
    ids = torch.multinomial(often, ROWS * LENGTH, replacement=True).view(ROWS, LENGTH)
    rows = "".join(json.dumps({"input_ids": row}) + "\n" for row in ids.tolist())
    (scratch / "rows.jsonl").write_text(rows)
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=256, intermediate_size=704, num_hidden_layers=4,
        num_attention_heads=8, num_key_value_heads=4, max_position_embeddings=LENGTH,
    )  # fmt: skip
    random = scratch / "random"
    transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(random)
    later = scratch / "later"
    train(scratch, random, later, max_steps=14, learning_rate=1e-3, dtype="bfloat16")
    print(f"relative error of gradients, {DEVICE}, transformers {transformers.__version__}, torch {torch.__version__}")
    print(f"{'':12}{'ours':>8}{'theirs':>8}{'ours, after 14 steps':>24}{'theirs':>8}")
    off = defaultdict(list)
    for at, folder in enumerate((random, later)):
        before = load_file(folder / "model.safetensors")
        flags = dict(max_steps=1, max_grad_norm=0, learning_rate=1e3, adam_epsilon=1e3)
        after = train(scratch, folder, scratch / f"step-{at}", **flags)
        right = of_transformers(folder, ids.to(DEVICE), torch.float32)
        theirs = of_transformers(folder, ids.to(DEVICE), torch.bfloat16)
        for name, g in right.items():
            ours = before[name].float() - after[name].float()
            kind = next(it for it in KINDS if it in name)
            off[kind, at].append([((it - g).norm() / g.norm()).item() for it in (ours, theirs[name])])
    for kind in KINDS:
        (a, b), (c, d) = (torch.tensor(off[kind, at]).mean(0).tolist() for at in (0, 1))
        print(f"{kind:12}{a:8.4f}{b:8.4f}{c:24.4f}{d:8.4f}")


if __name__ == "__main__":
    main()
