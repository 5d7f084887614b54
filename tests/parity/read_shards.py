"""Reads a folder of packed shards as others would: by its path alone, without help.

Run with the `pyarrow`, `datasets` and `duckdb` packages (a missing one is said):
    pipeline pack --output_dir packed
    python tests/parity/read_shards.py packed
Every way must give the same chunks, whose counts and labels are right; a warning is an error.
"""

import glob
import json
import os
import sys
import tempfile
import warnings

os.environ["HF_HOME"] = tempfile.mkdtemp()  # nothing cached from another run
os.environ["HF_HUB_OFFLINE"] = "1"
warnings.simplefilter("error")

import datasets
import pyarrow
import pyarrow.dataset
import pyarrow.parquet

folder = sys.argv[1]
columns = ["input_ids", "labels", "seq_lengths"]
with open(os.path.join(folder, ".manifest.json")) as text:
    manifest = json.load(text)
files = sorted(glob.glob(os.path.join(folder, "*.parquet")))
assert [os.path.basename(file) for file in files] == [part["file"] for part in manifest["parts"]]

chunks = pyarrow.parquet.read_table(folder).to_pydict()
assert list(chunks) == columns


def check(how, rows):
    assert rows == chunks, how
    print("read", how)


def by_columns(rows):
    rows = list(rows)
    return {column: [row[column] for row in rows] for column in columns}


print("pyarrow", pyarrow.__version__)
check("pyarrow.parquet.read_table(folder)", chunks)
check("pyarrow.dataset.dataset(folder)", pyarrow.dataset.dataset(folder).to_table().to_pydict())
for file in files:
    footer = pyarrow.parquet.ParquetFile(file, page_checksum_verification=True)
    footer.read()
    note = json.loads(footer.metadata.metadata[b"fluxtune"])
    assert note["fingerprint"] == manifest["fingerprint"] and note["chunks"] == footer.metadata.num_rows

print("datasets", datasets.__version__)
datasets.disable_progress_bars()
whole = datasets.load_dataset(folder)
assert list(whole) == ["train"], whole
assert all(str(f.feature) == "Value('int32')" for f in whole["train"].features.values())
check("load_dataset(folder)", whole["train"].to_dict())
check(
    'load_dataset("parquet", data_dir=folder)',
    datasets.load_dataset("parquet", data_dir=folder, split="train").to_dict(),
)
check(
    'load_dataset("parquet", data_files=folder/*.parquet)',
    datasets.load_dataset("parquet", data_files=folder + "/*.parquet", split="train").to_dict(),
)
check(
    "load_dataset(folder, streaming=True)",
    by_columns(datasets.load_dataset(folder, split="train", streaming=True)),
)

try:
    import duckdb

    print("duckdb", duckdb.__version__)
    rows = duckdb.sql(f"select {', '.join(columns)} from '{folder}/*.parquet'").fetchall()
    check("duckdb: from 'folder/*.parquet'", {c: [row[i] for row in rows] for i, c in enumerate(columns)})
except ImportError:
    print("duckdb is not installed: not read with it")

tokens = trained = 0
for k, (ids, labels, lengths) in enumerate(zip(*(chunks[column] for column in columns))):
    assert len(ids) == len(labels) == sum(lengths), k
    start = 0
    for length in lengths:
        assert labels[start] == -100, k
        start += length
    assert all(label in (-100, id) for id, label in zip(ids, labels)), k
    tokens += len(ids)
    trained += sum(label != -100 for label in labels)
assert len(chunks["input_ids"]) == manifest["chunks"]
assert (tokens - manifest["padding"], trained) == (manifest["tokens"], manifest["trained"])
size = sum(os.path.getsize(file) for file in files)
print(f"{len(files)} parts, {manifest['chunks']:,} chunks, {tokens:,} tokens, {trained:,} trained; "
      f"{size / tokens:.2f} MB per million tokens: the same in every way, and no warning")
