#!/usr/bin/env python3
"""The careful hand-written way in Python: one batched map, one tokenization a row, exact masks.

As cheap as we could make it: the tokenizer's own library, on all cores, without the seconds that
transformers takes to start; where the completion begins is asked of the encoding, so no list of
offsets is built; the rows are streamed. Nothing is packed, nothing is written. Prints JSON.
"""

import argparse
import json
import time
from pathlib import Path

STARTED = time.monotonic()
import datasets
import tokenizers
from make_rows import shaped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", help="JSONL of prompt/completion rows, or of Alpaca rows")
    parser.add_argument("--tokenizer", required=True)
    args = parser.parse_args()
    folder = Path(args.tokenizer)
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    end = tokenizer.token_to_id(config["eos_token"])
    counts = {"rows": 0, "tokens": 0, "trained": 0}

    def prepare(batch):
        if "instruction" in batch:
            rows = [dict(zip(batch, values)) for values in zip(*batch.values())]
            rows = [shaped(row, "prompt_completion") for row in rows]
            prompts = [row["prompt"] for row in rows]
            texts = [row["prompt"] + row["completion"] for row in rows]
        else:
            prompts = batch["prompt"]
            texts = [p + c for p, c in zip(prompts, batch["completion"])]
        all_ids, all_labels = [], []
        for prompt, encoding in zip(prompts, tokenizer.encode_batch(texts)):
            ids = encoding.ids
            first = encoding.char_to_token(len(prompt))  # none: the completion is empty
            first = len(ids) if first is None else first
            ids.append(end)
            all_ids.append(ids)
            all_labels.append([-100] * first + ids[first:])
        return {"input_ids": all_ids, "labels": all_labels}

    rows = datasets.load_dataset("json", data_files=args.rows, split="train", streaming=True)
    rows = rows.map(prepare, batched=True, batch_size=1000, remove_columns=rows.column_names)
    first_batch = None
    for batch in rows.iter(1000):
        first_batch = first_batch or time.monotonic() - STARTED
        counts["rows"] += len(batch["input_ids"])
        counts["tokens"] += sum(map(len, batch["input_ids"]))
        counts["trained"] += sum(len(labels) - labels.count(-100) for labels in batch["labels"])
    print(
        json.dumps(
            {
                **counts,
                "first_batch_s": first_batch,
                "versions": {m.__name__: m.__version__ for m in (datasets, tokenizers)},
            }
        )
    )


if __name__ == "__main__":
    main()
