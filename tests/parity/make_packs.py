"""Packs of the Python original (trl.pack_dataset), for BestFitTest.

Run from the repository's root, with the `trl` and `datasets` packages:
    python tests/parity/make_packs.py > pipeline/stages/src/test/resources/parity/packs.json
Documents are consecutive integers from 0, so a document is told by its length alone.
"""

import json
import random
import sys

sys.modules["wandb"] = None
import trl
from datasets import Dataset
from trl import pack_dataset

cases = []
for seed, (count, longest, length) in enumerate([(4, 5, 4), (50, 30, 16), (2300, 90, 64), (1000, 300, 128)]):
    rng = random.Random(seed)
    lengths = [rng.randint(2, longest) for _ in range(count)]
    at, documents = 0, []
    for n in lengths:
        documents.append(list(range(at, at + n)))
        at += n
    for strategy in ["bfd", "bfd_split"]:
        packed = pack_dataset(Dataset.from_dict({"input_ids": documents}), length, strategy)
        # Enough to tell any difference: where each bin's documents begin, and their lengths.
        bins = []
        for ids, seq in zip(packed["input_ids"], packed["seq_lengths"]):
            starts, used = [], 0
            for n in seq:
                starts.append(ids[used])
                used += n
            bins.append([starts, list(seq)])
        cases.append({"strategy": strategy, "max_length": length, "lengths": lengths, "bins": bins})
print(json.dumps({"trl": trl.__version__, "cases": cases}, separators=(",", ":")))
