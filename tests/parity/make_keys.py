"""The keys of the Python peer's command line with their defaults, for PeerKeysTest.

Run from the repository's root, with the `trl` package:
    python tests/parity/make_keys.py > pipeline/app/src/test/resources/parity/keys.json
"""

import dataclasses
import json
import sys

sys.modules["wandb"] = None
import peft
import transformers
import trl
from trl import DatasetMixtureConfig, ModelConfig, ScriptArguments, SFTConfig
from trl.scripts.utils import DatasetConfig


def defaults(*classes):
    keys = {}
    for field in (f for c in classes for f in dataclasses.fields(c)):
        if field.default is not dataclasses.MISSING:
            value = field.default
        elif field.default_factory is not dataclasses.MISSING:
            value = field.default_factory()
        else:
            value = None  # required
        keys[field.name] = getattr(value, "value", value)
    return keys


print(
    json.dumps(
        {
            "trl": trl.__version__,
            "transformers": transformers.__version__,
            "peft": peft.__version__,
            "keys": defaults(ScriptArguments, SFTConfig, ModelConfig, DatasetMixtureConfig),
            "datasets": defaults(DatasetConfig),
        },
        indent=1,
    )
)
