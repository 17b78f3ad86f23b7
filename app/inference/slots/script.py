"""The script that keeps the slots and the queue in Redis, and whether Redis runs it now."""

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import LiteralString, TypeAlias, cast

import structlog

from app.errors import StoreUnavailable
from app.inference.estimates import US_PER_S
from app.inference.slots.lease import Lease
from app.inference.words.route import Candidate
from app.redis import RedisStore

log = structlog.stdlib.get_logger(__name__)

Argument: TypeAlias = str | bytes | int | float

_PARTS = ("order.lua", "register.lua")
SCRIPT = "\n".join(files("app.inference.slots").joinpath(part).read_text(encoding="utf-8") for part in _PARTS)
ORPHANS_KEY = "sy:orphans"
FREED_CHANNEL = "sy:freed"
QUEUED_CHANNEL = f"{FREED_CHANNEL}:queued"
"""Nothing is said there. Who listens to it asks the queue for slots, and need not be told of one that nobody wanted."""
# After Redis did not answer, calls do not wait for it again for this long; the renewing loop asks on their behalf,
# sooner than that even when its pause is spread.
_AWAY_S = 1.5


def node_key(name: str) -> str:
    """Return the Redis key of a node's leases."""
    return f"sy:node:{name}"


def granted_channel(replica: str) -> str:
    """Return the channel on which a process hears that a call of its own has a slot."""
    return f"sy:granted:{replica}"


class SlotScript:
    """Runs the script; while Redis is away nobody waits for it."""

    def __init__(
        self,
        store: RedisStore,
        *,
        lease_s: float,
        clock: Callable[[], float],
        on_taken: Callable[[Mapping[str, int]], None],
    ) -> None:
        self.store = store
        self.lease_us = int(lease_s * US_PER_S)
        self._script = store.client.register_script(SCRIPT)
        self._clock = clock
        self._on_taken = on_taken
        self._away_until = float("-inf")

    @property
    def is_coordinated(self) -> bool:
        """Whether Redis answered when last asked."""
        return self._clock() >= self._away_until

    async def run(self, operation: LiteralString, names: Sequence[str], *args: Argument) -> list[int]:
        """Return the reply, which begins with the time and the taken slots of the named nodes.

        Only that of `acquire` has something before it. Raises StoreUnavailable.
        """
        keys = [ORPHANS_KEY, *(node_key(name) for name in names)]
        async with self.store.use(operation) as redis:
            reply = cast("list[int]", await self._script(keys=keys, args=[operation, *args], client=redis))
        start = {"acquire": 2}.get(operation, 1)
        self._on_taken(dict(zip(names, reply[start : start + len(names)], strict=True)))
        return reply

    async def release(self, name: str, call_id: str) -> tuple[int, int]:
        """Give a slot back; return whether its lease was known (1 or 0), and its GPU time. Raises StoreUnavailable."""
        _, _, known, gpu_us = await self.run("release", [name], call_id, FREED_CHANNEL, self.lease_us)
        return known, gpu_us

    def answered(self) -> None:
        """Note that Redis answers."""
        self._away_until = float("-inf")

    def away(self, during: LiteralString, error: StoreUnavailable) -> None:
        """Note that Redis does not answer."""
        if self.is_coordinated:
            log.warning("leases.alone", during=during, cause=error.facts.get("reason"), detail=error.detail)
        self._away_until = self._clock() + _AWAY_S


def arguments_of(candidates: Sequence[Candidate], leases: Sequence[Lease]) -> list[Argument]:
    """Return what the script is told of each candidate and the lease that would be made of it."""
    args: list[Argument] = []
    for candidate, lease in zip(candidates, leases, strict=True):
        args += [candidate.node, candidate.slots, lease.gpus, repr(candidate.score or 0.0), repr(candidate.crowding)]
        args += [repr(lease.expected_rate), lease.packed]
    return args
