"""Numbered words and bag-of-words vectors: what the fake node says."""

import math
import random
import re
from collections.abc import Sequence
from zlib import crc32

_WORDS = "amber basin cedar delta ember fjord grove harbor island juniper kettle lantern meadow nectar orchard".split()  # noqa: SIM905

_UNSPACED = re.compile("[\u0e00-\u109f\u3000-\u9fff\uac00-\ud7ff\U0001f000-\U0001faff]")


def words_after(prompt: str, shown: str, count: int, *, temperature: float, seed: int | None) -> list[str]:
    """Return the next `count` words after those of `shown`, each ending in its number, so that gaps and repeats show.

    At temperature 0, or with a seed, they follow from prompt, seed and number alone; otherwise they are random.
    """
    first = len(shown.split())
    drawn: list[str] = []
    for number in range(first, first + count):
        if temperature > 0 and seed is None:
            word = random.choice(_WORDS)  # noqa: S311
        else:
            word = _WORDS[crc32(f"{prompt}|{seed}|{number}".encode(errors="replace")) % len(_WORDS)]
        drawn.append(f"{word}{number} ")
    return drawn


def numbers_of(text: str) -> list[int]:
    """Return the numbers that the words of a text end in: 0, 1, 2, … if nothing is missing or said twice."""
    return [int("".join(filter(str.isdigit, word))) for word in text.split()]


def vector_of(text: str, size: int, *, first: int | None = None) -> list[float]:
    """Return a unit vector to which each word adds at a place of its own: texts that share words are close.

    With `first`, only the first so many numbers, made a unit vector again (server/routes.go, EmbedHandler).
    """
    vector = [0.0] * size
    for word in text.lower().split() or [""]:
        vector[crc32(word.strip(".,;:!?").encode(errors="replace")) % size] += 1.0
    vector = vector[:first]
    norm = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / norm for value in vector]


def count_tokens(texts: Sequence[str]) -> int:
    """Return how many tokens the fake counts: one a word, or a letter of scripts without blanks, two a message."""
    return sum(len(_UNSPACED.sub(" ", text).split()) + len(_UNSPACED.findall(text)) + 2 for text in texts)
