#!/usr/bin/env python3
"""Makes many rows from few: real ones, replicated with one word in twelve changed, by a seed.

The first copy is as it was; in the others each word is replaced, with probability 1/12, by one
drawn from the distinct words of all rows. Needs nothing but Python.
"""

import argparse
import json
import random
import re
import sys
from pathlib import Path

WITHOUT_INPUT = (
    "Below is an instruction that describes a task. Write a response that appropriately completes"
    " the request.\n\n### Instruction:\n{instruction}\n\n### Response:\n"
)
WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further"
    " context. Write a response that appropriately completes the request.\n\n### Instruction:\n"
    "{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
)
COLUMNS = ("instruction", "input", "output")


def words_of(text):
    """Words and, between them, the white space that parted them."""
    return re.split(r"(\s+)", text)


def changed(text, vocabulary, rng):
    parts = words_of(text)
    for i in range(0, len(parts), 2):
        if parts[i] and rng.random() < 1 / 12:
            parts[i] = vocabulary[int(rng.random() * len(vocabulary))]
    return "".join(parts)


def rows(real, count, seed):
    """Endless where count is None."""
    vocabulary = sorted(
        {word for row in real for column in COLUMNS for word in words_of(row[column])[::2] if word}
    )
    rng = random.Random(seed)
    made = 0
    while count is None or made < count:
        row = real[made % len(real)]
        if made >= len(real):
            row = {column: changed(row[column], vocabulary, rng) for column in COLUMNS}
        yield row
        made += 1


def shaped(row, shape):
    if shape == "alpaca":
        return row
    prompt = (WITH_INPUT if row["input"] else WITHOUT_INPUT).format(**row)
    return {"prompt": prompt, "completion": row["output"]}


def read(paths):
    real = []
    for path in paths:
        for row in json.loads(Path(path).read_text(encoding="utf-8")):
            real.append({column: row.get(column) or "" for column in COLUMNS})
    return real


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="+", help="JSON arrays of Alpaca rows")
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--bytes", type=int, help="stop after this many bytes instead")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument(
        "--shape",
        choices=("alpaca", "prompt_completion"),
        default="alpaca",
        help="as the rows are, or with the Alpaca prompts applied (default: %(default)s)",
    )
    args = parser.parse_args()
    written = 0
    out = sys.stdout.buffer
    for row in rows(read(args.data), None if args.bytes else args.rows, args.seed):
        line = json.dumps(shaped(row, args.shape), ensure_ascii=False).encode() + b"\n"
        out.write(line)
        written += len(line)
        if args.bytes and written >= args.bytes:
            break
    print(f"{written} bytes, seed {args.seed}", file=sys.stderr)


if __name__ == "__main__":
    main()
