#!/usr/bin/env python3
"""The native tokenizer's own time for the rows, on as many cores as it is given. Prints JSON.

Reading the rows, joining their texts and starting Python do not count.
"""

import argparse
import json
import resource
import time

import tokenizers
from make_rows import shaped


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", help="JSONL of prompt/completion rows, or of Alpaca rows")
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--offsets", action="store_true", help="with the place of each token")
    args = parser.parse_args()
    tokenizer = tokenizers.Tokenizer.from_file(args.tokenizer + "/tokenizer.json")
    encode = tokenizer.encode_batch if args.offsets else tokenizer.encode_batch_fast
    rows, tokens, wall_s, cpu_s = 0, 0, 0.0, 0.0

    def encode_batch(texts):
        nonlocal rows, tokens, wall_s, cpu_s
        wall, used = time.monotonic(), cpu()
        encodings = encode(texts)
        wall_s += time.monotonic() - wall
        cpu_s += cpu() - used
        rows += len(texts)
        tokens += sum(len(encoding) + 1 for encoding in encodings)  # and the end of the document

    texts = []
    with open(args.rows, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            row = row if "prompt" in row else shaped(row, "prompt_completion")
            texts.append(row["prompt"] + row["completion"])
            if len(texts) == 1000:
                encode_batch(texts)
                texts = []
    if texts:
        encode_batch(texts)
    print(
        json.dumps(
            {
                "rows": rows,
                "tokens": tokens,
                "wall_s": wall_s,
                "cpu_s": cpu_s,
                "versions": {"tokenizers": tokenizers.__version__},
            }
        )
    )


if __name__ == "__main__":
    main()
