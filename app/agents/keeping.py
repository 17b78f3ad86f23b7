"""What a model's words for facts are measured by: the numbers that they may have, and what is said in their place."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol


class Told(Protocol):
    """A fact, as a team tells it."""

    @property
    def text(self) -> str:
        """Its sentence."""
        ...


def has_no_other_number(
    said: str, facts: Sequence[Told], question: str, numbers: Callable[[str], Iterable[str]]
) -> bool:
    """Return whether a text has no number that neither facts nor question have; `numbers` are those of a text."""
    known = {number for text in (question, *(fact.text for fact in facts)) for number in numbers(text)}
    return known.issuperset(numbers(said))


def by_rule(opening: str, facts: Sequence[Told]) -> str:
    """Return the answer that is the facts themselves, after words that say so."""
    return " ".join((opening, *(fact.text for fact in facts)))
