#!/usr/bin/env python3
"""The peer's side of compare: transformers' own model on the same shards, from the same weights.

SDPA, fused AdamW, clipping, documents isolated by position_ids; the time of the steps alone.
"""

import argparse
import json
import time
from pathlib import Path

import pyarrow.parquet as parquet
import torch
import transformers


def batches(folder, size):
    for file in sorted(Path(folder).glob("part-*.parquet")):
        rows = parquet.read_table(file).to_pylist()
        for at in range(0, len(rows) - size + 1, size):
            chunks = rows[at : at + size]
            positions = [[i for n in chunk["seq_lengths"] for i in range(n)] for chunk in chunks]
            yield (
                torch.tensor([chunk["input_ids"] for chunk in chunks]),
                torch.tensor([chunk["labels"] for chunk in chunks]),
                torch.tensor(positions),
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("shards")
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        args.model, dtype=torch.float32, attn_implementation="sdpa"
    )
    model.train()
    adamw = torch.optim.AdamW(model.parameters(), lr=2e-5, weight_decay=0.0, fused=True)
    run = torch.compile(model) if args.compile else model
    seconds, tokens, losses = 0.0, 0, []
    for step, (ids, labels, positions) in enumerate(batches(args.shards, args.batch)):
        begin = time.monotonic()
        loss = run(input_ids=ids, labels=labels, position_ids=positions, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adamw.step()
        adamw.zero_grad()
        losses.append(loss.item())
        if step > 0 or not args.compile:  # the first compiles
            seconds += time.monotonic() - begin
            tokens += ids.numel()
        if step + 1 == args.steps:
            break
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    print(
        json.dumps(
            {
                "tokens_per_s": tokens / seconds,
                "loss": losses[-1],
                "parameters": sum(p.numel() for p in model.parameters()),
                "versions": versions,
            }
        )
    )


if __name__ == "__main__":
    main()
