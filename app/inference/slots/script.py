"""The script that keeps the slots and the queue in Redis, and whether Redis runs it now."""

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import LiteralString, TypeAlias, cast

import msgspec
import structlog

from app.errors import StoreUnavailable
from app.inference.estimates import US_PER_S
from app.inference.fleet.catalogue import full_name
from app.inference.fleet.loads import Load, Loads, read_loads
from app.inference.slots.lease import Ending, Lease, load_of
from app.inference.words.route import Candidate
from app.redis import RedisStore

log = structlog.stdlib.get_logger(__name__)

Argument: TypeAlias = str | bytes | int | float
Told: TypeAlias = dict[str, list[tuple[str, int, int, int]]]
"""What nodes load, as `loads.lua` tells it."""

_PARTS = ("order.lua", "loads.lua", "register.lua")
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
        on_loads: Callable[[Sequence[str], Loads], None],
    ) -> None:
        self.store = store
        self.lease_us = int(lease_s * US_PER_S)
        self._script = store.client.register_script(SCRIPT)
        self._clock = clock
        self._on_taken = on_taken
        self._on_loads = on_loads
        self._loading: frozenset[str] = frozenset()
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
            reply = cast("list[int | bytes]", await self._script(keys=keys, args=[operation, *args], client=redis))
        told = reply.pop() if isinstance(reply[-1], bytes) else None
        numbers = cast("list[int]", reply)
        start = {"acquire": 2}.get(operation, 1)
        self._on_taken(dict(zip(names, numbers[start : start + len(names)], strict=True)))
        if isinstance(told, bytes) or not self._loading.isdisjoint(names):
            self.note_loads(names, msgspec.msgpack.decode(told, type=Told) if isinstance(told, bytes) else {})
        return numbers

    def note_loads(self, names: Sequence[str], told: Told) -> None:
        """Note what the script tells that these nodes load."""
        self.show_loads(names, read_loads(told))

    def show_loads(self, names: Sequence[str], loads: Loads) -> None:
        """Tell what these nodes load."""
        self._loading = self._loading.difference(names).union(loads)
        self._on_loads(names, loads)

    async def release(self, name: str, call_id: str, load: str = "", ending: Ending = Ending.CUT) -> tuple[int, int]:
        """Give a slot back; return whether its lease was known (1 or 0), and its GPU time. Raises StoreUnavailable.

        `load` is what its call was to load, or has loaded.
        """
        told = (call_id, FREED_CHANNEL, self.lease_us, load, ending.value)
        _, _, known, gpu_us = await self.run("release", [name], *told)
        return known, gpu_us

    def answered(self) -> None:
        """Note that Redis answers."""
        self._away_until = float("-inf")

    def away(self, during: LiteralString, error: StoreUnavailable) -> None:
        """Note that Redis does not answer."""
        if self.is_coordinated:
            log.warning("leases.alone", during=during, cause=error.facts.get("reason"), detail=error.detail)
        self._away_until = self._clock() + _AWAY_S


def wants(candidate: Candidate) -> str:
    """Return what a candidate wants to have in memory, as `loads.lua` reads it."""
    return (load_of(candidate) or Load(full_name(candidate.model), candidate.num_ctx)).told


def arguments_of(candidates: Sequence[Candidate], leases: Sequence[Lease]) -> list[Argument]:
    """Return what the script is told of each candidate and the lease that would be made of it."""
    args: list[Argument] = []
    for candidate, lease in zip(candidates, leases, strict=True):
        args += [candidate.node, candidate.slots, lease.gpus, repr(candidate.score or 0.0), repr(candidate.crowding)]
        args += [repr(lease.expected_rate), lease.packed, wants(candidate)]
    return args
