"""Has W&B's own client upload what a run reported, and holds what arrives to the run's `log.jsonl`.

`wandb sync` reads the record file with W&B's reader and sends it to a server: here one on the
loopback interface that keeps what it is sent. Then once more, from a file cut in the middle of a
record, as a killed run may leave it. Run with the `wandb` package (0.30 was):
    pipeline run --max_steps 30 --report_to wandb --output_dir out
    python tests/parity/read_wandb.py out
"""

import glob
import gzip
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import wandb
import yaml

KEY = "0123456789abcdef" * 2 + "01234567"


class Server(BaseHTTPRequestHandler):
    """As much of W&B's server as an upload asks of it."""

    protocol_version = "HTTP/1.1"
    history, files, run, last = [], {}, {}, {}

    def log_message(self, *_):
        pass

    def body(self):
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data

    def answer(self, value):
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_PUT(self):
        Server.files[self.path.rsplit("/", 1)[1]] = self.body()
        self.answer({})

    def do_POST(self):
        data = self.body()
        if self.path.endswith("/file_stream"):
            sent = json.loads(data)
            Server.history += map(json.loads, sent.get("files", {}).get("wandb-history.jsonl", {}).get("content", []))
            Server.last = sent
        elif self.path == "/graphql":
            asked = json.loads(data)
            given = {name: value for name, value in asked.get("variables", {}).items() if value is not None}
            if "upsertBucket" in asked["query"]:
                Server.run = {**Server.run, **given}
                project = {"name": given["project"], "entity": {"name": given.get("entity", "me")}}
                bucket = {"id": "1", "name": given["name"], "displayName": "d", "project": project}
                return self.answer({"data": {"upsertBucket": {"bucket": bucket, "inserted": True}}})
            if "createRunFiles" in asked["query"]:
                base = f"http://127.0.0.1:{self.server.server_port}/put/"
                files = [{"name": name, "uploadUrl": base + name} for name in given["files"]]
                return self.answer({"data": {"createRunFiles": {"runID": "1", "uploadHeaders": [], "files": files}}})
        self.answer({"data": {}})


def sync(folder, port, says="Finished syncing"):
    Server.history, Server.files, Server.run, Server.last = [], {}, {}, {}
    env = {**os.environ, "WANDB_BASE_URL": f"http://127.0.0.1:{port}", "WANDB_API_KEY": KEY}
    command = [sys.executable, "-c", "from wandb.cli.cli import cli; cli()", "sync", "--no-skip-synced", str(folder)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert says in done.stdout + done.stderr, done.stderr


def value(sent):
    return {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}.get(sent, sent)


def expected(folder):
    for line in Path(folder, "log.jsonl").read_text().splitlines():
        log = json.loads(line)
        row = {"train/global_step": log.pop("step")}
        for name, number in log.items():
            tag = "eval/" + name[5:] if name.startswith("eval_") else "train/" + name
            row[tag] = math.nan if number is None else number
        yield row


def check(history, rows):
    for n, (sent, row) in enumerate(zip(history, rows, strict=True)):
        assert sent["_step"] == n and sent.keys() == row.keys() | {"_step", "_timestamp", "_runtime"}, sent
        for name, number in row.items():
            found = value(sent[name])
            assert found == number or math.isnan(found) and math.isnan(number), (name, found, number)


folder = sys.argv[1]
(written,) = glob.glob(f"{folder}/wandb/offline-run-*")
server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
server.handle_error = lambda *_: None  # the client hangs up without a word
threading.Thread(target=server.serve_forever, daemon=True).start()

rows = list(expected(folder))
with tempfile.TemporaryDirectory() as temporary:
    (source,) = Path(written).glob("run-*.wandb")
    whole = Path(temporary, Path(written).name)
    shutil.copytree(written, whole)  # the client leaves marks beside what it uploaded
    sync(whole, server.server_port)
    check(Server.history, rows)
    assert Server.last["complete"] and Server.last["exitcode"] == 0, Server.last
    config = json.loads(Server.run["config"])
    settings = yaml.safe_load(Path(folder, "config.yaml").read_text())
    for name, setting in settings.items():
        # The client passes over empty mappings, its own too.
        assert setting == {} or config[name]["value"] == setting, (name, setting)
    assert config["model_type"]["value"] == "llama"
    axes = {it["1"]: it.get("5") for it in config["_wandb"]["value"]["m"]}
    index = [it["1"] for it in config["_wandb"]["value"]["m"]].index("train/global_step") + 1
    assert axes == {name: None if name == "train/global_step" else index for row in rows for name in row}, axes
    summary = json.loads(Server.files["wandb-summary.json"])
    latest = {name: number for row in rows for name, number in row.items()}
    for name, number in latest.items():
        assert value(summary[name]) == number or math.isnan(number), (name, summary[name], number)

    cut = Path(temporary, Path(written).name + "-cut")
    shutil.copytree(written, cut)
    end = source.read_bytes().rindex(b"_timestamp")  # of the last log
    cut.joinpath(source.name).write_bytes(source.read_bytes()[:end])
    sync(cut, server.server_port, "the file ends with an incomplete record")
    check(Server.history, rows[:-1])

keys = [os.environ.get("WANDB_API_KEY") or KEY]
for file in Path(folder).rglob("*"):
    if file.is_file():
        assert not any(key.encode() in file.read_bytes() for key in keys), file
print(f"wandb {wandb.__version__}: {len(rows)} rows of {len(axes)} metrics, {len(settings)} settings; cut: {len(rows) - 1} rows")
