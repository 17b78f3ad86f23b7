"""Which calls hold slots of a node, of all replicas, and when they should be over."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from app.inference.estimates import US_PER_S
from app.inference.slots.lease import LeaseFacts
from app.inference.slots.script import node_key
from app.redis import RedisStore


@dataclass(frozen=True, slots=True)
class Running:
    """The calls on a node. `ends_in_s` is when the last of them should be over; `overdue` are longer than expected.

    None: nothing runs that is not overdue, or nothing is known of how long it takes.
    """

    calls: int
    overdue: int
    ends_in_s: float | None


class _Lease(msgspec.Struct, frozen=True):
    facts: str


class _Leases(msgspec.Struct, frozen=True):
    leases: tuple[_Lease, ...] = ()


async def find_running(store: RedisStore, node: str, now: datetime) -> Running:
    """Return what runs on a node. Raises StoreUnavailable."""
    async with store.use("running") as redis:
        packed = await redis.get(node_key(node))
    return expected(read_facts(packed) if isinstance(packed, bytes) else (), now)


async def find_facts(store: RedisStore, nodes: Sequence[str]) -> dict[str, tuple[LeaseFacts, ...]]:
    """Return what is known of the calls on each of these nodes, of all processes. Raises StoreUnavailable."""
    if not nodes:
        return {}
    async with store.use("running") as redis:
        found = await redis.mget([node_key(name) for name in nodes])
    return {
        name: read_facts(packed) if isinstance(packed, bytes) else () for name, packed in zip(nodes, found, strict=True)
    }


def read_facts(packed: bytes) -> tuple[LeaseFacts, ...]:
    """Return the facts of a node's leases as `register.lua` keeps them; none where they are another version's."""
    try:
        leases = msgspec.msgpack.decode(packed, type=_Leases).leases
        return tuple(msgspec.json.decode(lease.facts, type=LeaseFacts) for lease in leases)
    except (msgspec.MsgspecError, ValueError):
        return ()


def expected(running: Iterable[LeaseFacts], now: datetime) -> Running:
    """Return when these calls should be over."""
    left_s = [one.expected_us / US_PER_S - (now - one.started_at).total_seconds() for one in running]
    ahead = [one for one in left_s if one > 0]
    return Running(len(left_s), len(left_s) - len(ahead), round(max(ahead), 1) if ahead else None)
