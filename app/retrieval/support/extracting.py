"""The words of the passages that answer a question by themselves: a sentence, a cell of a table, a section."""

import re
from collections.abc import Sequence

import msgspec

from app.retrieval.passages import Passage
from app.retrieval.support.asked import ADDRESS, CALLED, CODE, DATE, NUMBER, PERSON, ROLE, Asked, read_question
from app.retrieval.support.blocks import blocks
from app.retrieval.support.fitting import COMPARED, KEY, NOT_COMPARED, Fit, Fitting, Near, has, meaning_of, nearest
from app.retrieval.support.quantities import quantities
from app.retrieval.support.statements import Statement, statements
from app.retrieval.words import terms

LEAST_SHARE = 0.75
"""How much of what a question is about must stand in the words that answer it, where only words tell: calibrated on the
`develop` questions of `samples/library.toml`; below that nothing is extracted."""
LEAST_RARE_SHARE = 0.3
LEAST_NEAR = 0.3
LEAST_TOGETHER = 1.1
"""The same where meaning tells too: the share of its words by their rarity, the cosine, and both together."""
LEAST_OF_BLOCK = 1.0
"""Both together for a block: how something is done is rarely said in the words of the question."""

CLOSE = 0.1
"""What fits worse than the best by less than this is quoted with it, MOST_CLOSE in all."""
MOST_CLOSE = 3
MOST_ROWS = 8

_ROLE = re.compile(r"\b(?:only|may|can|must|has to|have to|allowed|permitted)\b", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_CODE = re.compile(r"\b[^\W\d_]+-?\d[\w-]*")
_PERSON = re.compile(r"\b[A-Z][a-z]+ [A-Z][a-z]+")
_DATE = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december|(?:19|20)\d\d|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?)\b",
    re.IGNORECASE,
)


class Extract(msgspec.Struct, frozen=True):
    """What answers: `text`, made of the words `start` to `end` of the passage numbered `passage`."""

    text: str
    passage: int
    start: int
    end: int
    share: float


class Extracting:
    """Looks for the words of passages that answer a question. Pure, and reads the passages once.

    `about` is what was said before the question, which it may lean on.
    """

    def __init__(self, question: str, passages: Sequence[Passage], about: str = "") -> None:
        self._asked, self._passages, self._found = read_question(question, about), passages, statements(passages)
        self._fitting = Fitting(self._asked, passages, self._found)

    def worth_comparing(self) -> tuple[str, ...]:
        """Return the texts that may answer, for a comparison by meaning: at most COMPARED, of most words first."""
        able = [one for one in self._found if _answers(self._asked, one)]
        best = sorted(able, key=lambda one: -self._fitting.measure(one).rare_share)
        return tuple(dict.fromkeys(meaning_of(one) for one in best))[:COMPARED]

    def extract(self, near: Near = NOT_COMPARED) -> Extract | None:
        """Return the words that answer; None where none do so surely enough.

        `near` is how near the texts of `worth_comparing` are to the question, where that is known.
        """
        block = self._block(near) if self._asked.is_longer else None
        return block or self._statement(near)

    def extracts(self, near: Near = NOT_COMPARED) -> tuple[Extract, ...]:
        """Return what `extract` does with what fits nearly as well and may be what was meant, in their order."""
        block = self._block(near) if self._asked.is_longer else None
        if block is not None:
            return (block,)
        ranked = self._ranked(near)
        if not ranked:
            return ()
        best, chosen = ranked[0]
        if self._asked.is_each and chosen.row is not None:
            alike = [(best, one) for one in self._found if _is_of_table(one, chosen) and _answers(self._asked, one)]
            return tuple(self._extract(rank, one) for rank, one in alike[:MOST_ROWS])
        close = [one for one in ranked if one[0] >= best - CLOSE][:MOST_CLOSE]
        close.sort(key=lambda one: (one[1].number, one[1].start))
        return tuple(self._extract(rank, one) for rank, one in close)

    def _statement(self, near: Near) -> Extract | None:
        ranked = self._ranked(near)
        return self._extract(*ranked[0]) if ranked else None

    def _ranked(self, near: Near) -> list[tuple[float, Statement]]:
        """Return the statements that answer surely enough, the best first."""
        measured = [(self._fitting.measure(one, near), one) for one in self._found]
        sure = [(_rank(fit), one) for fit, one in measured if _is_sure(fit) and _answers(self._asked, one)]
        return sorted(sure, key=lambda one: -one[0])

    def _extract(self, rank: float, chosen: Statement) -> Extract:
        return Extract(_told(self._asked, chosen), chosen.number, chosen.start, chosen.end, round(rank, 3))

    def _block(self, near: Near) -> Extract | None:
        """Return a whole block of a passage, where the answer is more than a sentence."""
        best: Extract | None = None
        for number, passage in enumerate(self._passages):
            for start, end in blocks(passage):
                fit = self._fit_of_block(number, start, end, near)
                if _is_sure(fit, LEAST_OF_BLOCK) and (best is None or _rank(fit) > best.share):
                    best = Extract(passage.text[start:end], number, start, end, round(_rank(fit), 3))
        return best

    def _fit_of_block(self, number: int, start: int, end: int, near: Near) -> Fit:
        passage, codes = self._passages[number], self._asked.words.codes
        heading = frozenset(terms(passage.heading))
        own = frozenset(terms(passage.text[start:end])) | heading
        above = own | frozenset(terms(f"{passage.title} {passage.document}"))
        inside = (one for one in self._found if one.number == number and start <= one.start and one.end <= end)
        fit, key = self._fitting.measure_terms(own, above), KEY if codes and codes <= heading else 0.0
        return Fit(fit.share + key, fit.rare_share + key, nearest(inside, near))


