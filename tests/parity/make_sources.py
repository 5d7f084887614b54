"""Small files of rows as the Python originals write them, for the tests of dev.fluxtune.pipeline.source.

Run from the repository's root, with the `datasets`, `pyarrow` and `pandas` packages:
    python tests/parity/make_sources.py
rows.json holds what must be read from each of them; versions.json who wrote them.
"""

import gzip
import json
import pathlib
import shutil
import tempfile

import datasets
import pandas
import pyarrow as pa
import pyarrow.parquet as pq
from datasets.data_files import DataFilesDict, get_data_patterns

OUT = pathlib.Path("pipeline/stages/src/test/resources/source")
OUT.mkdir(parents=True, exist_ok=True)

# --- text rows: empty, null, quotes, line breaks, and characters of one to four bytes
rows = [
    {"instruction": "Name a colour.", "input": "", "output": "Blue."},
    {"instruction": "Say \"hi\", then stop", "input": None, "output": "hi\nthere,\n\"friend\""},
    {"instruction": "Übersetze: naïve café", "input": "日本語 \u0000 null", "output": "🎉 ok ßÀ"},
    {"instruction": "tab\tand\\backslash/", "input": "  spaces  ", "output": ""},
    {"instruction": "The last one", "input": "a,b;c", "output": "no line break at the end"},
]
(OUT / "rows.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
(OUT / "escaped.json").write_text(json.dumps(rows), encoding="utf-8")
(OUT / "bom.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8-sig")

table = pa.Table.from_pylist(rows)
hf = datasets.Dataset.from_list(rows)
hf.to_json(OUT / "datasets.jsonl")
lines = (OUT / "datasets.jsonl").read_bytes()
with open(OUT / "rows.jsonl.gz", "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as out:
    out.write(lines)
# Two members, as `cat a.gz b.gz` makes them
cut = lines.index(b"\n") + 1
(OUT / "two-members.jsonl.gz").write_bytes(gzip.compress(lines[:cut], mtime=0) + gzip.compress(lines[cut:], mtime=0))


def zstd(data: bytes) -> bytes:
    buffer = pa.BufferOutputStream()
    with pa.CompressedOutputStream(buffer, "zstd") as out:
        out.write(data)
    return buffer.getvalue().to_pybytes()


(OUT / "rows.jsonl.zst").write_bytes(zstd(lines))
(OUT / "rows.json.zst").write_bytes(zstd(json.dumps(rows).encode()))

# --- Parquet: codecs, page versions, encodings, small pages and row groups
often = pa.concat_tables([table] * 40).combine_chunks()  # often enough that compressing pays
pq.write_table(often, OUT / "snappy.parquet")
for codec in ["none", "gzip", "zstd", "lz4"]:
    pq.write_table(often, OUT / f"{codec}.parquet", compression=codec, use_dictionary=False)
pq.write_table(table, OUT / "v2.parquet", compression="zstd", data_page_version="2.0", row_group_size=2)
pq.write_table(table, OUT / "plain.parquet", use_dictionary=False, data_page_size=1, write_batch_size=1)
pq.write_table(
    table, OUT / "delta.parquet", use_dictionary=False,
    column_encoding={"instruction": "DELTA_BYTE_ARRAY", "input": "DELTA_LENGTH_BYTE_ARRAY", "output": "PLAIN"},
)
hf.to_parquet(OUT / "datasets.parquet")

# --- Arrow IPC: file and stream, compressed, every way to hold a string
encoded = pa.table({n: table.column(n).combine_chunks().dictionary_encode() for n in table.column_names})


def arrow(name: str, data: pa.Table, stream: bool = False, codec: str | None = None, rows_each: int = 2):
    options = pa.ipc.IpcWriteOptions(compression=codec)
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with make(str(OUT / name), data.schema, options=options) as out:
        out.write_table(data, max_chunksize=rows_each)


arrow("file.arrow", table)
arrow("stream.arrow", table, stream=True)
arrow("zstd.arrow", often, codec="zstd", rows_each=100)
arrow("lz4.arrow", often, codec="lz4", rows_each=100)
arrow("large.arrow", table.cast(pa.schema([(n, pa.large_string()) for n in table.column_names])))
arrow("view.arrow", table.cast(pa.schema([(n, pa.string_view()) for n in table.column_names])))
arrow("dictionary.arrow", encoded)
arrow("dictionary-stream.arrow", encoded, stream=True)
with tempfile.TemporaryDirectory() as folder:
    hf.save_to_disk(folder)
    shutil.copy(pathlib.Path(folder) / "data-00000-of-00001.arrow", OUT / "datasets.arrow")

# --- CSV (null and empty are the same there)
pandas.DataFrame(rows).to_csv(OUT / "pandas.csv", index=False)
with open(OUT / "pandas.csv.gz", "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as out:
    out.write((OUT / "pandas.csv").read_bytes())
(OUT / "excel.csv").write_bytes(
    pandas.DataFrame(rows).to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")
)

# --- prepared rows: every type of list; the third row has none
ids = [[1, 2, 3], [], None, [4, 5, 2147483647, -100]]
mask = [[True, False, True], [], None, [True, True, True, False]]
lists = {
    "int32": pa.array(ids, pa.list_(pa.int32())),
    "int64": pa.array(ids, pa.list_(pa.int64())),
    "int16": pa.array([[1, 2, 3], [], None, [4, 5, 6, -100]], pa.list_(pa.int16())),
    "uint8": pa.array([[1, 2, 3], [], None, [4, 5, 255]], pa.list_(pa.uint8())),
    "large": pa.array(ids, pa.large_list(pa.int64())),
    "bool": pa.array(mask, pa.list_(pa.bool_())),
    "fixed": pa.array([[1, 2], [3, 4], None, [5, 6]], pa.list_(pa.int32(), 2)),
    # not usable, but not in every row
    "too_large": pa.array([[1], [2**31], None, [2**40]], pa.list_(pa.int64())),
    "unsigned": pa.array([[1], [2**31 - 1], None, [2**32 - 1]], pa.list_(pa.uint32())),
    "holed": pa.array([[1], [None], None, [2]], pa.list_(pa.int32())),
    "floats": pa.array([[1.0], [], None, [2.5]], pa.list_(pa.float64())),
    "texts": pa.array([["a"], [], None, ["b"]], pa.list_(pa.string())),
    "number": pa.array([1, 2, None, 4], pa.int64()),
    "nothing": pa.array([None] * 4, pa.null()),
    "messages": pa.array(
        [[{"role": "user", "content": "hi"}], [], None, [{"role": "user", "content": "ho"}]],
        pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])),
    ),
    "binary": pa.array([b"a", b"\xff", None, b""], pa.binary()),
}
prepared = pa.table(lists)
pq.write_table(prepared, OUT / "prepared.parquet", row_group_size=3)
arrow("prepared.arrow", prepared, rows_each=3)
(OUT / "prepared.jsonl").write_text(
    "".join(
        json.dumps({"int32": i, "bool": m, "too_large": t, "floats": f, "texts": s, "number": n, "holed": h}) + "\n"
        for i, m, t, f, s, n, h in zip(
            ids, mask, lists["too_large"].to_pylist(), lists["floats"].to_pylist(), lists["texts"].to_pylist(),
            lists["number"].to_pylist(), lists["holed"].to_pylist())
    )
)

