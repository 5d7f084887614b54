"""Learning rates of transformers' schedules, for ScheduleTest.

Run from the repository's root, with the `torch` and `transformers` packages:
    python tests/parity/make_schedules.py trainer/src/test/resources/loop/schedules.json
Rate k (from 0) is the one that the optimizer uses in step k + 1.
"""

import json
import pathlib
import sys

import torch
import transformers
from transformers import get_scheduler

HIGHEST = 2e-4
CASES = [
    (name, warmup, total, kwargs)
    for warmup, total in [(0, 7), (3, 10), (1, 1), (12, 10)]
    for name, kwargs in [
        ("linear", {}),
        ("cosine", {}),
        ("cosine", {"num_cycles": 1.5}),
        ("constant", {}),
        ("constant_with_warmup", {}),
        ("cosine_with_min_lr", {"min_lr": 1e-5}),
        ("cosine_with_min_lr", {"min_lr_rate": 0.1}),
        ("cosine_with_min_lr", {"min_lr_rate": 0.1, "num_cycles": 2.0}),
    ]
]


def rates(name, warmup, total, kwargs):
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=HIGHEST)
    schedule = get_scheduler(name, optimizer, warmup, total, kwargs)
    seen = []
    for _ in range(total + 2):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return seen


versions = {m.__name__: m.__version__ for m in (torch, transformers)}
print(versions)
cases = [dict(type=n, warmup=w, total=t, arguments=k, rates=rates(n, w, t, k)) for n, w, t, k in CASES]
path = pathlib.Path(sys.argv[1])
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps(dict(versions=versions, highest=HIGHEST, cases=cases), indent=1) + "\n")
