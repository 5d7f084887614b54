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
    parser.add_argument("--warm_up", help="other rows, tokenized before and not counted")
    parser.add_argument("--offsets", action="store_true", help="with the place of each token")
    args = parser.parse_args()
    tokenizer = tokenizers.Tokenizer.from_file(args.tokenizer + "/tokenizer.json")
    encode = tokenizer.encode_batch if args.offsets else tokenizer.encode_batch_fast
    counts = {"rows": 0, "tokens": 0, "wall_s": 0.0, "cpu_s": 0.0}

    def encode_batch(texts):
        wall, used = time.monotonic(), cpu()
        encodings = encode(texts)
        counts["wall_s"] += time.monotonic() - wall
        counts["cpu_s"] += cpu() - used
        counts["rows"] += len(texts)
        counts["tokens"] += sum(len(encoding) + 1 for encoding in encodings)  # the end of the document

    def encode_all(rows):
        texts = []
        with open(rows, encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                row = row if "prompt" in row else shaped(row, "prompt_completion")
                texts.append(row["prompt"] + row["completion"])
                if len(texts) == 1000:
                    encode_batch(texts)
                    texts = []
        if texts:
            encode_batch(texts)

    if args.warm_up:
        encode_all(args.warm_up)
        counts = dict.fromkeys(counts, 0)
    encode_all(args.rows)
    print(json.dumps({**counts, "versions": {"tokenizers": tokenizers.__version__}}))


if __name__ == "__main__":
    main()