def extract(question: str, passages: Sequence[Passage]) -> Extract | None:
    """Return the words of passages that answer a question, as far as words alone tell."""
    return Extracting(question, passages).extract()


def speaks_to(asked: Asked, sentence: str) -> bool:
    """Whether a sentence holds what a question asks for and half of its words by weight, where a fact is asked for."""
    if asked.is_longer:
        return True
    own, weights = frozenset(terms(sentence)), asked.words.weights
    told = {term: weight for term, weight in weights.items() if term not in asked.spare}
    held = sum(weight for term, weight in told.items() if has(term, own))
    return 2 * held >= sum(told.values()) and (not asked.kinds or _is_kind(asked, sentence))


def _is_sure(fit: Fit, least: float = LEAST_TOGETHER) -> bool:
    if fit.near is None:
        return fit.share >= LEAST_SHARE
    return fit.rare_share >= LEAST_RARE_SHARE and fit.near >= LEAST_NEAR and _rank(fit) >= least


def _is_of_table(one: Statement, other: Statement) -> bool:
    if one.row is None or other.row is None:
        return False
    return one.number == other.number and one.row.header == other.row.header


def _rank(fit: Fit) -> float:
    return fit.share if fit.near is None else fit.rare_share + fit.near


def _answers(asked: Asked, statement: Statement) -> bool:
    """Whether a statement holds what is asked for, beside what the question says itself."""
    if not all(has(term, statement.all_terms) for term in (*asked.words.codes, *asked.counted)):
        return False
    return not asked.kinds or any(_is_kind(asked, cell) for cell in _cells(statement))


def _cells(statement: Statement) -> Sequence[str]:
    return statement.row.cells if statement.row else (statement.text,)


def _is_kind(asked: Asked, text: str) -> bool:
    found = {quantity.dimension for quantity in quantities(text)}
    if CODE in asked.kinds:
        return _CODE.search(text) is not None
    if ADDRESS in asked.kinds:
        return _MAIL.search(text) is not None
    if ROLE in asked.kinds:
        return _ROLE.search(text) is not None
    if PERSON in asked.kinds:
        named = (frozenset(terms(name)) for name in _PERSON.findall(text))
        return any(not name & asked.words.names for name in named)
    if NUMBER in asked.kinds:
        # What is counted has no unit of its own.
        return "" in found if asked.counted else bool(found)
    if DATE in asked.kinds and _DATE.search(text):
        return True
    return bool(found & asked.kinds) or (CALLED in asked.kinds and CALLED in found)


def _told(asked: Asked, statement: Statement) -> str:
    """Return a sentence as it stands; of a row the cell that was asked for with what it is of, else all cells."""
    row = statement.row
    if row is None:
        return " ".join(statement.passage.text[statement.start : statement.end].split())
    header = row.header if len(row.header) == len(row.cells) else ("",) * len(row.cells)
    fit = {
        n: _named(asked, header[n])
        for n, cell in enumerate(row.cells)
        if n and (not asked.kinds or _is_kind(asked, cell))
    }
    best = max(fit.values(), default=0)
    chosen = [n for n, count in fit.items() if count == best]
    if not asked.kinds and not best:
        chosen = list(range(1, len(row.cells)))
    told = "; ".join(f"{header[n]}: {row.cells[n]}" if header[n] else row.cells[n] for n in chosen if row.cells[n])
    return f"{row.cells[0]}: {told}." if told else row.cells[0]


def _named(asked: Asked, name: str) -> int:
    own = frozenset(terms(name))
    return sum(has(term, own) for term in asked.words.weights)
