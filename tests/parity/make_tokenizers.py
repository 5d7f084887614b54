"""Small tokenizers of the shapes that byte-pair encoding comes in, for BytePairsTest.

Run from the repository's root, with the `tokenizers` package:
    python tests/parity/make_tokenizers.py pipeline/stages/src/test/resources/tokenizers
Each is trained on the embedded rows and on a few words of other scripts, by the seedless trainer of
the library, and has the normalizer, pre-tokenizer and template of the model that it is named for.
"""

import json
import sys
from pathlib import Path

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors, trainers

VOCABULARY = 700
OTHER_SCRIPTS = ["naïve café", "日本語 日本", "한국어", "слово слова", "שלום", "مرحبا", "😀 👩‍👩‍👧", "½ ⅷ ٣٤", "“…”"] * 20
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}DIGITS"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def rows():
    lines = Path("datasets/tiny-tasks/train.jsonl").read_text().splitlines()
    return [value for line in lines[:2000] for value in json.loads(line).values()] + OTHER_SCRIPTS


def cut(digits):
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT.replace("DIGITS", digits)), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def of_bytes(pre_tokenizer, end, **more):
    tokenizer = tokenizers.Tokenizer(models.BPE(**more))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, initial_alphabet=alphabet, special_tokens=[end], show_progress=False
    )
    tokenizer.train_from_iterator(rows(), trainer)
    return tokenizer


def gpt2():
    return of_bytes(pre_tokenizers.ByteLevel(add_prefix_space=False), "<|endoftext|>")


def llama3():
    tokenizer = of_bytes(cut("{1,3}"), "<|begin_of_text|>", ignore_merges=True)
    begin = tokenizer.token_to_id("<|begin_of_text|>")
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", begin)]
            ),
        ]
    )
    return tokenizer


def qwen2():
    tokenizer = of_bytes(cut(""), "<|endoftext|>")
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False)
    return tokenizer


def of_characters():
    tokenizer = tokenizers.Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    specials = ["<unk>", "<s>", "</s>", *(f"<0x{b:02X}>" for b in range(256))]
    trainer = trainers.BpeTrainer(
        vocab_size=256 + VOCABULARY, limit_alphabet=90, special_tokens=specials, show_progress=False
    )
    tokenizer.train_from_iterator(rows(), trainer)
    file = json.loads(tokenizer.to_str())
    # Bytes are tokens of the vocabulary only; in a text they stand for nothing.
    file["added_tokens"] = file["added_tokens"][:3]
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(file))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    return tokenizer


def llama2():
    tokenizer = of_characters()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    return tokenizer


def tinyllama():
    tokenizer = of_characters()
    tokenizer.pre_tokenizer = None
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    return tokenizer


def main():
    for make in (gpt2, llama3, qwen2, llama2, tinyllama):
        folder = Path(sys.argv[1], make.__name__)
        folder.mkdir(parents=True, exist_ok=True)
        make().save(str(folder / "tokenizer.json"), pretty=False)
        print(folder, (folder / "tokenizer.json").stat().st_size, "bytes")
    print("tokenizers", tokenizers.__version__)


if __name__ == "__main__":
    main()
