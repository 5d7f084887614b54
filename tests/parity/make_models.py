"""Tiny models of each supported shape with logits, loss and every gradient from transformers, for LlamaTest.

Run from the repository's root, with the `torch`, `transformers` and `trl` packages:
    python tests/parity/make_models.py trainer/src/test/resources/models
Each folder holds the model as save_pretrained leaves it, the batch (batch.json) and what transformers makes of it
(expected.safetensors, fp32, eager attention, each document run alone from position 0). Norms and biases are random too.
llama2 is saved in shards, mistral in bf16.
"""

import json
import pathlib
import random
import shutil
import sys

sys.modules["wandb"] = None  # trl imports it, and need not
import safetensors
import torch
import transformers
from safetensors.torch import save_file
from trl.trainer.utils import entropy_from_logits
from transformers import LlamaConfig, MistralConfig, Qwen2Config

VOCAB = 96
COMMON = dict(vocab_size=VOCAB, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
              max_position_embeddings=128, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2, attn_implementation="eager")
LLAMA3 = dict(rope_type="llama3", rope_theta=500.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=32)
SHAPES = {
    "llama2": LlamaConfig(**COMMON, num_key_value_heads=4),
    "llama3": LlamaConfig(**{**COMMON, "num_hidden_layers": 3}, num_key_value_heads=2, head_dim=10, tie_word_embeddings=True,
                          rope_parameters=LLAMA3),
    "mistral": MistralConfig(**COMMON, num_key_value_heads=2, sliding_window=None),
    "qwen2": Qwen2Config(**{**COMMON, "num_attention_heads": 8}, num_key_value_heads=2,
                         rope_parameters=dict(rope_type="default", rope_theta=1e6)),
}
ROWS = [[11, 22, 7], [25, 15]]


def batch(rng):
    ids = [rng.randrange(VOCAB) for _ in range(80)]
    labels = [-100 if rng.random() < 0.3 else i for i in ids]
    at = 0
    for row in ROWS:
        for n in row:
            labels[at] = -100
            at += n
    return dict(size=2, length=40, inputIds=ids, labels=labels, seqLengths=ROWS)


def summed(model, ids, labels, lengths):
    """Logits of all tokens and the summed cross-entropy, each stretch of `lengths` run alone."""
    logits, loss, at = [], 0, 0
    for n in lengths:
        y = model(input_ids=ids[None, at:at + n]).logits[0]
        loss = loss + torch.nn.functional.cross_entropy(y[:-1], labels[at + 1:at + n], ignore_index=-100, reduction="sum")
        logits.append(y)
        at += n
    return torch.cat(logits), loss


def scores(logits, labels, lengths):
    """Other labels, of which every second is the most probable one, and what TRL's SFTTrainer counts of such: loss,
    how many the most probable token hits, entropy; summed over the trained ones."""
    labels, sums, at = labels.clone(), 0, 0
    for n in lengths:
        y, targets = logits[at:at + n - 1], labels[at + 1:at + n]
        trained = targets != -100
        targets[::2] = torch.where(trained[::2], y.argmax(-1)[::2], -100)
        loss = torch.nn.functional.cross_entropy(y, targets, ignore_index=-100, reduction="sum")
        hits = ((y.argmax(-1) == targets) & trained).sum()
        sums = sums + torch.stack([loss, hits, (entropy_from_logits(y) * trained).sum()])
        at += n
    return labels, sums


def write(folder, config, seed):
    torch.manual_seed(seed)
    shutil.rmtree(folder, ignore_errors=True)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(torch.randn_like(p) * 0.3 + (1 if "norm" in name else 0))
    if config.model_type == "mistral":
        model.to(torch.bfloat16)
    model.save_pretrained(folder, max_shard_size="60kB" if folder.name == "llama2" else "50GB")
    # Read back: in bf16 the rotary frequencies of the model in memory are rounded too.
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    b = batch(random.Random(seed))
    ids, labels = torch.tensor(b["inputIds"]), torch.tensor(b["labels"])
    logits, loss = summed(model, ids, labels, [n for row in ROWS for n in row])
    likely, sums = scores(logits.detach(), labels, [n for row in ROWS for n in row])
    (loss / (labels != -100).sum()).backward()
    expected = {"logits": logits, "loss": loss, "likely.labels": likely, "likely.scores": sums}
    for name, p in model.named_parameters():
        expected["grad." + name] = p.grad
    with torch.no_grad():
        expected["chunk.logits"], expected["chunk.loss"] = summed(model, ids, labels, [40, 40])
    save_file({k: v.detach().float().contiguous() for k, v in expected.items()}, folder / "expected.safetensors")
    (folder / "batch.json").write_text(json.dumps(b, separators=(",", ":")) + "\n")
    (folder / "generation_config.json").unlink(missing_ok=True)
    print(folder.name, "loss", loss.item(), "bytes", sum(f.stat().st_size for f in folder.iterdir()))


versions = {m.__name__: m.__version__ for m in (torch, transformers, safetensors)}
print(versions)
root = pathlib.Path(sys.argv[1])
for seed, (name, config) in enumerate(SHAPES.items()):
    write(root / name, config, seed)
(root / "versions.json").write_text(json.dumps(versions) + "\n")
