"""Whether an answer says what the facts say: all that it must keep, and no number of its own."""

import re
from collections.abc import Sequence

from app.agents.insurance.facts import Fact

OPENING = "Here is what your records say:"
"""What an answer begins with that no model said."""

_NUMBER = re.compile(r"[A-Za-z]*\d[\d,.:/-]*")


def keeps(answer: str, facts: Sequence[Fact], question: str) -> bool:
    """Return whether an answer has each kept word of the facts, and no number that neither facts nor question have."""
    said = " ".join(answer.split())
    if not all(kept.lower() in said.lower() for fact in facts for kept in fact.keeps):
        return False
    known = {number for text in (*(fact.text for fact in facts), question) for number in _numbers(text)}
    return all(number in known for number in _numbers(said))


def by_rule(facts: Sequence[Fact]) -> str:
    """Return the answer that is the facts themselves, and says so."""
    return " ".join((OPENING, *(fact.text for fact in facts)))


def _numbers(text: str) -> list[str]:
    return [found.rstrip(",.:/-").lower() for found in _NUMBER.findall(text)]
