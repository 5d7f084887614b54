"""Reads with TensorBoard's own reader what a run reported, and holds it to the run's `log.jsonl`.

Run with the `tensorboard` package:
    pipeline run --max_steps 50 --eval_strategy steps --eval_steps 25 --report_to tensorboard --output_dir out
    python tests/parity/read_tensorboard.py out
"""

import glob
import json
import math
import re
import sys
from pathlib import Path

import numpy
import tensorboard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

folder = sys.argv[1]
(events,) = glob.glob(f"{folder}/runs/*/events.out.tfevents.*")
read = EventAccumulator(events, size_guidance={"scalars": 0, "tensors": 0})
read.Reload()
found = {
    (tag, scalar.step): scalar.value for tag in read.Tags()["scalars"] for scalar in read.Scalars(tag)
}
expected = {}
for line in Path(folder, "log.jsonl").read_text().splitlines():
    log = json.loads(line)
    step = log.pop("step")
    for name, value in log.items():
        tag = "eval/" + name[5:] if name.startswith("eval_") else "train/" + name
        expected[tag, step] = math.nan if value is None else float(numpy.float32(value))
assert found.keys() == expected.keys(), found.keys() ^ expected.keys()
for key, value in expected.items():
    assert math.isclose(found[key], value, rel_tol=1e-6) or math.isnan(value), (key, found[key], value)
texts = {tag: read.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in read.Tags()["tensors"]}
assert "max_steps: " in texts["args/text_summary"]
assert json.loads(texts["model_config/text_summary"])["model_type"] == "llama"
shown = {tensor.step: tensor.tensor_proto.string_val[0].decode() for tensor in read.Tensors("eval/samples/text_summary")}
samples = [json.loads(line) for line in Path(folder, "samples.jsonl").read_text().splitlines()]
assert samples and {sample["step"] for sample in samples} == shown.keys()
for sample in samples:
    lines = shown[sample["step"]].split("\n")
    for part in ("prompt", "generation", "reference"):
        assert all("    " + line in lines for line in re.split(r"\r\n|[\n-\r\x85\u2028\u2029]", sample[part])), sample
print(f"tensorboard {tensorboard.__version__}: {len(found)} scalars of {len(read.Tags()['scalars'])} tags, 2 texts, and {len(samples)} samples of {len(shown)} evaluations")
