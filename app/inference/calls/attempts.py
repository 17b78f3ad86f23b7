"""One attempt at a node, whoever makes it: where it goes, how long it may be silent, and how it is settled."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from app.inference.calls.settling import OnUsage, Seen, Settling
from app.inference.estimates import US_PER_S
from app.inference.fleet.keep_alive import KeepAlive
from app.inference.fleet.nodes import Fleet
from app.inference.slots.admission import Held
from app.inference.slots.register import LeaseRegister
from app.inference.wire.exchange import Target
from app.inference.wire.ollama import Waits
from app.inference.wire.stream import Heard
from app.inference.words.failures import CallBroke, Failure
from app.inference.words.records import Outcome, Usage
from app.inference.words.route import Route
from app.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that parts of a call may take, how many may wait in a queue, and how many attempts a call has."""

    slot_wait_s: float = 30.0
    first_token_s: float = 60.0
    load_s: float = 180.0
    """In place of `first_token_s` where the model must be loaded first."""
    gap_s: float = 20.0
    waiting_places: int = 256
    tenant_places: int = 128
    attempts: int = 4


@dataclass(slots=True)
class Attempt:
    """One attempt: `async with` it, and what the body notes in `seen` is settled at its end, however that comes."""

    held: Held
    route: Route | None
    on_end: Callable[["Attempt", BaseException | None], Awaitable[Usage]]
    clock: Callable[[], float]
    on_life: Callable[[], None]
    seen: Seen = field(default_factory=Seen)
    usage: Usage = field(init=False)
    """What it took; there at its end."""

    async def __aenter__(self) -> None:
        """Begin."""

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Settle; what the body raised passes."""
        self.usage = await self.on_end(self, error)

    def elapsed_us(self) -> int:
        """Return the microseconds since it began, at least 1."""
        return max(1, round((self.clock() - self.held.began) * US_PER_S))

    def hear(self, heard: Heard) -> None:
        """Note a sign of life, and count its tokens."""
        if not self.seen.life_us:
            self.seen.life_us = self.elapsed_us()
            self.on_life()
        self.held.lease.tokens += heard.tokens


class Attempts:
    """Makes attempts: whatever ends one, its slot is given back, and its usage is told once."""

    def __init__(
        self, fleet: Fleet, leases: LeaseRegister, metrics: Metrics, limits: Limits, *, clock: Callable[[], float]
    ) -> None:
        self._fleet = fleet
        self._leases = leases
        self._settling = Settling(fleet, leases, metrics, clock=clock)
        self._metrics = metrics
        self._limits = limits
        self._clock = clock

    def target(self, held: Held) -> Target:
        """Return where the attempt goes. Raises CallBroke when the node was removed since."""
        node = self._fleet.node_of(held.candidate.node)
        if node is None:
            raise CallBroke(Failure.CONNECT, held.candidate.node, held.model.name, "the node was removed")
        return Target(node.name, node.url, held.model.name)

    def waits(self, held: Held) -> Waits:
        """Return how long the attempt may be silent."""
        first_s = self._limits.first_token_s if held.candidate.resident else self._limits.load_s
        return Waits(first_s, self._limits.gap_s)

    def keep_alive(self, held: Held) -> KeepAlive:
        """Return how long the node is to keep the model after the attempt."""
        return self._fleet.keep_alive(held.candidate.node, held.model)

    def at(self, held: Held, on_usage: OnUsage, route: Route | None = None) -> Attempt:
        """Return an attempt in that slot; `on_usage` is told what it took, even if its settling is cancelled."""

        def has_loaded() -> None:
            self._leases.has_loaded(held.lease)

        async def end(attempt: Attempt, error: BaseException | None) -> Usage:
            outcome = self._outcome(held, error)
            if outcome is Outcome.DONE and held.lease.load is not None:
                # Vectors come all at once: there is no sign of life before.
                self._leases.has_loaded(held.lease)
            return await self._settling.settle(held, route, outcome, attempt.seen, on_usage)

        return Attempt(held, route, end, self._clock, has_loaded)

    def _outcome(self, held: Held, error: BaseException | None) -> Outcome:
        if error is None:
            return Outcome.DONE
        if not isinstance(error, CallBroke):
            return Outcome.CANCELLED
        self._fleet.failed(error.node, error.model, error.failure, call=held.asked.identity, began_at=held.began)
        self._metrics.call_failures.labels(error.node, error.failure.value).inc()
        return Outcome.FAILED
