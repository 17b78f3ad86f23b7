"""What the form of a multiple-choice question shows, without understanding it."""

import re
from enum import IntEnum
from math import log

TAIL_CHARS = 4_000
"""Options are looked for in this many last characters."""
STEM_CHARS = 600
"""Of what stands before the options, names are counted in this many last characters."""

_FIRST = re.compile(r"\n\(?A[.)] ")
_NEXT = re.compile(r"\n\(?[B-J][.)] |\nAnswer:")
_JOINT = re.compile(r"\b(?:I only|I and II|[Bb]oth|[Nn]either|[Aa]ll of|[Nn]one of)\b")
_LETTERS = bytes(byte if chr(byte).isalnum() and byte < 128 else 32 for byte in range(256))
_DIGITS = b"0123456789"


class Sign(IntEnum):
    """What is measured of a question with options."""

    LENGTH = 0
    """Natural logarithm of its characters: there is more to read and to hold together."""
    REPEATS = 1
    """The part of the options' words that stood in them before: they combine the same things, so two must be right."""
    JOINT = 2
    """1 if an option speaks of the others ("both", "none of these", "I and II")."""
    DIGITS = 3
    """The part of its characters that are digits: a choice among numbers is found by reckoning, whatever the model."""
    NAMES = 4
    """The part of its words with a capital: who or what a name is, is known or not, whatever the model."""


def signs(text: str) -> list[float] | None:
    """Return one value per Sign; None for a text without options."""
    if "\n" not in text:
        return None
    start = max(0, len(text) - TAIL_CHARS)
    found = _FIRST.search(text, start)
    if found is None or _NEXT.search(text, found.end()) is None:
        return None
    options = _NEXT.sub(" ", text[found.end() :])
    stem = text[max(0, found.start() - STEM_CHARS) : found.start()].split()
    words = options.encode(errors="replace").lower().translate(_LETTERS).split()
    raw = text[-TAIL_CHARS:].encode(errors="replace")
    return [
        log(len(text) + 1),
        1 - len(set(words)) / max(len(words), 1),
        float(_JOINT.search(options) is not None),
        1 - len(raw.translate(None, _DIGITS)) / max(len(raw), 1),
        sum(map(str.isupper, [word[0] for word in stem])) / (len(stem) + 1),
    ]
