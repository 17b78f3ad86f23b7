"""What every attempt at a node needs: where, how long, and what happens when it breaks."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.inference.calls.settling import OnUsage, Seen, Settling
from app.inference.fleet.nodes import Fleet
from app.inference.slots.admission import Held
from app.inference.wire.ollama import Target, Waits
from app.inference.words.failures import CallBroke
from app.inference.words.records import Outcome
from app.inference.words.route import Route
from app.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that parts of a call may take, how many may wait in this process, and how many attempts a call has."""

    slot_wait_s: float = 30.0
    first_token_s: float = 60.0
    load_s: float = 180.0
    """In place of `first_token_s` where the model must be loaded first."""
    gap_s: float = 20.0
    waiting_places: int = 256
    attempts: int = 4


class AttemptGuard:
    """Guards attempts: whatever breaks one, its slot is given back and its usage is told."""

    def __init__(self, fleet: Fleet, settling: Settling, metrics: Metrics, limits: Limits) -> None:
        self._fleet = fleet
        self._settling = settling
        self._metrics = metrics
        self._limits = limits

    def target(self, held: Held) -> Target:
        """Return where the attempt goes."""
        node = self._fleet.view(held.candidate.node).node
        return Target(node.name, node.url, held.model.name)

    def waits(self, held: Held) -> Waits:
        """Return how long the attempt may be silent."""
        first_s = self._limits.first_token_s if held.candidate.resident else self._limits.load_s
        return Waits(first_s, self._limits.gap_s)

    @asynccontextmanager
    async def guard(self, held: Held, route: Route | None, seen: Seen, on_usage: OnUsage) -> AsyncGenerator[None]:
        """Run the attempt's body; if it raises (or is cancelled) settle it, tell its usage, and let it pass."""
        outcome = Outcome.CANCELLED
        done = False
        try:
            yield
            done = True
        except CallBroke as broke:
            outcome = Outcome.FAILED
            self._fleet.failed(broke.node, broke.model, broke.failure, call=held.asked.identity, began_at=held.began)
            self._metrics.call_failures.labels(broke.node, broke.failure.value).inc()
            raise
        finally:
            if not done:
                await self._settling.break_off(held, route, outcome, seen, on_usage)
