"""The classes of complexity, and why a call was given one."""

from enum import StrEnum


class Tier(StrEnum):
    """A class of complexity that a model serves, from least to most."""

    SIMPLE = "simple"
    """Short questions with a plain answer."""
    MEDIUM = "medium"
    """The middle: also what could not be rated."""
    COMPLEX = "complex"
    """Questions that need several steps, or knowledge that small models lack."""


class TierReason(StrEnum):
    """Why a call has its tier."""

    RATED = "rated"
    """The complexity rating chose it."""
    ABSTAINED = "abstained"
    """The rating was unsure, so the safe tier was taken."""
    SESSION_KEEPS = "session_keeps"
    """The session already has a higher tier and keeps it."""
    ASKED_FOR = "asked_for"
    """The call named the tier or the model."""


TIERS: tuple[Tier, ...] = (Tier.SIMPLE, Tier.MEDIUM, Tier.COMPLEX)
"""All tiers, ascending."""
