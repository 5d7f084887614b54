"""Five optimizer steps of a tiny model by PyTorch and transformers, for TrainTest.

Run from the repository's root, with the `torch` and `transformers` packages, after make_models.py:
    python tests/parity/make_steps.py trainer/src/test/resources/models/qwen2 trainer/src/test/resources/loop
The model of the first folder, fp32 on the CPU; AdamW (fused) with transformers' own parameter groups, linear schedule
with warm-up, clipping, two micro-batches a step with masks of different sizes. Writes steps.json (batches, settings,
what each step saw) and steps.safetensors (the weights after the last).
"""

import json
import pathlib
import random
import sys

import safetensors
import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, Trainer, get_scheduler

STEPS, ACCUMULATION, WARMUP = 5, 2, 2
RATE, DECAY, BETAS, EPSILON, LARGEST = 1e-3, 0.1, (0.9, 0.95), 1e-8, 1.0
ROWS = [[11, 22, 7], [25, 15]]


def batch(rng, vocab):
    masked = rng.choice([0.1, 0.5, 0.9])
    ids = [rng.randrange(vocab) for _ in range(80)]
    labels = [-100 if rng.random() < masked else i for i in ids]
    at = 0
    for row in ROWS:
        for n in row:
            labels[at] = -100
            at += n
    return dict(size=2, length=40, inputIds=ids, labels=labels, seqLengths=ROWS)


def summed(model, b):
    """The summed cross-entropy, each document run alone."""
    ids, labels = torch.tensor(b["inputIds"]), torch.tensor(b["labels"])
    loss, at = 0, 0
    for n in (n for row in b["seqLengths"] for n in row):
        y = model(input_ids=ids[None, at:at + n]).logits[0]
        loss = loss + torch.nn.functional.cross_entropy(y[:-1], labels[at + 1:at + n], ignore_index=-100, reduction="sum")
        at += n
    return loss


versions = {m.__name__: m.__version__ for m in (torch, transformers, safetensors)}
print(versions)
torch.use_deterministic_algorithms(True)
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32, attn_implementation="eager")
decaying = Trainer.get_decay_parameter_names(None, model)
named = list(model.named_parameters())
groups = [
    dict(params=[p for n, p in named if n in decaying], weight_decay=DECAY),
    dict(params=[p for n, p in named if n not in decaying], weight_decay=0.0),
]
optimizer = torch.optim.AdamW(groups, lr=RATE, betas=BETAS, eps=EPSILON, fused=True)
schedule = get_scheduler("linear", optimizer, WARMUP, STEPS)
rng = random.Random(5)
micro = [batch(rng, model.config.vocab_size) for _ in range(STEPS * ACCUMULATION)]
seen = []
for k in range(STEPS):
    some = micro[k * ACCUMULATION:(k + 1) * ACCUMULATION]
    trained = sum(label != -100 for b in some for label in b["labels"])
    total = 0.0
    for b in some:
        loss = summed(model, b)
        (loss / trained).backward()
        total += loss.item()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), LARGEST).item()
    seen.append(dict(loss=total / trained, gradNorm=norm, learningRate=optimizer.param_groups[0]["lr"], trained=trained))
    optimizer.step()
    schedule.step()
    optimizer.zero_grad()
    print(seen[-1])
folder = pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
settings = dict(rate=RATE, decay=DECAY, betas=BETAS, epsilon=EPSILON, largest=LARGEST, warmup=WARMUP, accumulation=ACCUMULATION)
content = dict(versions=versions, settings=settings, steps=seen, batches=micro)
(folder / "steps.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")
save_file({n: p.detach().contiguous() for n, p in named}, folder / "steps.safetensors")
