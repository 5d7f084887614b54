"""Loads our checkpoints and final models into transformers and compares logits; our trainer_state.json into its TrainerState.

Run from the repository's root, with the `torch` and `transformers` packages, after CheckpointedModelTest:
    python tests/parity/load_checkpoint.py trainer/target/checkpoints
"""

import json
import math
import pathlib
import sys

import safetensors
import torch
import transformers
from safetensors.torch import load_file
from transformers.trainer_callback import TrainerState
from transformers.trainer_utils import get_last_checkpoint

print({m.__name__: m.__version__ for m in (torch, transformers, safetensors)})
folders = sorted(f.parent for f in pathlib.Path(sys.argv[1]).glob("*/logits.f32"))
assert folders, "run CheckpointedModelTest first"
for out in folders:
    ours = torch.frombuffer(bytearray((out / "logits.f32").read_bytes()), dtype=torch.float32).view(40, -1)
    ids = torch.tensor([[int(i) for i in (out / "ids.txt").read_text().split()]])
    checkpoint = pathlib.Path(get_last_checkpoint(out))
    for folder in (checkpoint, out):
        model, info = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
        assert not any(info.values()), info
        with torch.no_grad():
            theirs = model(input_ids=ids).logits[0]
        apart = ((ours - theirs).abs().max() / theirs.abs().max()).item()
        auto = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
        tied = auto.lm_head.weight is auto.model.embed_tokens.weight
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        generation = transformers.GenerationConfig.from_pretrained(folder)
        print(f"{folder.relative_to(sys.argv[1])}: logits {apart:.1e}, dtype {auto.dtype}, tied {tied}, "
              f"{len(list(folder.glob('model*.safetensors')))} files, tokenizer of {len(tokenizer)}, eos {generation.eos_token_id}")
        assert apart <= 1e-4 and tied == auto.config.tie_word_embeddings
    state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
    assert (state.global_step, state.max_steps, state.epoch, state.best_global_step) == (12, 40, 0.9, 10), state
    assert state.log_history[0] == dict(loss=2.5, grad_norm=0.7, learning_rate=1e-5, epoch=0.375, step=5), state.log_history
    assert math.isnan(state.log_history[1]["loss"])
    state.save_to_json(str(out / "their_state.json"))
    written = json.loads((checkpoint / "trainer_state.json").read_text())
    assert json.dumps(written) == json.dumps(json.loads((out / "their_state.json").read_text())), "keys or their order differ"
    assert all(name.startswith("exp_avg.") for name in load_file(checkpoint / "optimizer.safetensors"))
print(len(folders), "checkpoints and final models load; each trainer_state.json comes out as it went in")
