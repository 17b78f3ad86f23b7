"""Why a call got no slot."""

from enum import StrEnum


class Overload(StrEnum):
    """Why a call got no slot; for all but the last it was refused at once."""

    QUEUE_FULL = "queue_full"
    """As many calls of its tier and priority wait as may."""
    TENANT_FULL = "tenant_full"
    """As many of the tenant's own calls wait there as one tenant's may."""
    TOO_LONG = "too_long"
    """It would wait longer than it may, or than its tenant's clients have waited before they left."""
    DEADLINE = "deadline"
    """Its deadline would pass before it had a slot and a first word."""
    WAITED = "waited"
    """It waited for as long as it may."""


OVERLOADS: tuple[Overload, ...] = tuple(Overload)
"""In the order in which they are looked for; `order.lua` knows them by their place."""
