"""Hashes of ids, masks and packs of real rows by the Python originals, for SharedParityTest
and the benchmarks.

Run from the repository's root, with the `tokenizers`, `trl` and `datasets` packages:
    python tests/parity/make_shared.py ../shared > tests/src/test/resources/parity/shared.json
The folder holds `tokenizers/*/tokenizer.json` and `data/*.json` (Alpaca rows).

What is hashed (SHA-256; integers are 32 bits, little-endian, an array after its length):
    ids      of each document, in order
    trained  of each document, 0 or 1 for each token
    chunks   of each chunk, in order: ids, labels, lengths of its documents
"""

import hashlib
import json
import re
import sys
from pathlib import Path

sys.modules["wandb"] = None
import datasets
import numpy as np
import tokenizers
import trl

MAX_LENGTHS = (1024, 256)  # no row is longer than the first, many are longer than the second
IGNORED = -100

WITHOUT_INPUT = (
    "Below is an instruction that describes a task. Write a response that appropriately completes"
    " the request.\n\n### Instruction:\n{instruction}\n\n### Response:\n"
)
WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further"
    " context. Write a response that appropriately completes the request.\n\n### Instruction:\n"
    "{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
)


class Hash:
    def __init__(self):
        self.sha = hashlib.sha256()

    def add(self, numbers):
        array = np.asarray(numbers, dtype="<i4")
        self.sha.update(np.int32(len(array)).astype("<i4").tobytes() + array.tobytes())

    def hex(self):
        return self.sha.hexdigest()


def documents(tokenizer, end, rows):
    """Ids and trained flags of each row: a token is trained iff it holds a character of the output."""
    for row in rows:
        prompt = (WITH_INPUT if row.get("input") else WITHOUT_INPUT).format(**row)
        encoding = tokenizer.encode(prompt + row["output"])
        length = len(prompt) + len(row["output"])
        ids = list(encoding.ids)
        trained = [
            int(start < end_ and end_ > len(prompt) and start < length)
            for start, end_ in encoding.offsets
        ]
        if ids[-1:] != [end]:
            ids.append(end)
            trained.append(1)
        trained[-1] = 1
        yield ids, trained


def wrapped(docs, max_length):
    """Every document end to end, cut every max_length; the rest that fills no chunk is the tail."""
    ids = [t for document, _ in docs for t in document]
    flags = [t for _, trained in docs for t in trained]
    first = np.zeros(len(ids), dtype=bool)
    first[np.cumsum([0] + [len(document) for document, _ in docs[:-1]])] = True
    for at in range(0, len(ids) - max_length + 1, max_length):
        begins = [0] + [i for i in range(1, max_length) if first[at + i]]
        lengths = np.diff(begins + [max_length])
        yield ids[at : at + max_length], flags[at : at + max_length], lengths


def best_fit(docs, max_length, strategy):
    rows = datasets.Dataset.from_dict(
        {"input_ids": [ids for ids, _ in docs], "trained": [flags for _, flags in docs]}
    )
    for chunk in trl.pack_dataset(rows, max_length, strategy):
        yield chunk["input_ids"], chunk["trained"], chunk["seq_lengths"]


def summary(chunks, max_length):
    sha, count, tokens, targets = Hash(), 0, 0, 0
    for ids, trained, lengths in chunks:
        labels = np.where(np.asarray(trained, dtype=bool), ids, IGNORED)
        labels[np.cumsum([0, *lengths[:-1]])] = IGNORED  # nothing stands before a document's first
        for numbers in (ids, labels, lengths):
            sha.add(numbers)
        count += 1
        tokens += len(ids)
        targets += int((labels != IGNORED).sum())
    fill = round(tokens / (count * max_length), 6)
    return {"sha256": sha.hex(), "chunks": count, "tokens": tokens, "trained": targets, "fill": fill}


def percentiles(lengths):
    """The shortest, one of each hundredth part, the longest: PackBenchmark draws from them."""
    return [int(n) for n in np.percentile(lengths, range(101), method="nearest")]


def case(tokenizer_folder, data):
    tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer_folder / "tokenizer.json"))
    config = json.loads((tokenizer_folder / "tokenizer_config.json").read_text())
    end = tokenizer.token_to_id(config["eos_token"])
    rows = json.loads(data.read_text(encoding="utf-8"))
    docs = list(documents(tokenizer, end, rows))
    ids, trained = Hash(), Hash()
    for document, flags in docs:
        ids.add(document)
        trained.add(flags)
    kept = [(document, flags) for document, flags in docs if any(flags[1:])]
    packs = []
    for n in MAX_LENGTHS:
        by_strategy = {"wrapped": summary(wrapped(kept, n), n)}
        for strategy in ("bfd", "bfd_split"):
            by_strategy[strategy] = summary(best_fit(kept, n, strategy), n)
        packs.append({"max_length": n, **by_strategy})
    return {
        "tokenizer": tokenizer_folder.name,
        "data": data.name,
        "rows": len(rows),
        "tokens": sum(len(document) for document, _ in docs),
        "trained": sum(sum(flags) for _, flags in docs),
        "length_percentiles": percentiles([len(document) for document, _ in docs]),
        "ids": ids.hex(),
        "flags": trained.hex(),
        "packs": packs,
    }


shared = Path(sys.argv[1])
versions = {module.__name__: module.__version__ for module in (tokenizers, trl, datasets)}
print("python", sys.version.split()[0], versions, file=sys.stderr)
datasets.disable_progress_bars()
cases = [
    case(tokenizer.parent, data)
    for tokenizer in sorted(shared.glob("tokenizers/*/tokenizer.json"))
    for data in sorted(shared.glob("data/*.json"))
]
text = json.dumps({"versions": versions, "cases": cases}, indent=1)
print(re.sub(r"(?<=\d,)\n +(?=\d)", "", text))  # numbers of a list on one line
