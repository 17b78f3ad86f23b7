"""How urgent a call is among those that wait for a slot."""

from enum import StrEnum


class Priority(StrEnum):
    """Whose turn comes first among calls that wait for a slot."""

    INTERACTIVE = "interactive"
    """Somebody waits for the answer."""
    BATCH = "batch"
    """Nobody waits: it is served from what interactive calls leave, and from a share of its own."""
