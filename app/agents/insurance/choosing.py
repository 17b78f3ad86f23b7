"""Which specialists a message goes to: by sure words, by what its parts are like, or nobody yet."""

import re
from collections.abc import Mapping, Sequence

from app.agents.insurance.learned import Chances, Learned
from app.agents.insurance.topics import ROW_READERS, Choice, ChosenBy, Specialist, wants_person
from app.agents.questions import clauses

SURE = 0.5
"""From such a chance on the likeliest specialist is taken: nine in ten of written questions that were held out
are right then, and one in twenty has less."""
SURE_OF_PERSON = 0.9
"""A person is asked, and somebody waits, from such a chance on: of 190 held-out questions two were wrong."""
SURE_OF_PART = 0.65
"""Of one part of a message among several."""
_FURTHER = re.compile(
    r"[,;]?\s+(?:and(?: also)?|plus|also|as well as|along with|besides(?: that)?,?)\s+"
    r"(?=(?:also\s+)?(?:my|our|the|what'?s?|which|who|whom|whose|when|how|where|whether|if|until|is|are|am|was|were|do"
    r"|does|did|has|have|can|will)\b)"
    r"|[,;]\s+(?=(?:also|besides(?: that)?,?)\s|(?:what'?s?|when|how|where|is|are|am|do|does|did|has|have)\b)",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"(?:and|or|also|besides(?: that)?,?|first:?|second:?|at|in|on|for|by|to|with|from|of|i|we|please|then)?\s*"
    r"(?:what'?s?|which|who|whom|whose|why|how|when|where|whether|until|is|are|am|was|were|do|does|did|has|have|can"
    r"|will|would|my|our|the|any|need|tell|show|give|want|'d like|would like)\b",
    re.IGNORECASE,
)
_SHORTEST_PART = 2
_MOST_PARTS = 6


def texts_of(message: str) -> tuple[str, ...]:
    """Return what is looked at: the message, and after it each of its parts that asks, where it has several."""
    parts = [piece.strip() for clause in clauses(message) for piece in _FURTHER.split(clause)]
    asking = [one for one in parts if len(one.split()) >= _SHORTEST_PART and _ASKING.match(one)]
    return (message, *asking[:_MOST_PARTS]) if len(asking) > 1 else (message,)


def choose(message: str, chances: Sequence[Chances]) -> Choice:
    """Return the choice; `chances` are those of `texts_of` the message. Of nobody, where none is sure."""
    if wants_person(message):
        return Choice((Specialist.PERSON,), ChosenBy.RULE)
    whole, *parts = chances
    best = ranked(whole)[0]
    if best is Specialist.PERSON:
        return Choice((best,), ChosenBy.EXEMPLAR) if whole[best] >= SURE_OF_PERSON else Choice()
    several = _of_parts(parts)
    if len(several) > 1:
        return Choice(several, ChosenBy.EXEMPLAR)
    return Choice((best,), ChosenBy.EXEMPLAR) if whole[best] >= SURE else Choice()


def ranked(chances: Chances) -> list[Specialist]:
    """Return the specialists, the likeliest first."""
    return sorted(chances, key=lambda one: chances[one], reverse=True)


def of_words(learned: Learned, message: str) -> Choice:
    """Return the choice that the wording alone makes."""
    return choose(message, [learned.chances(text) for text in texts_of(message)])


def _of_parts(parts: Sequence[Mapping[Specialist, float]]) -> tuple[Specialist, ...]:
    """Return the readers of rows that parts are surely for; none where a part is surely for somebody else."""
    sure = {ranked(part)[0] for part in parts if part[ranked(part)[0]] >= SURE_OF_PART}
    return tuple(one for one in ROW_READERS if one in sure) if sure <= set(ROW_READERS) else ()
