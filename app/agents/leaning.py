"""What a question leans on: what was asked before it, where it does not stand by itself."""

import re
from collections.abc import Sequence

from app.agents.values import Turn

MOST_WORDS = 8
"""A longer question says itself what its "it" is."""
MOST_CHARACTERS = 300

_LINK = re.compile(
    r"\A\W*(?:(?:and|but|so|or|then|also|(?:what|how) about|what if)\b|why(?: not)?\W*\Z)", re.IGNORECASE
)
_POINTS = re.compile(
    r"\b(?:it|its|they|them|their|that|those|this|these|ones?|he|she|him|his|her|the (?:same|other|second))\b",
    re.IGNORECASE,
)


def leans_on(question: str, turns: Sequence[Turn]) -> str:
    """Return what the user asked last, where the question goes on from it; "" where it stands by itself."""
    asked = next((turn.content for turn in reversed(turns) if turn.role == "user"), "")
    return " ".join(asked.split())[:MOST_CHARACTERS] if points_back(question) or _LINK.search(question) else ""


def points_back(question: str) -> bool:
    """Whether a question is about something that only words before it name."""
    return len(question.split()) <= MOST_WORDS and _POINTS.search(question) is not None
