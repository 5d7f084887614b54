#!/usr/bin/env python3
"""Writes train.jsonl and test.jsonl: Alpaca rows of small tasks with exact answers.

Standard library only. The same seed gives the same bytes:

    python3 make_rows.py            # writes both files beside this script
    python3 make_rows.py --check    # exit code 1 if the files differ from what would be written

No instruction + input of test.jsonl occurs in train.jsonl, and no row occurs twice.
"""

import json
import random
import sys
from collections import Counter
from pathlib import Path
from string import ascii_uppercase

SEED = 42
TRAIN_PER_TASK = 400
TEST_PER_TASK = 40

NOUNS = (
    "apple bird boat book chair cloud dog door fish flower garden glass "
    "hat horse house key moon river ship snow stone table tree wolf"
).split()

# Both directions are asked for, so a word and its opposite are both questions and answers.
OPPOSITES = [
    ("hot", "cold"), ("big", "small"), ("old", "new"), ("dark", "light"), ("wet", "dry"),
    ("fast", "slow"), ("high", "low"), ("hard", "soft"), ("long", "short"), ("full", "empty"),
]
OPPOSITE = dict(OPPOSITES) | {b: a for a, b in OPPOSITES}
ADJECTIVES = sorted(OPPOSITE)


def words(rng, n):
    """Different nouns."""
    return rng.sample(NOUNS, n)


def letters(rng, n):
    """Different capital letters, as one string."""
    return "".join(rng.sample(ascii_uppercase, n))


def digits(rng, n):
    """A number of n digits, no zero in front."""
    return str(rng.randint(10 ** (n - 1), 10**n - 1))


# A task takes a random generator and gives (instruction, input, output); input "" means none.


def first_word(rng):
    w = words(rng, 5)
    return "Write the first word.", "\n".join(w), w[0]


def last_word(rng):
    w = words(rng, 5)
    return "Write the last word.", "\n".join(w), w[-1]


def reverse_words(rng):
    w = words(rng, 3)
    return "Reverse the words.", "\n".join(w), "\n".join(reversed(w))


def opposites(rng):
    w = rng.sample(ADJECTIVES, 3)
    return "Write the opposite words.", "\n".join(w), "\n".join(OPPOSITE[x] for x in w)


def reverse_letters(rng):
    s = letters(rng, 4)
    return "Reverse the letters.", s, s[::-1]


def repeat_letters(rng):
    s = letters(rng, 4)
    return "Repeat the letters.", s, s


def remove_first_letter(rng):
    s = letters(rng, 4)
    return "Remove the first letter.", s, s[1:]


def remove_last_letter(rng):
    s = letters(rng, 4)
    return "Remove the last letter.", s, s[:-1]


def swap_letters(rng):
    s = letters(rng, 4)
    return "Swap the first and the last letter.", s, s[3] + s[1:3] + s[0]


def repeat_digits(rng):
    d = digits(rng, 4)
    return f"Repeat {d}.", "", d


def reverse_digits(rng):
    d = digits(rng, 4)
    return f"Reverse {d}.", "", d[::-1]


def larger(rng):
    a, b = digits(rng, 3), digits(rng, 3)
    while a[0] == b[0]:
        b = digits(rng, 3)
    return f"Which is larger, {a} or {b}?", "", max(a, b)


def add_one(rng):
    d = digits(rng, 4)
    while d[-1] == "9":
        d = digits(rng, 4)
    return f"Add 1 to {d}.", "", str(int(d) + 1)


def sort_digits(rng):
    d = "".join(str(x) for x in rng.sample(range(10), 4))
    return f"Sort {d}.", "", "".join(sorted(d))


TASKS = [
    first_word, last_word, reverse_words, opposites,
    reverse_letters, repeat_letters, remove_first_letter, remove_last_letter, swap_letters,
    repeat_digits, reverse_digits, larger, add_one, sort_digits,
]


def make():
    """The two lists of rows; train and test are dealt from one set of different prompts."""
    train, test = [], []
    for task in TASKS:
        rng = random.Random(f"{SEED} {task.__name__}")
        rows = {}
        while len(rows) < TRAIN_PER_TASK + TEST_PER_TASK:
            instruction, inp, output = task(rng)
            rows[instruction, inp] = {"instruction": instruction, "input": inp, "output": output}
        rows = list(rows.values())
        train += rows[:TRAIN_PER_TASK]
        test += rows[TRAIN_PER_TASK:]
    random.Random(SEED).shuffle(train)  # mixed, since the order of rows is kept by default
    random.Random(SEED).shuffle(test)
    return train, test


def check(train, test):
    prompts = [(r["instruction"], r["input"]) for r in train + test]
    assert len(set(prompts)) == len(prompts), "a prompt occurs twice"
    assert not set(prompts[: len(train)]) & set(prompts[len(train) :]), "test prompt in training"
    assert all(r["instruction"] and r["output"] for r in train + test)
    commonest = Counter(r["output"] for r in train).most_common(1)[0][1]
    assert commonest < 0.05 * len(train), "one answer dominates"


def main():
    train, test = make()
    check(train, test)
    folder = Path(__file__).resolve().parent
    same = True
    for name, rows in ("train.jsonl", train), ("test.jsonl", test):
        text = "".join(json.dumps(r) + "\n" for r in rows).encode()
        path = folder / name
        if "--check" in sys.argv[1:]:
            same &= path.exists() and path.read_bytes() == text
        else:
            path.write_bytes(text)
        print(f"{name}: {len(rows)} rows, {len(text)} bytes")
    if not same:
        sys.exit("the files differ from what this script makes")


if __name__ == "__main__":
    main()
