"""What transformers writes after prompts, and what its processors leave of logits, for GenerateTest and SamplingTest.

Run from the repository's root, with the `torch` and `transformers` packages, after make_models.py:
    python tests/parity/make_generations.py trainer/src/test/resources/models trainer/src/test/resources/generate
"""

import json
import pathlib
import random
import sys

import torch
import transformers
from transformers.generation import logits_process as processors

NEW = 48
CASES = [  # temperature, top_k, top_p, repetition_penalty
    (1.0, 0, 1.0, 1.0), (0.7, 0, 1.0, 1.0), (1.0, 5, 1.0, 1.0), (1.0, 0, 0.9, 1.0), (1.3, 20, 0.8, 1.0), (0.5, 50, 0.95, 1.2),
    (1.0, 0, 0.05, 1.0), (2.0, 1000, 0.5, 0.8), (1.0, 1, 1.0, 1.0),
]


def generate(model, prompt, **how):
    model.generation_config = transformers.GenerationConfig(do_sample=False, max_new_tokens=NEW, pad_token_id=0, **how)
    ids = torch.tensor([prompt])
    return model.generate(ids, attention_mask=torch.ones_like(ids))[0, len(prompt):].tolist()


def continuations(folder):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    rng = random.Random(5)
    cases = []
    for length in (1, 7, 19):
        prompt = [rng.randrange(96) for _ in range(length)]
        penalized = generate(model, prompt, repetition_penalty=1.3)
        eos = [penalized[20], penalized[33]]
        cases.append(dict(prompt=prompt, greedy=generate(model, prompt), penalized=penalized, eos=eos,
                          ended=generate(model, prompt, repetition_penalty=1.3, eos_token_id=eos)))
    print(folder.name, "ended after", [len(c["ended"]) for c in cases])
    return cases


def filtered():
    torch.manual_seed(3)
    rows = []
    for temperature, top_k, top_p, penalty in CASES:
        logits = torch.round(torch.randn(1, 200) * 3 * 64) / 64  # some are equal
        behind = torch.randint(0, 200, (1, 30))
        scores = logits
        if penalty != 1:
            scores = processors.RepetitionPenaltyLogitsProcessor(penalty)(behind, scores)
        if temperature != 1:
            scores = processors.TemperatureLogitsWarper(temperature)(behind, scores)
        if top_k:
            scores = processors.TopKLogitsWarper(top_k)(behind, scores)
        if top_p < 1:
            scores = processors.TopPLogitsWarper(top_p)(behind, scores)
        p = torch.softmax(scores, -1)[0]
        rows.append(dict(temperature=temperature, topK=top_k, topP=top_p, penalty=penalty, logits=logits[0].tolist(),
                         behind=behind[0].tolist(), probabilities=p.tolist()))
        print("kept", int((p > 0).sum()), "of 200")
    return rows


versions = {m.__name__: m.__version__ for m in (torch, transformers)}
print(versions)
models, out = map(pathlib.Path, sys.argv[1:])
out.mkdir(parents=True, exist_ok=True)
folders = sorted(f.parent for f in models.glob("*/config.json"))
(out / "continuations.json").write_text(json.dumps({f.name: continuations(f) for f in folders}) + "\n")
(out / "filtered.json").write_text(json.dumps(filtered()) + "\n")
(out / "versions.json").write_text(json.dumps(versions) + "\n")
