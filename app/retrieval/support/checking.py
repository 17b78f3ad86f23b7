"""Whether passages say what each sentence of an answer says: its numbers, names, denials and words."""

import re
from collections.abc import Iterable, Sequence

import msgspec

from app.retrieval.passages import Passage
from app.retrieval.support.quantities import Quantity, is_same, quantities
from app.retrieval.support.sentences import spans
from app.retrieval.support.statements import Clause, Statement, clauses, statements
from app.retrieval.support.verdicts import Lack, Supported
from app.retrieval.support.words_said import LIGHT_WEIGHT, WORD_WEIGHT, Words, words_said
from app.retrieval.words import terms

YES_SHARE = 0.8
UNSURE_SHARE = 0.5
"""How much of a sentence's words, by weight, its evidence must hold: calibrated on the `develop` pairs of
`samples/support.toml`."""
ENOUGH_WEIGHT = 2.0
"""A sentence with less is read with its question: "Five years." says nothing alone."""
NUMBER_WEIGHT = 1.5
MOST_STATEMENTS = 3
"""From so many statements a sentence may take what it says."""
LEAST_ADDED = 1.5
MARGIN = 0.9
"""By so much another statement must fit a sentence better for its number to be taken from the wrong one."""

_MARKER = re.compile(r"\[\d{1,2}\]|[*_`#]+|^\s*(?:[-+*]|\d{1,3}[.)])\s+")


class Check(msgspec.Struct, frozen=True):
    """A sentence, `answer[start:end]`, and its evidence: `text[evidence_start:evidence_end]` of a passage, if any."""

    start: int
    end: int
    supported: Supported
    lack: Lack | None = None
    passage: int | None = None
    evidence_start: int = 0
    evidence_end: int = 0
    share: float = 0.0
    """How much of its words the evidence holds."""
    also: tuple[int, ...] = ()
    """Further passages that hold a part of it."""


class Checker:
    """Holds sentences against the passages of one question. Pure, and reads the passages once."""

    def __init__(self, passages: Sequence[Passage], question: str) -> None:
        self._statements = statements(passages)
        self._asked = words_said(question)
        self._every = frozenset(term for one in self._statements for term in one.all_terms)

    def check(self, answer: str) -> tuple[Check, ...]:
        """Return a check of each sentence that claims something, in order."""
        found = (self.sentence(answer[start:end], start) for start, end in spans(answer))
        return tuple(check for check in found if check is not None)

    def sentence(self, text: str, start: int = 0) -> Check | None:
        """Return the check of a sentence that begins at `start`; None for one that claims nothing."""
        said = _MARKER.sub(" ", text)
        words, numbers = words_said(said), quantities(said)
        if not numbers and words.whole <= LIGHT_WEIGHT:
            return None
        own, words = words, self._read_with_question(words)
        chosen = self._evidence(words, numbers)
        lack, share = self._lack(said, words, numbers, chosen)
        best = chosen[0] if chosen and share > 0 else None
        is_sure = share >= YES_SHARE and not self._brings_in(own, numbers, chosen)
        supported = Supported.NO if lack is not None else Supported.YES if is_sure else Supported.UNSURE
        return Check(
            start,
            start + len(text),
            supported,
            lack,
            None if best is None else best.number,
            0 if best is None else best.start,
            0 if best is None else best.end,
            round(share, 3),
            tuple({one.number for one in chosen} - {chosen[0].number} if chosen else ()),
        )

    def _read_with_question(self, words: Words, *, share: float = 0.5) -> Words:
        if words.whole >= ENOUGH_WEIGHT:
            return words
        asked = {term: weight * share for term, weight in self._asked.weights.items() if term not in words.weights}
        return msgspec.structs.replace(words, weights={**words.weights, **asked})

    def _brings_in(self, words: Words, numbers: Sequence[Quantity], chosen: Sequence[Statement]) -> bool:
        """Whether the sentence speaks of something that the passages nowhere do, nor the documents of its numbers."""
        holders = {one.passage.document_id for one in chosen if any(_stands_in(number, one) for number in numbers)}
        near = (one.all_terms for one in self._statements if one.passage.document_id in holders)
        known = (frozenset[str]().union(*near) if holders else self._every) | _undenied(chosen, words)
        return any(weight >= WORD_WEIGHT and term not in known for term, weight in words.weights.items())

    def _evidence(self, words: Words, numbers: Sequence[Quantity]) -> list[Statement]:
        """Return the statement that fits best, and those that add what it lacks."""
        chosen, held, missing = list[Statement](), set[str](), list(numbers)
        while len(chosen) < MOST_STATEMENTS:
            best = max(self._statements, key=lambda one: _gain(one, words, held, missing), default=None)
            if best is None or best in chosen:
                break
            gain = _gain(best, words, held, missing)
            if gain < (LEAST_ADDED if chosen else LIGHT_WEIGHT):
                break
            chosen.append(best)
            held |= best.all_terms
            missing = [number for number in missing if not _stands_in(number, best)]
        return chosen

    def _lack(
        self, said: str, words: Words, numbers: Sequence[Quantity], chosen: Sequence[Statement]
    ) -> tuple[Lack | None, float]:
        held = frozenset(term for one in chosen for term in one.all_terms) | _undenied(chosen, words)
        found = sum(any(_stands_in(number, one) for one in chosen) for number in numbers)
        share = (words.shared(held) + NUMBER_WEIGHT * found) / (words.whole + NUMBER_WEIGHT * len(numbers))
        if share <= UNSURE_SHARE:
            return Lack.WORDS, share
        if any(self._is_of_another(clause) for clause in map(Clause, clauses(said))):
            return Lack.MATCH, share
        if found < len(numbers):
            return Lack.NUMBER, share
        if not (words.names | words.codes) <= (held | self._every if not words.codes else held | self._known(words)):
            return Lack.NAME, share
        if _denies_other(words, chosen):
            return Lack.DENIAL, share
        return None, share

    def _known(self, words: Words) -> frozenset[str]:
        """Return the names said anywhere; a code must stand in the evidence itself."""
        return self._every - words.codes

    def _is_of_another(self, clause: Clause) -> bool:
        """Whether a number stands where less is said of the matter than where another number of its kind stands."""
        words = self._read_with_question(clause.words, share=1.0)
        every = [one for statement in self._statements for one in _with_above(statement)]
        for number in clause.quantities:
            here = [words.shared(others) for one, others in every if _holds(number, one.quantities)]
            there = [
                words.shared(others)
                for one, others in every
                if not _holds(number, one.quantities) and _has_kind(number, one.quantities)
            ]
            if here and there and max(there) >= max(here) + MARGIN:
                return True
        return False


