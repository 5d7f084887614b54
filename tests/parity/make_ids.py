"""Ids and character offsets of the Python original, for TokenizerTest.

Run from the repository's root, with the `tokenizers` package:
    python tests/parity/make_ids.py > pipeline/stages/src/test/resources/parity/ids.json
"""

import json
import tokenizers

TEXTS = [
    "",
    " ",
    "Reverse the letters: abc\n\n### Response:\ncba",
    "Zahlen 1234567 und 3.14159",
    "naïve café — “quotes” … 漢字かな 한국어 עברית العربية",
    "family 👨‍👩‍👧‍👦 flag 🇩🇪 math 𝒳𝒴",
    "tabs\t\tand   runs   of spaces   \r\n\n\n end",
    "a literal <|end_of_text|> inside, and at the end <|end_of_text|>",
    "NUL \u0000 and control \u0007 \u200b",
    "word" * 200,
]

tokenizer = tokenizers.Tokenizer.from_file("datasets/tiny-tasks/tokenizer/tokenizer.json")
cases = []
for text in TEXTS:
    encoding = tokenizer.encode(text)
    cases.append({"text": text, "ids": encoding.ids, "offsets": encoding.offsets})
print(json.dumps({"tokenizers": tokenizers.__version__, "cases": cases}))
