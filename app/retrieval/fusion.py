"""How likely it is that a passage holds what was asked for: by its meaning, its words, and what stands beside it."""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from uuid import UUID

import msgspec

from app.retrieval.passages import Passage
from app.retrieval.pertinence import said_by, words_asked
from app.retrieval.points import Proposal
from app.retrieval.search_rows import ChunkRow
from app.retrieval.words import terms

SHIPPED = Path(__file__).with_name("fusion_weights.json")
"""Made by `switchyard retrieval calibrate`."""
BESIDE = (0.5, 0.5)
"""What the best and the second best other chunk of a page count beside one of it."""


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A chunk by itself is logistic(bias + cosine·c + cover·w + match·m); with those beside it, `likely` is the sum.

    The score is logistic(intercept + slope·ln(likely)). Below `floor` a passage is nothing that was found.
    """

    bias: float
    cosine: float
    cover: float
    match: float
    intercept: float
    slope: float
    floor: float


BY_HAND = Weights(bias=-5.0, cosine=6.0, cover=3.0, match=1.0, intercept=0.0, slope=1.0, floor=0.05)
"""For embedders that nothing was fitted to: cosines of what belongs together are about 0.4 to 0.8 with many of them.
Its scores compare passages, and are no chances."""


class Fitted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Weights, the digest of the embedder whose cosines they are of, and what they were fitted to."""

    digest: str
    weights: Weights
    questions: tuple[str, ...]
    """The digest of each file of questions."""
    fitted_to: int
    """How many of the questions; the others were only counted."""
    lost: float
    """The share of right passages among the first ten that the floor may cost."""

    def weights_for(self, digest: str) -> Weights:
        """Return the weights for an embedder: those by hand where nothing was fitted to it."""
        return self.weights if digest == self.digest else BY_HAND


class Measured(msgspec.Struct, frozen=True):
    """What is measured of a chunk: how near its vector is to the question's (`cosine`), the share of the question's
    words that it has, by their rarity (`cover`), and its BM25 by that of the best (`match`)."""

    passage: Passage
    cosine: float
    cover: float
    match: float


def read_fitted(path: Path) -> Fitted:
    """Return the weights of a file. Raises OSError, msgspec.ValidationError."""
    return msgspec.json.decode(path.read_bytes(), type=Fitted)


@cache
def shipped() -> Fitted:
    """Return the weights that come with this version."""
    return read_fitted(SHIPPED)


def measure(question: str, proposals: Sequence[Proposal], rows: Mapping[UUID, ChunkRow]) -> list[Measured]:
    """Return what is measured of the proposals; those that are not in `rows` are left out."""
    kept = [one for one in proposals if one.id in rows]
    bare = [_passage(rows[one.id], one.cosine) for one in kept]
    said = [frozenset(terms(said_by(passage))) for passage in bare]
    rarity = _rarity(words_asked(question), said)
    # What is not among the nearest is at most as near as the last of them.
    far = min((one.cosine for one in proposals if one.cosine is not None), default=0.0)
    most = max((one.bm25 for one in proposals if one.bm25 is not None), default=0.0)
    return [
        Measured(
            passage,
            far if one.cosine is None else one.cosine,
            _cover(rarity, words),
            one.bm25 / most if one.bm25 and most else 0.0,
        )
        for one, passage, words in zip(kept, bare, said, strict=True)
    ]


def weigh(measured: Sequence[Measured], weights: Weights) -> list[Passage]:
    """Return the passages with their scores, best first."""
    scored = [
        msgspec.structs.replace(one.passage, score=chance(value, weights))
        for one, value in zip(measured, likely(measured, weights), strict=True)
    ]
    return sorted(scored, key=lambda passage: -passage.score)


def likely(measured: Sequence[Measured], weights: Weights) -> list[float]:
    """Return what each chunk comes to with those beside it: on its page, or without pages under its headings.

    A page on which several chunks speak to the question holds the answer more often than one with a single such chunk.
    """
    own = [
        _logistic(weights.bias + weights.cosine * one.cosine + weights.cover * one.cover + weights.match * one.match)
        for one in measured
    ]
    beside: dict[object, list[int]] = defaultdict(list)
    for at, one in enumerate(measured):
        passage = one.passage
        beside[passage.document_id, passage.heading if passage.page is None else passage.page].append(at)
    sums = [0.0] * len(own)
    for group in beside.values():
        best = sorted(group, key=lambda at: -own[at])[: len(BESIDE) + 1]
        for at in group:
            others = [own[other] for other in best if other != at]
            sums[at] = own[at] + sum(share * value for share, value in zip(BESIDE, others, strict=False))
    return sums


def chance(value: float, weights: Weights) -> float:
    """Return the score, from 0 to 1, of what a chunk comes to."""
    return _logistic(weights.intercept + weights.slope * math.log(max(value, 1e-12)))


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def _passage(row: ChunkRow, cosine: float | None) -> Passage:
    return Passage(
        row.id,
        row.document_id,
        row.document,
        row.heading,
        row.text,
        row.start_offset,
        row.end_offset,
        0.0,
        title=row.title,
        page=row.page,
        lead=row.lead,
        cosine=cosine,
        ordinal=row.ordinal,
        set_name=row.set_name,
    )


def _rarity(asked: Iterable[str], said: Sequence[Collection[str]]) -> dict[str, float]:
    """Return what each word of the question weighs: more, the fewer of what was found have it."""
    having = Counter(word for words in said for word in words)
    return {word: math.log(1 + (len(said) - having[word] + 0.5) / (having[word] + 0.5)) for word in asked}


def _cover(rarity: Mapping[str, float], words: Collection[str]) -> float:
    whole = sum(rarity.values())
    return sum(weight for word, weight in rarity.items() if word in words) / whole if whole else 0.0
