#!/usr/bin/env python3
"""The Python peer as it comes: what TRL's SFTTrainer does with the rows before the first step.

The model is a tiny random Llama, so that only the preparation of data counts. Prints JSON.
"""

import argparse
import json
import sys
import time

STARTED = time.monotonic()
sys.modules["wandb"] = None  # imported by TRL where it is installed; no part of this

import datasets
import torch
import transformers
import trl
from make_rows import shaped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", help="JSONL of prompt/completion rows, or of Alpaca rows")
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--cores", type=int, required=True)
    parser.add_argument("--max_length", type=int, default=1024)
    parser.add_argument("--packing_strategy", default="bfd")
    parser.add_argument("--output_dir", required=True)
    args = parser.parse_args()
    imported = time.monotonic() - STARTED

    rows = datasets.load_dataset("json", data_files=args.rows, split="train")
    if "instruction" in rows.column_names:
        rows = rows.map(
            lambda row: shaped(row, "prompt_completion"),
            remove_columns=rows.column_names,
            num_proc=args.cores,
        )
    tokenizer = transformers.AutoTokenizer.from_pretrained(args.tokenizer)
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
        )
    )
    trainer = trl.SFTTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=rows,
        args=trl.SFTConfig(
            output_dir=args.output_dir,
            packing=True,
            packing_strategy=args.packing_strategy,
            max_length=args.max_length,
            dataset_num_proc=args.cores,
            report_to="none",
            use_cpu=True,
        ),
    )
    batch = next(iter(trainer.get_train_dataloader()))
    first_batch = time.monotonic() - STARTED
    assert (batch["labels"] != -100).any()
    chunks = trainer.train_dataset
    print(
        json.dumps(
            {
                "rows": len(rows),
                "chunks": len(chunks),
                "tokens": sum(sum(lengths) for lengths in chunks["seq_lengths"]),
                "import_s": imported,
                "first_batch_s": first_batch,
                "versions": {m.__name__: m.__version__ for m in (trl, transformers, datasets, torch)},
            }
        )
    )


if __name__ == "__main__":
    main()
