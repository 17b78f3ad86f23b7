"""What of a question's wording tells whom it is for: its words, its pairs of words, its pieces of words."""

import re
from collections.abc import Iterator
from itertools import pairwise
from zlib import crc32

BUCKETS = 8192
"""Each kind of feature has so many places; two features that fall into one share a weight."""
LONGEST_CHARACTERS = 2_000
"""Of a text, what is read: what a message asks stands in it, not in what was pasted behind."""

_NUMBERS = (
    (re.compile(r"\bPOL[-#\s]?\d+\b", re.IGNORECASE), "polnum", "my policy"),
    (re.compile(r"\bCLM[-#\s]?\d+(?:-\d+)?\b", re.IGNORECASE), "clmnum", "my claim"),
    (re.compile(r"\bBILL[-#\s]?\d+\b", re.IGNORECASE), "billnum", "my bill"),
    (re.compile(r"\bCUST[-#\s]?\d+\b", re.IGNORECASE), "custnum", "my customer number"),
)
_DIGITS = re.compile(r"\d+")
_WORD = re.compile(r"[a-z0-9']+|[?!]")
SIZES = (3, 4, 5)
"""Characters of a piece of a word."""


def spoken(text: str) -> str:
    """Return a text with the numbers of rows as one would say them: an embedder knows none of those."""
    for pattern, _, said in _NUMBERS:
        text = pattern.sub(said, text)
    return text


def words_of(text: str) -> list[str]:
    """Return the words of a text, small, each number of a row as its kind."""
    text = text[:LONGEST_CHARACTERS]
    for pattern, kind, _ in _NUMBERS:
        text = pattern.sub(kind, text)
    return _WORD.findall(_DIGITS.sub("0", text.lower().replace("\u2019", "'")))


def word_places(text: str) -> frozenset[int]:
    """Return the places of words, and of two and three words in a row or around another."""
    return frozenset(crc32(one.encode()) % BUCKETS for one in _in_rows(words_of(text)))


def piece_places(text: str) -> frozenset[int]:
    """Return the places of pieces of words: what is misspelt shares most of them with what was meant."""
    return frozenset(crc32(one.encode()) % BUCKETS for one in _pieces(words_of(text)))


def _in_rows(words: list[str]) -> Iterator[str]:
    row = ["^", *words, "$"]
    yield from words
    yield from map(" ".join, pairwise(row))
    yield from map(" ".join, zip(row, row[1:], row[2:], strict=False))
    for first, last in zip(row, row[2:], strict=False):
        yield f"{first} * {last}"


def _pieces(words: list[str]) -> Iterator[str]:
    for word in words:
        around = f" {word} "
        for size in SIZES:
            for start in range(len(around) - size + 1):
                yield around[start : start + size]
