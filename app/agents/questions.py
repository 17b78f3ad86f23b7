"""The questions that one message asks at once."""

import re

_DOES = r"(?:is|are|was|were|do|does|did|has|have|can|may|must|should|will|would)\b"
_ASKING = rf"(?:(?:what|which|who|whom|whose|why|how)\b|(?:when|where)\s+{_DOES}|{_DOES})"
_BETWEEN = re.compile(rf"(?:[.?!]\s+|[,;:]\s+|,?\s+)(?:and\s+|or\s+)?(?={_ASKING})", re.IGNORECASE)
_LINKS = re.compile(r"[.?!,;:]|\b(?:and|or)\b", re.IGNORECASE)
_ASKS = re.compile(rf"(?:(?:at|in|on|for|by|to|with|from|of)\s+)?{_ASKING}", re.IGNORECASE)
LEAST_WORDS = 3


def clauses(message: str) -> list[str]:
    """Return the parts of a message: cut where another question begins, after a mark, `and` or `or`."""
    found, start = list[str](), 0
    for between in _BETWEEN.finditer(message):
        if _LINKS.search(between.group()):
            found.append(message[start : between.start()])
            start = between.end()
    found.append(message[start:])
    return [stripped for part in found if (stripped := part.strip())]


def questions_of(message: str) -> tuple[str, ...]:
    """Return the questions of a message that asks several, each with three words or more; none of one that does not."""
    asking = [part for part in clauses(message) if _ASKS.match(part) and len(part.split()) >= LEAST_WORDS]
    return tuple(asking) if len(asking) > 1 else ()
