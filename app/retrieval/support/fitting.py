"""How well the statements of passages fit a question: by its words, the rare ones most, and by meaning."""

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from app.retrieval.passages import Passage
from app.retrieval.sections import SEPARATOR
from app.retrieval.support.asked import Asked
from app.retrieval.support.statements import Statement
from app.retrieval.words import terms

ABOVE = 0.9
"""What a word is worth that stands in the headings or the columns above."""
AROUND = 0.5
"""What one is worth that stands elsewhere in the passage."""
KEY = 0.15
"""What is added to a row whose first cell is named whole: the other cells have no verbs."""
STEM_CHARS = 5
COMMON = 0.3
"""What a word weighs that every statement has, of what the rarest one does."""
UNKNOWN = 0.5
"""What one weighs that none has, so, doubled: another word may stand for it."""
COMPARED = 16
"""So many statements are compared by meaning at most, those with the most of the question's words."""
COMPARED_CHARS = 500

Near = Mapping[str, float]
"""How near texts are to a question by meaning, as cosines."""
NOT_COMPARED: Near = {}


class Fit(msgspec.Struct, frozen=True):
    """How well a statement fits: the share of the question's words that it holds, plain and by their rarity.

    `near` is how near its meaning is (see `nearest`).
    """

    share: float
    rare_share: float
    near: float | None = None


class Fitting:
    """Measures the statements of passages against one question. Pure."""

    def __init__(self, asked: Asked, passages: Sequence[Passage], found: Sequence[Statement]) -> None:
        self._asked = asked
        self._around = [frozenset(terms(passage.text)) for passage in passages]
        count = {term: sum(has(term, one.all_terms) for one in found) for term in asked.words.weights}
        self._known = frozenset(term for term, having in count.items() if having)
        rarity = {term: math.log(1 + (len(found) - having + 0.5) / (having + 0.5)) for term, having in count.items()}
        most = max((rarity[term] for term in self._known), default=1.0) or 1.0
        self._rarity = {
            term: COMMON + (1 - COMMON) * (min(1.0, rarity[term] / most) if term in self._known else UNKNOWN)
            for term in count
        }

    def measure(self, statement: Statement, near: Near = NOT_COMPARED) -> Fit:
        """Return how well a statement fits."""
        around = frozenset[str]() if statement.row else self._around[statement.number]
        key = KEY if statement.row and self._names_key(statement) else 0.0
        fit = self.measure_terms(statement.terms, statement.all_terms, around)
        return Fit(fit.share + key, fit.rare_share + key, nearest((statement,), near))

    def measure_terms(self, own: frozenset[str], above: frozenset[str], around: frozenset[str] = frozenset()) -> Fit:
        """Return how well words fit that have others above and around them."""
        worth = {
            term: 1.0 if has(term, own) else ABOVE if has(term, above) else AROUND if has(term, around) else 0.0
            for term in self._asked.words.weights
        }
        return Fit(self._share(worth), self._share(worth, self._rarity))

    def _share(self, worth: Mapping[str, float], rarity: Mapping[str, float] | None = None) -> float:
        """Return how much of what is asked stands there; what the passages nowhere speak of counts double."""
        held = whole = 0.0
        for term, weight in self._asked.words.weights.items():
            is_spare = term in self._asked.spare or (term in self._asked.before and term not in self._known)
            if is_spare and not worth[term]:
                continue
            one = weight * (1.0 if rarity is None else rarity[term])
            whole += one if term in self._known else 2 * one
            held += one * worth[term]
        return held / whole if whole else 0.0

    def _names_key(self, statement: Statement) -> bool:
        """Whether the question names all that the first cell of a row does."""
        key = terms(statement.row.cells[0]) if statement.row else []
        return bool(key) and all(has(term, self._asked.every) for term in key)


def has(term: str, others: frozenset[str]) -> bool:
    """Whether a term is among others, or one that begins alike: guaranteed, guarantee."""
    if term in others:
        return True
    return len(term) >= STEM_CHARS and any(
        other[:STEM_CHARS] == term[:STEM_CHARS] and abs(len(other) - len(term)) <= STEM_CHARS - 1 for other in others
    )


def meaning_of(statement: Statement) -> str:
    """Return the text of a statement as it is compared by meaning: below its heading, a row with its columns."""
    row, heading = statement.row, statement.passage.heading.rpartition(SEPARATOR)[2]
    said = statement.text
    if row is not None and len(row.header) == len(row.cells):
        said = "; ".join(f"{name}: {cell}" for name, cell in zip(row.header, row.cells, strict=True) if cell)
    return (f"{heading}: {said}" if heading else said)[:COMPARED_CHARS]


def nearest(found: Iterable[Statement], near: Near) -> float | None:
    """Return how near the nearest statement is: 0 where only others were compared, None where none were."""
    return max((near.get(meaning_of(one), 0.0) for one in found), default=0.0) if near else None
