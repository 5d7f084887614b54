"""Adapters saved by PEFT for tiny models, with logits, loss, gradients and one optimizer step, for AdaptedTest.

Run from the repository's root, with the `torch`, `transformers` and `peft` packages, after make_models.py:
    python tests/parity/make_adapters.py trainer/src/test/resources
Each folder holds an adapter as save_pretrained leaves it (A, B and what is trained whole are random: training has moved
them) and expected.safetensors: what PEFT makes of the base model's batch, fp32 on the CPU, each document run alone, without
dropout; and the trained weights after a step of fused AdamW with transformers' parameter groups and clipping.
"""

import json
import pathlib
import shutil
import sys

import peft
import safetensors
import torch
import transformers
from peft import LoraConfig
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, Trainer

RATE, DECAY, BETAS, EPSILON, LARGEST = 1e-2, 0.1, (0.9, 0.95), 1e-8, 0.5
CASES = {
    "defaults": ("llama2", dict(r=4, lora_alpha=8)),
    "rslora": ("mistral", dict(r=8, lora_alpha=6, use_rslora=True, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"])),
    "tied": ("llama3", dict(r=3, lora_alpha=6, target_modules="all-linear", lora_dropout=0.1)),
    "regex": ("qwen2", dict(r=2, lora_alpha=1, target_modules=r".*\.layers\.1\..*(q_proj|k_proj|down_proj)")),
    "biased": ("qwen2", dict(r=2, lora_alpha=3, target_modules=["mlp.gate_proj", "up_proj", "v_proj"])),
    "whole": ("llama2", dict(r=2, lora_alpha=4, target_modules=["o_proj"],
                             modules_to_save=["embed_tokens", "lm_head", "input_layernorm"])),
    "layer": ("qwen2", dict(r=2, lora_alpha=4, target_modules=["q_proj", "down_proj"], modules_to_save=["v_proj", "norm"])),
}


def plain(name):
    return name.removeprefix("base_model.model.").replace(".modules_to_save.default", "").replace(".default", "")


def summed(model, b):
    """Logits of all tokens and the summed cross-entropy, each document run alone."""
    ids, labels = torch.tensor(b["inputIds"]), torch.tensor(b["labels"])
    logits, loss, at = [], 0, 0
    for n in (n for row in b["seqLengths"] for n in row):
        y = model(input_ids=ids[None, at:at + n]).logits[0]
        loss = loss + torch.nn.functional.cross_entropy(y[:-1], labels[at + 1:at + n], ignore_index=-100, reduction="sum")
        logits.append(y)
        at += n
    return torch.cat(logits), loss


def write(root, name, shape, options, seed):
    folder = root / "adapters" / name
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(seed)
    base = AutoModelForCausalLM.from_pretrained(root / "models" / shape, dtype=torch.float32, attn_implementation="eager")
    model = peft.get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **options))
    trained = {plain(n): p for n, p in model.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for n, p in trained.items():
            p.add_(torch.randn_like(p) * (0.3 if "lora_" in n else 0.05))
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    model.eval()  # no dropout
    b = json.loads((root / "models" / shape / "batch.json").read_text())
    logits, loss = summed(model, b)
    (loss / sum(label != -100 for label in b["labels"])).backward()
    expected = {"logits": logits, "loss": loss}
    expected |= {"grad." + n: p.grad.clone() for n, p in trained.items()}
    decaying = Trainer.get_decay_parameter_names(None, model)
    groups = [dict(params=[p for n, p in model.named_parameters() if p.requires_grad and (n in decaying) == decays],
                   weight_decay=DECAY if decays else 0.0) for decays in (True, False)]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=RATE, betas=BETAS, eps=EPSILON, fused=True)
    expected["norm"] = torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], LARGEST)
    optimizer.step()
    expected |= {"after." + n: p for n, p in trained.items()}
    save_file({k: v.detach().float().contiguous().clone() for k, v in expected.items()}, folder / "expected.safetensors")
    (folder / "case.json").write_text(json.dumps(dict(
        model=shape, rate=RATE, decay=DECAY, betas=BETAS, epsilon=EPSILON, largest=LARGEST,
        trained=sum(p.numel() for p in trained.values()))) + "\n")
    print(name, "loss", loss.item(), "norm", expected["norm"].item(), "trained", sorted({n.split(".")[-3] if "lora" in n else n
                                                                                       for n in trained}))


versions = {m.__name__: m.__version__ for m in (torch, transformers, peft, safetensors)}
print(versions)
root = pathlib.Path(sys.argv[1])
for seed, (name, (shape, options)) in enumerate(CASES.items()):
    write(root, name, shape, options, seed)
(root / "adapters" / "versions.json").write_text(json.dumps(versions) + "\n")
