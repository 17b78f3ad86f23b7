"""Finds the rounds of a row among everything that was measured."""

from collections.abc import Sequence

from ops.bench.durable import DurablePoint
from ops.bench.points import Point
from ops.bench.sides import AGENT, DIALECT, DIRECT, NGINX, OWN, PASS, Mode

_OURS = (DIRECT, NGINX, PASS, DIALECT, AGENT)
OPEN = 0
"""The open loop stands under this concurrency."""


class Rows:
    """The points of a run by path, mode and concurrency, in the order of their rounds."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._points = points

    def of(self, side: str, mode: Mode, concurrency: int) -> list[Point]:
        """Return the rounds of one row."""
        found = [p for p in self._points if (p.side, p.mode, p.concurrency) == (side, mode, concurrency)]
        return sorted(found, key=lambda point: point.round)

    def column(self, side: str, mode: Mode, concurrency: int, field: str) -> list[float]:
        """Return one number of each round."""
        return [float(getattr(point, field)) for point in self.of(side, mode, concurrency)]

    def own_cpu(self, side: str, mode: Mode, concurrency: int) -> list[float]:
        """Return CPU seconds a thousand requests of the path's own processes, by round; empty where unknown."""
        return [point.cpu_s[OWN] for point in self.of(side, mode, concurrency) if OWN in point.cpu_s]

    def all_cpu(self, side: str, mode: Mode, concurrency: int) -> list[float]:
        """Return the same of all its processes, the stores' included."""
        return [sum(point.cpu_s.values()) for point in self.of(side, mode, concurrency)]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured."""
        return not self._points

    @property
    def peers(self) -> list[str]:
        """The peers among the paths."""
        return [name for name in self.sides if name not in _OURS]

    @property
    def sides(self) -> list[str]:
        """Every path, ours in their order and then the peers."""
        names = {point.side for point in self._points}
        return [name for name in _OURS if name in names] + sorted(names - set(_OURS))

    @property
    def concurrencies(self) -> list[int]:
        """Every concurrency of the closed loop, ascending."""
        return sorted({point.concurrency for point in self._points} - {OPEN})


def durable_column(points: Sequence[DurablePoint], way: str, field: str) -> list[float]:
    """Return one number of each round of a way."""
    rounds = sorted((point for point in points if point.way == way), key=lambda point: point.round)
    return [float(getattr(point, field)) for point in rounds]


def minus(values: Sequence[float], others: Sequence[float]) -> list[float]:
    """Return the differences, round by round. Raises ValueError when the rounds differ in number."""
    return [value - other for value, other in zip(values, others, strict=True)]
