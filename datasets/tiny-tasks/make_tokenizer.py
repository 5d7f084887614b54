#!/usr/bin/env python3
"""Trains tokenizer/ from train.jsonl: a byte-level BPE with the pre-tokenizer of Llama 3.

Needs the Python package `tokenizers` (made with 0.23.2; the version is printed).

    python3 make_tokenizer.py
"""

import json
from pathlib import Path

import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

VOCAB_SIZE = 1024  # at most; the merges run out earlier, at 502
END = "<|end_of_text|>"

# The regular expression of Llama 3.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

HEAD = "Below is an instruction that describes a task"
ASK = " Write a response that appropriately completes the request.\n\n### Instruction:\n"
WITHOUT_INPUT = HEAD + "." + ASK + "{instruction}\n\n### Response:\n{output}"
WITH_INPUT = (
    HEAD + ", paired with an input that provides further context." + ASK
    + "{instruction}\n\n### Input:\n{input}\n\n### Response:\n{output}"
)


def text(row):
    return (WITH_INPUT if row["input"] else WITHOUT_INPUT).format(**row)


def pre_tokenizer(split):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(split), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])


def main():
    folder = Path(__file__).resolve().parent
    rows = [json.loads(line) for line in (folder / "train.jsonl").open(encoding="utf-8")]

    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    # Digits, and capital letters in a row, are kept apart while the merges are learnt, so that
    # none joins two of them: a number is one token a digit and "QXAB" one a letter, although the
    # pre-tokenizer in the file is Llama 3's own.
    apart = r"\p{Lu}(?=\p{Lu})|(?<=\p{Lu})\p{Lu}|" + SPLIT.replace(r"\p{N}{1,3}", r"\p{N}")
    tokenizer.pre_tokenizer = pre_tokenizer(apart)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE - 1,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),  # all 256 bytes: nothing is unknown
        show_progress=False,
    )
    tokenizer.train_from_iterator(map(text, rows), trainer)
    tokenizer.pre_tokenizer = pre_tokenizer(SPLIT)
    tokenizer.add_special_tokens([END])

    out = folder / "tokenizer"
    out.mkdir(exist_ok=True)
    (out / "tokenizer.json").write_text(
        tokenizer.to_str(pretty=True) + "\n", encoding="utf-8", newline="\n")
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "bos_token": None,
        "model_max_length": 512,
        "clean_up_tokenization_spaces": False,
    }
    (out / "tokenizer_config.json").write_text(
        json.dumps(config, indent=2) + "\n", encoding="utf-8", newline="\n")

    lengths = sorted(len(tokenizer.encode(text(r)).ids) + 1 for r in rows)
    print(f"tokenizers {tokenizers.__version__}, {tokenizer.get_vocab_size()} tokens, "
          f"{END} = {tokenizer.token_to_id(END)}")
    print(f"tokens a row with its end: min {lengths[0]}, median {lengths[len(lengths) // 2]}, "
          f"max {lengths[-1]}, total {sum(lengths)}")


if __name__ == "__main__":
    main()
