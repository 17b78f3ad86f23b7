"""Texts that say the same take one place, though they differ in a few words; what differs in a fact never does."""

import re
from collections import Counter
from collections.abc import Iterable

import msgspec

from app.retrieval.passages import Passage
from app.retrieval.support.quantities import quantities
from app.retrieval.support.words_said import words_said
from app.retrieval.words import STOP_WORDS

SHINGLE = 3
ALIKE = 0.8
"""The share of all their shingles (three words in a row) that two texts have both: of 100 words some six differ."""

_WORD = re.compile(r"\w+")
_ARTICLES = frozenset({"a", "an", "the"})
_LIMITING = frozenset(
    (
        "above", "after", "before", "below", "during", "except", "excluding", "hardly", "if", "less", "more", "only",
        "over", "outside", "under", "unless", "until", "when", "while", "within",
    )
)  # fmt: skip
"""Words that narrow what is said."""

Shingle = tuple[str, ...]


def fold(passages: Iterable[Passage]) -> list[Passage]:
    """Return each text once, where it first stands; it names the other documents that hold it under such headings.

    A text with further words is the same one if these are few and none is a number, a name, a denial or a limit. One
    with other words, or in another order, is not: it may say the opposite. The same file under several names, or in
    several versions, would otherwise take every place in the prompt.
    """
    kept: list[Passage] = []
    shingles: list[set[Shingle]] = []
    having: dict[tuple[str, Shingle], list[int]] = {}
    for passage in passages:
        mine = _shingles(passage.text)
        shared = Counter(at for shingle in mine for at in having.get((passage.heading, shingle), ()))
        alike = sorted(at for at, count in shared.items() if _is_alike(count, mine, shingles[at]))
        same = next((at for at in alike if _says_the_same(kept[at].text, passage.text)), None)
        if same is not None:
            kept[same] = _naming(kept[same], passage.document)
            continue
        for shingle in mine:
            having.setdefault((passage.heading, shingle), []).append(len(kept))
        kept.append(passage)
        shingles.append(mine)
    return kept


def _naming(passage: Passage, document: str) -> Passage:
    if document in (passage.document, *passage.also):
        return passage
    return msgspec.structs.replace(passage, also=(*passage.also, document))


def _shingles(text: str) -> set[Shingle]:
    words = _WORD.findall(text.casefold())
    # A text of signs alone is its own shingle.
    return {tuple(words[at : at + SHINGLE]) for at in range(max(1, len(words) - SHINGLE + 1))} if words else {(text,)}


def _is_alike(shared: int, some: set[Shingle], others: set[Shingle]) -> bool:
    return shared >= ALIKE * (len(some) + len(others) - shared)


def _says_the_same(text: str, other: str) -> bool:
    if _bare(text) == _bare(other):
        return True
    short, long = sorted((_words(text), _words(other)), key=len)
    following = iter(long)
    return all(word in following for word in short) and _facts(text) == _facts(other)


def _bare(text: str) -> str:
    return " ".join(text.split()).casefold()


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text.casefold()) if word not in _ARTICLES]


def _facts(text: str) -> tuple[object, ...]:
    """Return what must be equal: numbers with their units, names, codes, and what is denied or limited."""
    words = words_said(text)
    names = [word for word in _WORD.findall(text) if word[0].isupper() and word.casefold() not in STOP_WORDS]
    numbers = [(one.values, one.dimension, one.digits) for one in quantities(text)]
    return numbers, names, words.codes, words.denied, words.denies, sum(word in _LIMITING for word in _words(text))
