"""What is asked of models lately, and which of them calls use now."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from app.inference.words.tiers import Tier

WINDOW_S = 600.0
"""Calls that ended within so long say what is asked for: a user's next turn seldom comes later."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Calls of tenants that ended lately, and the GPU time that they took."""

    calls: int = 0
    gpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked, by full name of the model and by tier.

    `in_use` has the (node, full name) pairs of calls under way, of all processes; None while nobody can say.
    """

    models: Mapping[str, Asked] = field(default_factory=dict[str, Asked])
    tiers: Mapping[Tier, int] = field(default_factory=dict[Tier, int])
    in_use: Collection[tuple[str, str]] | None = frozenset()

    def of(self, model: str) -> Asked:
        """Return what is asked of a model, by its full name."""
        return self.models.get(model, NOTHING)

    def uses(self, node: str, model: str) -> bool:
        """Whether a call uses the model (its full name) on that node; nobody can say: perhaps."""
        return self.in_use is None or (node, model) in self.in_use


NOTHING = Asked()
