"""How much a model may think."""

from enum import StrEnum
from typing import TypeAlias


class ThinkLevel(StrEnum):
    """How hard a model thinks, where it knows degrees; for others each of them is plain thinking."""

    LOW = "low"
    """Briefly."""
    MEDIUM = "medium"
    """What plain `true` is where a model knows degrees."""
    HIGH = "high"
    """Long."""
    MAX = "max"
    """As long as it can; since Ollama 0.30."""


Think: TypeAlias = bool | ThinkLevel
"""Whether a model thinks before it answers, and how hard (ollama, api/types.go, ThinkValue)."""
