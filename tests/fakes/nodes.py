"""The nodes of a platform without servers."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from app.errors import NodeExists, NodeUnknown
from app.inference.calls.continuation import Continuation
from app.inference.fleet.node import Node
from app.inference.fleet.node_rows import NodeRow
from app.inference.fleet.roster import checked, declared
from app.inference.fleet.views import NodeState
from app.inference.models import ModelOnNode, ModelReport
from app.inference.operating import NodeReport, report
from app.inference.slots.running import Running
from app.inference.warmth.advice import Advice, Planned, Why
from app.inference.words.records import CallKind
from app.inference.words.tiers import Tier

AT = datetime(2026, 3, 1, tzinfo=UTC)
RUNNING = Running(3, 1, 12.5)
NODE = Node(name="c", url="http://c:11434", slots=2, models=("m", "n"))


MODEL = ModelReport(
    name="m", kind=CallKind.CHAT, tiers=(Tier.SIMPLE,), num_ctx=(2048,), context=8192, think=None, thinks=False,
    sees=False, uses_tools=True, continues=Continuation.GOES_ON,
    nodes=(
        ModelOnNode(
            node="c", state=NodeState.READY, digest="d", size_bytes=1000, num_ctx=(2048,), loaded_num_ctx=2048,
            problem=None, detail=None,
        ),
    ),
)  # fmt: skip


PLANNED = Planned(
    node="c", model="m", tiers=(Tier.SIMPLE,), advice=Advice.LOAD, reason=Why.ASKED_FOR, pinned=False, calls=3,
    gpu_s=1.5, num_ctx=2048, needed_bytes=1000, taken_bytes=None, free_bytes=4000, evicts=("n",),
)  # fmt: skip


class FakeModelList:
    """Knows one model, which is to be loaded."""

    async def plan(self) -> Sequence[Planned]:
        """Return the plan."""
        return [PLANNED]

    def list(self) -> Sequence[ModelReport]:
        """Return it."""
        return [MODEL]


class FakeNodes:
    """Keeps nodes of the models `m` and `n`; three calls run on each."""

    def __init__(self) -> None:
        self.rows: dict[str, NodeRow] = {}
        self.pins: set[tuple[str, str]] = set()

    async def list(self) -> Sequence[NodeReport]:
        """Return every node."""
        return [report(row, None, RUNNING) for _, row in sorted(self.rows.items())]

    async def get(self, name: str, /) -> NodeReport:
        """Return one node."""
        if name not in self.rows:
            raise NodeUnknown(f"no node is called {name}", node=name)
        return report(self.rows[name], None, RUNNING)

    async def add(self, node: Node, /) -> NodeReport:
        """Add a node."""
        if node.name in self.rows:
            raise NodeExists(f"there is a node {node.name} already", node=node.name)
        return await self._put(node, drained=False)

    async def change(self, name: str, given: dict[str, object], /) -> NodeReport:
        """Change a node."""
        await self.get(name)
        return await self._put(msgspec.structs.replace(self.rows[name].node, **given), drained=False)

    async def remove(self, name: str, /) -> None:
        """Remove a node."""
        await self.get(name)
        del self.rows[name]

    async def drain(self, name: str, /) -> NodeReport:
        """Drain a node."""
        await self.get(name)
        return await self._put(self.rows[name].node, drained=True)

    async def undrain(self, name: str, /) -> NodeReport:
        """Have a node take calls again."""
        await self.get(name)
        return await self._put(self.rows[name].node, drained=False)

    async def pin(self, name: str, model: str, /) -> NodeReport:
        """Pin a model."""
        self.pins |= {(name, declared((await self._row(name)).node, model))}
        return await self.get(name)

    async def unpin(self, name: str, model: str, /) -> NodeReport:
        """Take a pin back."""
        self.pins -= {(name, declared((await self._row(name)).node, model))}
        return await self.get(name)

    async def _row(self, name: str) -> NodeRow:
        await self.get(name)
        return self.rows[name]

    async def _put(self, node: Node, *, drained: bool) -> NodeReport:
        kept = checked(node, {"m:latest", "n:latest"})
        values = msgspec.structs.asdict(kept)
        values["price_usd_micro_per_hour"] = kept.price_usd_micro_per_hour
        del values["price_usd_per_hour"]
        revision = self.rows[node.name].revision + 1 if node.name in self.rows else 1
        self.rows[node.name] = NodeRow(**values, state="warming", drained=drained, revision=revision, updated_at=AT)
        return await self.get(node.name)
