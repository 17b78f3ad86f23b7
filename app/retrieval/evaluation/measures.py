"""What counts as found: for each question the rank of the right page, document and words, and over all the shares."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from enum import StrEnum
from statistics import fmean

import msgspec

from app.retrieval.evaluation.golden import Golden
from app.retrieval.words import terms

SHINGLE = 3
QUOTE_SHARE = 0.5
"""A passage holds a part of a quote when so many of the shingles of the shorter one are in the other."""
DEEP = 10
"""So many pages of each question are kept to be looked at."""


class Among(StrEnum):
    """Which documents a question was asked of."""

    ALL = "all"
    """All of the tenant's."""
    NAMED = "named"
    """Those of its answer, named by a filter."""


class Seen(msgspec.Struct, frozen=True):
    """A passage as a search shows it; `also` names other documents that hold it."""

    document: str
    page: int | None
    text: str
    score: float
    also: tuple[str, ...] = ()


class Place(msgspec.Struct, frozen=True):
    """A page that was found, or a document without pages, with the best score on it."""

    document: str
    page: int | None
    score: float


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a question: ranks count from 1, None where it was not found or is not known of the question.

    `page` and `document` count distinct pages and documents; `support` is the passage with which all that was expected
    had been read. `pages_right` are the ranks of all right pages that were found, of `pages_known`.
    """

    id: str
    among: Among
    half: str
    question: str
    is_answerable: bool
    page: int | None
    document: int | None
    support: int | None
    pages_right: tuple[int, ...]
    pages_known: int
    is_supportable: bool
    found: tuple[Place, ...]

    @property
    def rank(self) -> int | None:
        """The rank of the finest that the question knows: its page, else its words, else its document."""
        if self.pages_known:
            return self.page
        return self.support if self.is_supportable else self.document


class Metric(StrEnum):
    """What is measured over questions, from 0 to 1; more is better."""

    PAGE_HIT = "page_hit"
    """A right page is among the first."""
    RECALL = "recall"
    """How many of the right pages are among the first."""
    MRR = "mrr"
    """1 / rank of the finest that is known: page, else words, else document."""
    DOCUMENT_HIT = "document_hit"
    """A right document is among the first."""
    SUPPORT = "support"
    """The first passages hold what was expected."""
    NOTHING_FOUND = "nothing_found"
    """Of the questions without an answer, those for which nothing was found."""


def row_of(golden: Golden, among: Among, seen: Sequence[Seen]) -> Row:
    """Return what came of a question, from the passages that a search showed, best first."""
    places = _places(seen)
    wanted = set(golden.documents)
    right = [n for n, one in enumerate(places, 1) if one.document in wanted and one.page in golden.pages]
    return Row(
        id=golden.id,
        among=among,
        half=golden.half,
        question=golden.question,
        is_answerable=bool(golden.documents),
        page=right[0] if right else None,
        document=_first(_distinct(name for one in seen for name in _names(one, wanted)), wanted),
        support=_support(golden, seen),
        pages_right=tuple(right),
        pages_known=len(golden.pages),
        is_supportable=bool(golden.facts or golden.quote),
        found=tuple(places[:DEEP]),
    )


def is_right(golden: Golden, one: Seen) -> bool:
    """Say whether a passage holds what is asked for, or a part: by its page, else its words, else its document."""
    if one.document not in golden.documents:
        return False
    if golden.pages:
        return one.page in golden.pages
    if golden.facts:
        return any(stands_in(wording, one.text) for group in golden.facts for wording in group)
    return not golden.quote or _holds(_shingles(one.text), _shingles(golden.quote))


def value_of(metric: Metric, row: Row, k: int) -> float | None:
    """Return what a question counts for a metric at `k`, from 0 to 1; None where it does not speak to it."""
    if metric is Metric.NOTHING_FOUND:
        return None if row.is_answerable else float(not row.found)
    speaks, value = _VALUES[metric]
    return value(row, k) if row.is_answerable and speaks(row) else None


def shares(rows: Iterable[Row], k: int) -> dict[Metric, tuple[float, int]]:
    """Return each metric's mean and of how many questions, without those that no question speaks to."""
    rows = list(rows)
    found: dict[Metric, tuple[float, int]] = {}
    for metric in Metric:
        values = [value for row in rows if (value := value_of(metric, row, k)) is not None]
        if values:
            found[metric] = (fmean(values), len(values))
    return found


_VALUES: dict[Metric, tuple[Callable[[Row], bool], Callable[[Row, int], float]]] = {
    Metric.PAGE_HIT: (lambda row: row.pages_known > 0, lambda row, k: _hit(row.page, k)),
    Metric.RECALL: (
        lambda row: row.pages_known > 0,
        lambda row, k: sum(rank <= k for rank in row.pages_right) / row.pages_known,
    ),
    Metric.MRR: (lambda _: True, lambda row, _: 0.0 if row.rank is None else 1 / row.rank),
    Metric.DOCUMENT_HIT: (lambda row: row.among is Among.ALL, lambda row, k: _hit(row.document, k)),
    Metric.SUPPORT: (lambda row: row.is_supportable, lambda row, k: _hit(row.support, k)),
}


def _hit(rank: int | None, k: int) -> float:
    return float(rank is not None and rank <= k)


def _places(seen: Sequence[Seen]) -> list[Place]:
    """Return the distinct pages, in the order in which they were first seen."""
    found: dict[tuple[str, int | None], Place] = {}
    for one in seen:
        found.setdefault((one.document, one.page), Place(one.document, one.page, one.score))
    return list(found.values())


def _names(one: Seen, wanted: Collection[str]) -> Iterable[str]:
    """Return the document of a passage, under the name that is wanted if it has one."""
    return [next((name for name in (one.document, *one.also) if name in wanted), one.document)]


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _first(names: Sequence[str], wanted: Collection[str]) -> int | None:
    return next((rank for rank, name in enumerate(names, 1) if name in wanted), None)


def _support(golden: Golden, seen: Sequence[Seen]) -> int | None:
    """Return the rank of the passage with which all of what was expected had been read."""
    wanted = set(golden.documents)
    if golden.facts:
        missing = list(golden.facts)
        for rank, one in enumerate(seen, 1):
            if wanted.isdisjoint((one.document, *one.also)):
                continue
            missing = [group for group in missing if not any(stands_in(wording, one.text) for wording in group)]
            if not missing:
                return rank
        return None
    quote = _shingles(golden.quote)
    return next((rank for rank, one in enumerate(seen, 1) if _holds(_shingles(one.text), quote)), None)


def stands_in(wording: str, text: str) -> bool:
    """Say whether a wording stands in a text as words of its own: 15 is not found in 150 or in 1.15."""
    words = r"\s+".join(re.escape(word) for word in wording.split())
    return re.search(rf"(?<![\w])(?<!\d[.,]){words}(?!\w)(?![.,]\d)", text, re.IGNORECASE) is not None


def _shingles(text: str) -> set[tuple[str, ...]]:
    words = terms(text)
    return {tuple(words[at : at + SHINGLE]) for at in range(max(1, len(words) - SHINGLE + 1))} if words else set()


def _holds(passage: Collection[tuple[str, ...]], quote: set[tuple[str, ...]]) -> bool:
    shorter = min(len(passage), len(quote))
    return shorter > 0 and len(quote.intersection(passage)) >= QUOTE_SHARE * shorter
