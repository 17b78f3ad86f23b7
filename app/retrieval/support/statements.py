"""What passages state: each sentence and each row of a table, with the words above it and in clauses."""

import re
from collections.abc import Sequence
from functools import cached_property

from app.retrieval.passages import Passage
from app.retrieval.support.quantities import Quantity, quantities
from app.retrieval.support.sentences import spans
from app.retrieval.support.tables import Row, rows
from app.retrieval.support.words_said import WORD_WEIGHT, Words, words_said
from app.retrieval.words import is_number, terms

_HEADING = re.compile(r"\s{0,3}(?:#{1,6}(?:\s|$)|=+\s*$|-+\s*$|\|?[\s:|-]+\|?\s*$)")
_POINTS = re.compile(r"\b(?:it|its|they|them|their|that|this|these|those|there)\b", re.IGNORECASE)
_THE = re.compile(r"\W*(?:the|both|either|each)\s+([\w-]+)", re.IGNORECASE)
_CLAUSE = re.compile(r"[;,](?=\s)|\s(?:and|or|but)\s")
_MARKUP = re.compile(r"[*_`#|]+")
BEFORE_CHARS = 400
LEAST_CLAUSE_TERMS = 2
"""Beside its number: "2 hours and 40 minutes" is one."""


class Clause:
    """A part of a statement with numbers of its own."""

    def __init__(self, text: str) -> None:
        self.quantities = quantities(text)
        self.words = words_said(text)
        self.terms = frozenset(term for term in terms(text) if not is_number(term))


class Statement:
    """A sentence, or a row of a table, at `text[start:end]` of the passage numbered `passage`."""

    before = ""
    """What the sentence before says, if this one points at it."""

    def __init__(self, number: int, passage: Passage, start: int, end: int, row: Row | None = None) -> None:
        self.number, self.passage, self.start, self.end, self.row = number, passage, start, end, row

    @cached_property
    def text(self) -> str:
        """What it says, without marks."""
        said = "; ".join(self.row.cells) if self.row else self.passage.text[self.start : self.end]
        return " ".join(_MARKUP.sub(" ", said).split())

    @cached_property
    def above(self) -> str:
        """What is said above it: the columns of a table, the headings, what the document is called."""
        header = " ".join(self.row.header) if self.row else ""
        names = " ".join((self.passage.document, *self.passage.also))
        return f"{header} {self.passage.heading} {self.passage.title} {names} {self.before}"

    @cached_property
    def words(self) -> Words:
        """Its words."""
        return words_said(self.text)

    @cached_property
    def terms(self) -> frozenset[str]:
        """The terms that it says itself."""
        return frozenset(terms(self.text))

    @cached_property
    def all_terms(self) -> frozenset[str]:
        """Its terms and those above it."""
        return self.terms | frozenset(terms(self.above))

    @cached_property
    def quantities(self) -> list[Quantity]:
        """Its numbers."""
        return quantities(self.text)

    @cached_property
    def clauses(self) -> list[Clause]:
        """Its parts; a row is one."""
        return [Clause(self.text)] if self.row else [Clause(text) for text in clauses(self.text)]


def statements(passages: Sequence[Passage]) -> list[Statement]:
    """Return what the passages state, in their order; headings state nothing."""
    return [statement for number, passage in enumerate(passages) for statement in _of(number, passage)]


def _of(number: int, passage: Passage) -> list[Statement]:
    found = rows(passage)
    said = [Statement(number, passage, row.start, row.end, row) for row in found]
    free = passage.text
    if found and not any(passage.text[row.start : row.end].lstrip().startswith("|") for row in found):
        free = ""  # it is one table of separated values
    before = ""
    for start, end in spans(free):
        piece = free[start:end]
        if not _HEADING.match(piece) and not piece.lstrip().startswith("|"):
            statement = Statement(number, passage, start, end)
            statement.before = before if _points(piece, before) else ""
            before = f"{statement.text} {statement.before}"[:BEFORE_CHARS]
            said.append(statement)
    return sorted(said, key=lambda one: one.start)


def _points(sentence: str, before: str) -> bool:
    """Whether a sentence is about what the one before says: by a pronoun, or since it begins with a thing of that."""
    thing = _THE.match(sentence)
    return _POINTS.search(sentence) is not None or (thing is not None and set(terms(thing[1])) <= set(terms(before)))


def clauses(text: str) -> list[str]:
    """Cut a sentence where each part has a number and words of its own."""
    parts, start = list[str](), 0
    for match in _CLAUSE.finditer(text):
        if _stands_alone(text[start : match.start()]) and _stands_alone(text[match.end() :]):
            parts.append(text[start : match.start()])
            start = match.end()
    return [*parts, text[start:]]


def _stands_alone(part: str) -> bool:
    weights = words_said(part).weights.values()
    return bool(quantities(part)) and sum(weight >= WORD_WEIGHT for weight in weights) >= LEAST_CLAUSE_TERMS
