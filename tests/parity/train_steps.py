#!/usr/bin/env python3
"""Trains the embedded model for six steps with `pipeline run`, then loads the checkpoint of the
first step into transformers, moments included, and makes the other five there, on the same shards:
documents isolated, loss over trained tokens, PyTorch's AdamW, clipping, cosine with warm-up.

Prints losses, gradient norms and the largest difference of the weights after the last step.

    train_steps.py [--scratch FOLDER]  (of a venv with torch, transformers, pyarrow)
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import pyarrow.parquet as parquet
import torch
import transformers
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parents[2]
STEPS = 6
BATCH = 2
KEYS = {
    "per_device_train_batch_size": BATCH,
    "max_steps": STEPS,
    "save_strategy": "steps",
    "save_steps": 1,
    "logging_steps": 1,
    "eval_strategy": "no",
    "warmup_steps": 2,
    "weight_decay": 0.1,
    "max_grad_norm": 1.0,
    "learning_rate": 2e-3,
    "lr_scheduler_type": "cosine",
    "train_sampling_strategy": "sequential",
}


def pipeline(*arguments):
    subprocess.run([str(ROOT / "pipeline/bin/pipeline"), *map(str, arguments)], check=True)


def batches(folder):
    rows = parquet.read_table(sorted(Path(folder).glob("part-*.parquet"))).to_pylist()
    for at in range(0, STEPS * BATCH, BATCH):
        chunks = rows[at : at + BATCH]
        length = len(chunks[0]["input_ids"])
        ids = torch.tensor([chunk["input_ids"] for chunk in chunks])
        labels = torch.tensor([chunk["labels"] for chunk in chunks])
        documents = torch.stack(
            [
                torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
                for lengths in (chunk["seq_lengths"] for chunk in chunks)
            ]
        )
        positions = torch.tensor(
            [[i for n in chunk["seq_lengths"] for i in range(n)] for chunk in chunks]
        )
        same = documents[:, :, None] == documents[:, None, :]
        mask = same & torch.ones(length, length, dtype=torch.bool).tril()
        yield ids, labels, positions, mask[:, None]


def groups(model):
    decays = {
        name for name, _ in model.named_parameters() if "norm" not in name and ".bias" not in name
    }
    for some, decay in ((True, KEYS["weight_decay"]), (False, 0.0)):
        named = [p for name, p in model.named_parameters() if (name in decays) == some]
        yield {"params": named, "weight_decay": decay}


def optimizer(model, folder):
    moments = load_file(folder / "optimizer.safetensors")
    adamw = torch.optim.AdamW(list(groups(model)), lr=KEYS["learning_rate"], betas=(0.9, 0.999))
    for name, parameter in model.named_parameters():
        adamw.state[parameter] = {
            "step": torch.tensor(1.0),
            "exp_avg": moments["exp_avg." + name].clone(),
            "exp_avg_sq": moments["exp_avg_sq." + name].clone(),
        }
    return adamw


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scratch")
    scratch = Path(tempfile.mkdtemp(dir=parser.parse_args().scratch))
    packed, run = scratch / "packed", scratch / "run"
    pipeline("pack", "--max_length", 256, "--output_dir", packed)
    tiny = ROOT / "datasets/tiny-tasks"
    flags = [word for key, value in KEYS.items() for word in (f"--{key}", value)]
    pipeline(
        *("run", "--dataset_name", packed, "--model_name_or_path", tiny, *flags),
        *("--tokenizer_name_or_path", tiny / "tokenizer", "--output_dir", run),
    )
    log = json.loads((run / f"checkpoint-{STEPS}/trainer_state.json").read_text())["log_history"]

    torch.manual_seed(0)
    begin = run / "checkpoint-1"
    model = transformers.AutoModelForCausalLM.from_pretrained(begin, attn_implementation="sdpa")
    model.train()
    adamw = optimizer(model, begin)
    schedule = transformers.get_cosine_schedule_with_warmup(adamw, KEYS["warmup_steps"], STEPS)
    print(f"torch {torch.__version__}, transformers {transformers.__version__}")
    print("| step | loss, ours | theirs | gradient norm, ours | theirs |\n|---|---|---|---|---|")
    for step, (ids, labels, positions, mask) in enumerate(batches(packed), 1):
        if step > 1:
            logits = model(input_ids=ids, position_ids=positions, attention_mask=mask).logits
            targets = labels[:, 1:].reshape(-1)
            loss = torch.nn.functional.cross_entropy(
                logits[:, :-1].reshape(len(targets), -1).float(), targets, ignore_index=-100
            )
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), KEYS["max_grad_norm"])
            adamw.step()
            adamw.zero_grad()
            ours = log[step - 1]
            print(
                f"| {step} | {ours['loss']:.7f} | {loss.item():.7f} "
                f"| {ours['grad_norm']:.7f} | {norm.item():.7f} |"
            )
        schedule.step()
    ours = load_file(run / "model.safetensors")
    theirs = dict(model.named_parameters())
    worst = max(
        ((ours[name] - theirs[name]).abs().max() / theirs[name].abs().max()).item() for name in ours
    )
    print(f"weights after step {STEPS}: largest max |difference| / max |weight| {worst:.1e}")


if __name__ == "__main__":
    main()
