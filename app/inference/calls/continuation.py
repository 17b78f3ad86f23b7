"""Whether a model goes on from a final assistant message, as its template and one trial say."""

import re
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TypeAlias

from app.inference.fleet.model_names import full_name

QUESTIONS = (
    "Write the numbers from one to twenty in words, separated by commas.",
    "Name the twelve months of the year and the seven days of the week.",
    "Tell the story of the tortoise and the hare.",
)
"""What a trial asks: a whole answer, and the rest of its first half. One that matches is enough."""
WHOLE_TOKENS = 48
REST_TOKENS = 16
MATCHING_CHARACTERS = 16
"""So much of the rest must be as it was: about three words."""


class Continuation(StrEnum):
    """What a model does with a final assistant message."""

    GOES_ON = "goes_on"
    """It goes on with it: a trial gave the rest of its own answer."""
    CLOSED = "closed"
    """Its template closes every message, so it begins a new answer."""
    ANEW = "anew"
    """Its template looks open, and the trial gave something other than the rest."""


_MESSAGES = re.compile(r"{{[^}]*\.Messages\b")
_UNLESS_LAST = re.compile(
    r"{{-?\s*(?:else )?if (?:and )?\(?not (?:\$last\b|\(eq \(len \(slice \$\.Messages \$i\)\) 1\))"
)


def may_go_on(template: str) -> bool:
    """Whether a template, as `/api/show` tells it, may leave a final assistant message open.

    A Go template over messages must end one by a condition that it is not the last. One without messages is executed up
    to `.Response` (ollama: template/template.go, Execute). A Jinja template has none either: it is llama.cpp's affair,
    which leaves a final assistant message open by itself (llama.cpp: tools/server, `--prefill-assistant`).
    """
    if not _MESSAGES.search(template):
        return True
    return _UNLESS_LAST.search(template) is not None


def halves(whole: str) -> tuple[str, str] | None:
    """Cut an answer at the end of the word nearest its middle; None if what is left is too short to tell.

    The rest begins with a blank, as no new answer does.
    """
    ends = [match.start() for match in re.finditer(r"(?<=\S) (?=\S)", whole)]
    ends = [end for end in ends if len(whole) - end >= MATCHING_CHARACTERS]
    if not ends:
        return None
    at = min(ends, key=lambda end: abs(end - len(whole) // 2))
    return whole[:at], whole[at:]


def is_the_rest(said: str, rest: str) -> bool:
    """Whether what was said after the first half is how the second begins."""
    return said[:MATCHING_CHARACTERS] == rest[:MATCHING_CHARACTERS]


Say: TypeAlias = Callable[[str, str, int], Awaitable[str]]
"""Answers a question, after what was said already, with at most so many tokens: always the same to the same."""


async def find_out(template: str, say: Say) -> Continuation:
    """Return what the model behind `say` does. Raises what `say` raises."""
    if not may_go_on(template):
        return Continuation.CLOSED
    for question in QUESTIONS:
        cut = halves(await say(question, "", WHOLE_TOKENS))
        if cut is not None:
            first, rest = cut
            if is_the_rest(await say(question, first, REST_TOKENS), rest):
                return Continuation.GOES_ON
    return Continuation.ANEW


class Continuations:
    """What is known, by model and digest. Filled by the probe and from the rows that all replicas share."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Continuation] = {}

    def learn(self, model: str, digest: str, found: Continuation) -> None:
        """Note what a model of this name and digest does."""
        self._known[full_name(model), digest] = found

    def find(self, model: str, digest: str) -> Continuation | None:
        """Return what the model does, None if nobody knows."""
        return self._known.get((full_name(model), digest))

    def goes_on(self, model: str, digest: str) -> bool:
        """Whether the model is known to go on."""
        return self.find(model, digest) is Continuation.GOES_ON
