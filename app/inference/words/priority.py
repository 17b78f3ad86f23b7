"""How urgent a call is among those that wait for a slot."""

from enum import StrEnum

from app.inference.words.account import Purpose


class Priority(StrEnum):
    """Whose turn comes first among calls that wait for a slot."""

    INTERACTIVE = "interactive"
    """Somebody waits for the answer."""
    BATCH = "batch"
    """Nobody waits: it is served from what interactive calls leave, and from a share of its own."""


def capped(priority: Priority, *, batch_only: bool) -> Priority:
    """Return the priority that a call gets of its key."""
    return Priority.BATCH if batch_only else priority


_NOBODY_WAITS = frozenset({Purpose.INGEST, Purpose.REINDEX, Purpose.JUDGE})


def priority_of(purpose: Purpose) -> Priority:
    """Return the priority of a call that says none: vectors of documents are nobody's who waits."""
    return Priority.BATCH if purpose in _NOBODY_WAITS else Priority.INTERACTIVE