# --- more rows than a batch has, compressed where the format can be
many = pa.table({"text": [f"row {i}" for i in range(1200)]})
pq.write_table(many, OUT / "many.parquet", compression="zstd", row_group_size=700)
arrow("many.arrow", many, codec="zstd", rows_each=1000)
arrow("many-stream.arrow", many, stream=True, codec="zstd", rows_each=1000)
values = many.to_pylist()
(OUT / "many.json.gz").write_bytes(gzip.compress(json.dumps(values).encode(), mtime=0))
(OUT / "many.jsonl.zst").write_bytes(zstd("".join(json.dumps(v) + "\n" for v in values).encode()))
(OUT / "many.csv.zst").write_bytes(zstd(pandas.DataFrame(values).to_csv(index=False).encode()))

# --- what is wrong with them
bad = pa.array([b"fine", b"caf\xe9"], pa.binary())
broken = pa.table({"text": pa.Array.from_buffers(pa.string(), 2, bad.buffers())})
pq.write_table(broken, OUT / "latin1.parquet")
pq.write_table(table, OUT / "brotli.parquet", compression="brotli")
arrow("latin1.arrow", broken)
empty = table.slice(0, 0)
pq.write_table(empty, OUT / "empty.parquet")
arrow("empty.arrow", empty, stream=True)

# --- splits that the names of files tell
layouts = [
    ["README.md", "data/train-00010-of-00011.parquet", "data/train-00002-of-00011-abc.parquet",
     "data/held_out-00000-of-00001.parquet", "test.jsonl"],
    ["train/a.jsonl", "my-dev set/b.jsonl", "test/sub/c.jsonl", "x.jsonl"],
    ["train.jsonl", "my_train_2.jsonl.gz", "eval-1.jsonl", "contest.jsonl", "trainer.jsonl"],
    ["b2.csv", "b10.csv.gz", "a/1.csv.zst", ".git/x.csv", "__x/y.csv", "dataset_info.json"],
    ["a/train1.csv", "trainset/b.csv", "train2/x.csv", "x/val.csv"],
    ["x.train.csv", "train_test.csv", "validation/.x.csv"],
    ["data/valid-1.csv", "testing.csv", "Train.csv"],
    ["data/train-00000-of-00001.csv", "data/sub/test-00000-of-00001.csv"],
]
cases = []
for layout in layouts:
    with tempfile.TemporaryDirectory() as folder:
        for name in layout:
            path = pathlib.Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
        files = DataFilesDict.from_patterns(get_data_patterns(folder), base_path=folder)
        told = {str(k): sorted(str(pathlib.Path(f).relative_to(folder)) for f in v) for k, v in files.items()}
        cases.append({"files": layout, "splits": told})
(OUT / "splits.json").write_text(json.dumps(cases, indent=1) + "\n")

# One row group of many pages, whose last ones are damaged; a column that is damaged
pages = pa.table({"text": [f"row {i}" for i in range(1200)], "other": ["x"] * 1200})
pq.write_table(pages, OUT / "damaged.parquet", use_dictionary=False, data_page_size=512, write_batch_size=32)
meta = pq.read_metadata(OUT / "damaged.parquet").row_group(0)
data = bytearray((OUT / "damaged.parquet").read_bytes())
text, other = meta.column(0), meta.column(1)
end = text.data_page_offset + text.total_compressed_size
data[end - 500 : end] = bytes(500)
data[other.data_page_offset : other.data_page_offset + other.total_compressed_size] = bytes(other.total_compressed_size)
(OUT / "damaged.parquet").write_bytes(data)

versions = {m.__name__: m.__version__ for m in (datasets, pandas, pa)}
(OUT / "versions.json").write_text(json.dumps(versions) + "\n")
print(versions)
