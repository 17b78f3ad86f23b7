"""What kinds of calls wait side by side for the same slots, and what share of the GPU time each kind has."""

from collections.abc import Mapping
from enum import StrEnum

from app.inference.words.priority import Priority
from app.inference.words.records import CallKind
from app.inference.words.tiers import TIERS


class Lane(StrEnum):
    """Calls that wait for the same slots as others, with a share of their own."""

    QUESTION = "question"
    """Vectors of a question that somebody waits to have answered."""
    INTERACTIVE = "interactive"
    """Answers that somebody waits for."""
    BATCH = "batch"
    """Answers that nobody waits for."""
    BACKGROUND = "background"
    """Vectors of documents and of batch questions."""


LANES: tuple[Lane, ...] = tuple(Lane)
"""In the order in which equals are served."""

SHARES: Mapping[Lane, int] = {Lane.QUESTION: 20, Lane.INTERACTIVE: 60, Lane.BATCH: 15, Lane.BACKGROUND: 5}
"""Per cent of the GPU time that each lane has while all of them wait; what one leaves the others take. Nine tenths for
live work is what Netflix' concurrency-limits give it; here four fifths, since an answer's vectors are part of it, so
that batch work never stands still. `order.lua` has the same."""


QUEUES: tuple[str, ...] = (*(tier.value for tier in TIERS), CallKind.EMBED.value)
"""One a tier, and one for embeddings."""

LANES_OF: Mapping[str, tuple[Lane, ...]] = {tier.value: (Lane.INTERACTIVE, Lane.BATCH) for tier in TIERS} | {
    CallKind.EMBED.value: (Lane.QUESTION, Lane.BACKGROUND)
}
"""The lanes that calls of each queue wait in."""


def lane_of(kind: CallKind, priority: Priority) -> Lane:
    """Return the lane of a call."""
    is_interactive = priority is Priority.INTERACTIVE
    if kind is CallKind.EMBED:
        return Lane.QUESTION if is_interactive else Lane.BACKGROUND
    return Lane.INTERACTIVE if is_interactive else Lane.BATCH