def _with_above(statement: Statement) -> Iterable[tuple[Clause, frozenset[str]]]:
    above = statement.all_terms - statement.terms
    return [(clause, clause.terms | above) for clause in statement.clauses]


def _holds(number: Quantity, others: Sequence[Quantity]) -> bool:
    return any(is_same(number, other) for other in others)


def _has_kind(number: Quantity, others: Sequence[Quantity]) -> bool:
    return any(number.dimension == other.dimension for other in others)


def _stands_in(number: Quantity, statement: Statement) -> bool:
    for other in statement.quantities:
        if is_same(number, other) and (other.dimension or not number.dimension or _names_unit(number, statement)):
            return True
    return False


def _names_unit(number: Quantity, statement: Statement) -> bool:
    """Whether a number without a unit has it from the words above: a column called "price in euros"."""
    return number.unit != "" and bool(set(terms(number.unit)) & (statement.all_terms - statement.terms))


def _gain(statement: Statement, words: Words, held: set[str], missing: Sequence[Quantity]) -> float:
    new = sum(
        weight * (1.0 if term in statement.terms else 0.7)
        for term, weight in words.weights.items()
        if term not in held and term in statement.all_terms
    )
    if not new and words.whole >= ENOUGH_WEIGHT:
        return 0.0
    return new + NUMBER_WEIGHT * sum(_stands_in(number, statement) for number in missing)


def _undenied(chosen: Sequence[Statement], words: Words) -> frozenset[str]:
    """Return the words that deny one of the evidence by themselves: unused, where that says not used."""
    denied = {term for one in chosen for term in one.words.denied}
    return frozenset(term for term, other in words.undone.items() if other in denied)


def _denies_other(words: Words, chosen: Sequence[Statement]) -> bool:
    """Whether a word is denied on one side only, or something is denied where nothing of the evidence is."""
    for one in chosen[:1]:
        common = set(words.weights) & one.terms
        here, there = words.denied & common, one.words.denied & common
        if here != there and not _is_both(one, here ^ there):
            return True
    return words.denies and not any(one.words.denies for one in chosen)


def _is_both(statement: Statement, differing: Iterable[str]) -> bool:
    """Whether the statement says those words both denied and not."""
    said = terms(statement.text)
    return all(said.count(term) > 1 for term in differing)
