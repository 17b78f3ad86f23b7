"""The nodes as operators declare them: seeded from the nodes file once, then changed while everything runs."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from app.errors import BadInput, NodeUnknown
from app.inference.fleet.model_names import full_name
from app.inference.fleet.node import Node, address_problem, node_problems
from app.inference.fleet.node_rows import NodeRow, NodeRows
from app.inference.fleet.nodes import Fleet, NodeState
from app.inference.fleet.pin_rows import PinRows
from app.inference.fleet.slot_watch import NodeNotice
from app.inference.fleet.speed_rows import SpeedRows
from app.urls import read_http_address

log = structlog.stdlib.get_logger(__name__)


class Roster:
    """Keeps the fleet as PostgreSQL has it, and changes what that has. What changes it raises StoreUnavailable."""

    def __init__(
        self,
        fleet: Fleet,
        rows: NodeRows,
        speeds: SpeedRows,
        pins: PinRows,
        *,
        on_followed: Callable[[], Awaitable[None]],
    ) -> None:
        """`on_followed` is asked for what follows from the nodes that there are now."""
        self._fleet = fleet
        self._rows = rows
        self._speeds = speeds
        self._pins = pins
        self._on_followed = on_followed
        self._file = fleet.nodes()
        self._is_seeded = False
        self._differing: frozenset[str] = frozenset()
        self._states: dict[str, NodeState] = {}
        self._notices: dict[str, tuple[NodeNotice, ...]] = {}

    async def follow(self) -> None:
        """Have the fleet be what the rows say, and write down states that changed. Raises StoreUnavailable.

        The first time, nodes of the file that have no row get one.
        """
        if not self._is_seeded:
            await self._rows.seed(self._file)
            self._is_seeded = True
        rows, removed = await self._rows.list(), await self._rows.removed()
        self._fleet.declare([row.node for row in rows], {row.name for row in rows if row.drained}, removed)
        self._fleet.calibrated(await self._speeds.list())
        self._fleet.pin(await self._pins.list())
        self._tell_differing(rows)
        await self._on_followed()
        await self._note_states()
        await self._note_notices()

    async def list(self) -> Sequence[NodeRow]:
        """Return every node, by name."""
        return await self._rows.list()

    async def get(self, name: str) -> NodeRow:
        """Return one node. Raises NodeUnknown."""
        found = next((row for row in await self._rows.list() if row.name == name), None)
        if found is None:
            raise NodeUnknown(f"no node is called {name}", node=name)
        return found

    async def add(self, node: Node) -> NodeRow:
        """Add a node, or one again that was removed. Raises BadInput, NodeExists."""
        await self._rows.add(self._checked(node))
        return await self._followed(node.name)

    async def change(self, name: str, given: dict[str, object]) -> NodeRow:
        """Change what is given of a node. Raises BadInput, NodeUnknown, NodeExists: another has that address."""
        node = (await self.get(name)).node
        await self._rows.change(self._checked(msgspec.structs.replace(node, **given)))
        return await self._followed(name)

    async def remove(self, name: str) -> None:
        """Remove a node: it takes nothing new, and what runs there goes on to its end. Raises NodeUnknown."""
        await self._rows.remove(name)
        await self.follow()

    async def drain(self, name: str) -> NodeRow:
        """Have a node take nothing new. Raises NodeUnknown."""
        await self._rows.drain(name)
        return await self._followed(name)

    async def undrain(self, name: str) -> NodeRow:
        """Have a drained node take calls again. Raises NodeUnknown."""
        await self._rows.undrain(name)
        return await self._followed(name)

    async def pin(self, name: str, model: str) -> NodeRow:
        """Keep a model in a node's memory, whoever asks for it. Raises BadInput, NodeUnknown."""
        await self._pins.put(name, declared((await self.get(name)).node, model), pinned=True)
        return await self._followed(name)

    async def unpin(self, name: str, model: str) -> NodeRow:
        """Let a model leave a node's memory again. Raises BadInput, NodeUnknown."""
        await self._pins.put(name, declared((await self.get(name)).node, model), pinned=False)
        return await self._followed(name)

    async def _followed(self, name: str) -> NodeRow:
        await self.follow()
        return await self.get(name)

    def _checked(self, node: Node) -> Node:
        return checked(node, {full_name(model.name) for model in self._fleet.catalogue.models})

    def _tell_differing(self, rows: Sequence[NodeRow]) -> None:
        """Tell once of nodes of the file that the rows have otherwise: the rows win."""
        declared = {row.name: row.node for row in rows}
        differing = frozenset(node.name for node in self._file if declared.get(node.name) != node)
        if differing - self._differing:
            remedy = "`switchyard nodes apply` has the rows be what the file says"
            log.info("nodes.file_differs", nodes=sorted(differing), remedy=remedy)
        self._differing = differing

    async def _note_states(self) -> None:
        views = self._fleet.views()
        self._states = {
            view.node.name: self._states[view.node.name] for view in views if view.node.name in self._states
        }
        for view in views:
            if self._states.get(view.node.name) is not view.state:
                await self._rows.note_state(view.node.name, view.state)
                self._states[view.node.name] = view.state

    async def _note_notices(self) -> None:
        """Write down what this replica has to tell, when that is another than before; others may tell of others."""
        found = self._fleet.slot_watch.found(self._fleet.nodes())
        for name, notices in found.items():
            if self._notices.get(name, ()) != notices:
                await self._rows.note_notices(name, notices)
                self._notices[name] = notices


def checked(node: Node, known: set[str] | None) -> Node:
    """Return the node in the form in which it is kept; `known` are the full names of models, None: any is fine.

    Raises BadInput.
    """
    wrong = address_problem(node) or next(node_problems(node, known), None)
    if wrong is not None:
        raise BadInput(wrong, field=wrong.partition("`")[2].partition("`")[0])
    return msgspec.structs.replace(node, url=read_http_address(node.url))


def declared(node: Node, model: str) -> str:
    """Return the full name of a model that the node is declared to hold. Raises BadInput for another."""
    key = full_name(model)
    if key not in {full_name(name) for name in node.models}:
        raise BadInput(f"node {node.name} is not declared to hold {model}", field="model")
    return key
