"""What operators see of the nodes, and do with them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from app.errors import StoreUnavailable
from app.inference.fleet.model_names import full_name
from app.inference.fleet.node import MICRO, Node
from app.inference.fleet.node_rows import NodeRow
from app.inference.fleet.nodes import Fleet, NodeState, NodeView
from app.inference.fleet.roster import Roster
from app.inference.fleet.slot_watch import NodeNotice
from app.inference.slots.running import Running, find_running
from app.redis import RedisStore


class Wanted(StrEnum):
    """What an operator wants of a node."""

    ACTIVE = "active"
    """It takes calls."""
    DRAINED = "drained"
    """It takes nothing new; what runs there goes on to its end."""


class HeldModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a node is declared to hold: what it has of it, and why it may not serve it, if it may not.

    `num_ctx` is the context with which it is in memory: null where it is not, 0 where the node does not say. A `pinned`
    one stays there, whoever asks for it.
    """

    model: str
    digest: str | None = None
    num_ctx: int | None = None
    problem: str | None = None
    pinned: bool = False


class NodeReport(msgspec.Struct, frozen=True, kw_only=True):
    """A node as it was declared, and as this replica sees it.

    `calls` hold a slot there now, of all replicas; `overdue_calls` of them take longer than expected, the others should
    be over in `calls_end_in_s`. Memory, watts and price are those of one GPU. `notices` are what a replica had to tell
    of it last, though it serves.
    """

    name: str
    url: str
    slots: int
    gpus: int
    gpu: str
    vram_bytes: int | None
    watts: int | None
    price_usd_per_hour: float
    labels: dict[str, str]
    models: tuple[HeldModel, ...]
    wanted: Wanted
    revision: int
    state: NodeState
    cause: str | None
    detail: str | None
    remedy: str | None
    version: str | None
    notices: tuple[NodeNotice, ...]
    calls: int
    overdue_calls: int
    calls_end_in_s: float | None


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Operating:
    """The nodes for whoever operates. Every method raises StoreUnavailable."""

    def __init__(
        self, roster: Roster, fleet: Fleet, store: RedisStore, *, now: Callable[[], datetime] = _utc_now
    ) -> None:
        self._roster = roster
        self._fleet = fleet
        self._store = store
        self._now = now

    async def list(self) -> Sequence[NodeReport]:
        """Return every node, by name."""
        return [await self._report(row) for row in await self._roster.list()]

    async def get(self, name: str) -> NodeReport:
        """Return one node. Raises NodeUnknown."""
        return await self._report(await self._roster.get(name))

    async def add(self, node: Node) -> NodeReport:
        """Add a node, or one again that was removed. Raises BadInput, NodeExists."""
        return await self._report(await self._roster.add(node))

    async def change(self, name: str, given: dict[str, object]) -> NodeReport:
        """Change what is given of a node. Raises BadInput, NodeUnknown, NodeExists."""
        return await self._report(await self._roster.change(name, given))

    async def remove(self, name: str) -> None:
        """Remove a node; what runs there goes on to its end. Raises NodeUnknown."""
        await self._roster.remove(name)

    async def drain(self, name: str) -> NodeReport:
        """Have a node take nothing new. Raises NodeUnknown."""
        return await self._report(await self._roster.drain(name))

    async def undrain(self, name: str) -> NodeReport:
        """Have a drained node take calls again. Raises NodeUnknown."""
        return await self._report(await self._roster.undrain(name))

    async def pin(self, name: str, model: str) -> NodeReport:
        """Keep a model in a node's memory. Raises BadInput, NodeUnknown."""
        return await self._report(await self._roster.pin(name, model))

    async def unpin(self, name: str, model: str) -> NodeReport:
        """Let a model leave a node's memory again. Raises BadInput, NodeUnknown."""
        return await self._report(await self._roster.unpin(name, model))

    async def _report(self, row: NodeRow) -> NodeReport:
        view = self._fleet.find(row.name)
        return report(row, view, await self._running(row.name, 0 if view is None else view.taken))

    async def _running(self, name: str, taken: int) -> Running:
        try:
            return await find_running(self._store, name, self._now())
        except StoreUnavailable:
            return Running(taken, 0, None)


def report(row: NodeRow, view: NodeView | None, running: Running) -> NodeReport:
    """Return what is told of a node; `view` is None while this replica does not know it yet."""
    finding = None if view is None else view.finding
    return NodeReport(
        name=row.name,
        url=row.url,
        slots=row.slots,
        gpus=row.gpus,
        gpu=row.gpu,
        vram_bytes=row.vram_bytes,
        watts=row.watts,
        price_usd_per_hour=row.price_usd_micro_per_hour / MICRO,
        labels=row.labels,
        models=tuple(_held(name, view) for name in row.models),
        wanted=Wanted.DRAINED if row.drained else Wanted.ACTIVE,
        revision=row.revision,
        state=NodeState.WARMING if view is None else view.state,
        cause=None if finding is None else finding.cause.value,
        detail=None if finding is None else finding.text,
        remedy=None if finding is None else finding.advice,
        version=None if view is None else view.version or None,
        notices=row.notices,
        calls=running.calls,
        overdue_calls=running.overdue,
        calls_end_in_s=running.ends_in_s,
    )


def _held(name: str, view: NodeView | None) -> HeldModel:
    if view is None:
        return HeldModel(model=name)
    key = full_name(name)
    problem = next((one.reason.value for one in view.missing if full_name(one.model) == key), None)
    return HeldModel(
        model=name,
        digest=view.holds.get(key),
        num_ctx=view.loaded.get(key),
        problem=problem,
        pinned=key in view.pinned,
    )
