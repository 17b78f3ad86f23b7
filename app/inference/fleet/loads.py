"""What a node loads: a model with a context, over all processes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from app.inference.estimates import US_PER_S

Loads: TypeAlias = Mapping[str, tuple["Load", ...]]
"""By node."""


@dataclass(frozen=True, slots=True)
class Load:
    """A model, by its full name, with the context that it is loaded with.

    `left_s` is how long that goes on, as it was when it was told; None once it is in memory.
    """

    model: str
    num_ctx: int
    left_s: float | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether it is still being loaded."""
        return self.left_s is not None

    @property
    def expected_s(self) -> float:
        """How long it is expected to go on: what is overdue for as long as it has been overdue."""
        return 0.0 if self.left_s is None else abs(self.left_s)

    @property
    def told(self) -> str:
        """It as `loads.lua` reads it: the microseconds that are left, or -1 once it is in memory."""
        left_us = -1 if self.left_s is None else max(0, round(self.left_s * US_PER_S))
        return f"{self.model} {self.num_ctx} {left_us}"

    def holds_up(self, model: str, num_ctx: int, *, is_resident: bool) -> bool:
        """Whether a call for that model must wait for it: it would load something else at the same time.

        One that needs no more context than this joins it. The same rule is in `loads.lua`.
        """
        if not self.is_under_way:
            return False
        return self.num_ctx < num_ctx if self.model == model else not is_resident


def read_loads(told: Mapping[str, Iterable[tuple[str, int, int, int]]]) -> dict[str, tuple[Load, ...]]:
    """Return what `loads.lua` tells of nodes: a model, its context, microseconds left, and 1 till it ends."""
    return {
        name: tuple(
            Load(model, num_ctx, left_us / US_PER_S if is_under_way else None)
            for model, num_ctx, left_us, is_under_way in loads
        )
        for name, loads in told.items()
    }
