"""The `nodes` table: the nodes that operators declared, which of them are drained, and which were removed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import LiteralString

import msgspec
from psycopg.types.json import Jsonb

from app.errors import NodeExists, NodeUnknown
from app.inference.fleet.node import MICRO, Node, same_address
from app.inference.fleet.slot_watch import NodeNotice
from app.inference.fleet.views import NodeState
from app.postgres import Connection, Database

# A row that is there stays as it is, a removed one too: the nodes file is for the first start.
SEED_NODE: LiteralString = """
    INSERT INTO nodes (name, url, slots, gpus, gpu, vram_bytes, watts, price_usd_micro_per_hour, labels, models, state)
    VALUES (%(name)s, %(url)s, %(slots)s, %(gpus)s, %(gpu)s, %(vram_bytes)s, %(watts)s, %(price)s, %(labels)s,
        %(models)s, 'warming')
    ON CONFLICT (name) DO NOTHING
"""
# Nothing comes back where a node of that name is there and was not removed.
ADD_NODE: LiteralString = """
    INSERT INTO nodes (name, url, slots, gpus, gpu, vram_bytes, watts, price_usd_micro_per_hour, labels, models, state)
    VALUES (%(name)s, %(url)s, %(slots)s, %(gpus)s, %(gpu)s, %(vram_bytes)s, %(watts)s, %(price)s, %(labels)s,
        %(models)s, 'warming')
    ON CONFLICT (name) DO UPDATE SET url = excluded.url, slots = excluded.slots, gpus = excluded.gpus,
        gpu = excluded.gpu, vram_bytes = excluded.vram_bytes, watts = excluded.watts,
        price_usd_micro_per_hour = excluded.price_usd_micro_per_hour, labels = excluded.labels,
        models = excluded.models, state = excluded.state, notices = '[]', drained = false, removed_at = NULL,
        revision = nodes.revision + 1, updated_at = now()
    WHERE nodes.removed_at IS NOT NULL
    RETURNING name
"""
CHANGE_NODE: LiteralString = """
    UPDATE nodes SET url = %(url)s, slots = %(slots)s, gpus = %(gpus)s, gpu = %(gpu)s, vram_bytes = %(vram_bytes)s,
        watts = %(watts)s, price_usd_micro_per_hour = %(price)s, labels = %(labels)s, models = %(models)s,
        notices = CASE WHEN (nodes.url, nodes.slots) = (%(url)s, %(slots)s) THEN nodes.notices ELSE '[]' END,
        revision = revision + 1, updated_at = now()
    WHERE name = %(name)s AND removed_at IS NULL
"""
REMOVE_NODE: LiteralString = """
    UPDATE nodes SET removed_at = now(), drained = false, revision = revision + 1, updated_at = now()
    WHERE name = %(name)s AND removed_at IS NULL
"""
SELECT_NODES: LiteralString = """
    SELECT name, url, slots, gpus, gpu, vram_bytes, watts, price_usd_micro_per_hour, labels, models, state, notices,
        drained, revision, updated_at
    FROM nodes WHERE removed_at IS NULL ORDER BY name
"""
# Calls end within the time of a run: who was removed long ago has none.
SELECT_REMOVED: LiteralString = "SELECT name FROM nodes WHERE removed_at > now() - interval '1 day' ORDER BY name"
UPDATE_DRAINED: LiteralString = """
    UPDATE nodes SET drained = %(drained)s, updated_at = now() WHERE name = %(name)s AND removed_at IS NULL
"""
UPDATE_STATE: LiteralString = """
    UPDATE nodes SET state = %(state)s, updated_at = now() WHERE name = %(name)s AND state <> %(state)s
"""
UPDATE_NOTICES: LiteralString = """
    UPDATE nodes SET notices = %(notices)s WHERE name = %(name)s AND removed_at IS NULL
"""
# Two who add or change nodes at once do so one after the other, so that no address is given twice.
LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtext('switchyard.nodes'))"


class Applied(StrEnum):
    """What became of a node of the nodes file when the file was applied."""

    ADDED = "added"
    """There was none of that name."""
    CHANGED = "changed"
    """The row was otherwise."""
    SAME = "same"
    """The row was so already."""
    LEFT_OUT = "left_out"
    """An operator removed it: it stays removed."""


class NodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A node as PostgreSQL has it: as it was declared, and its `state` as a replica saw it last."""

    name: str
    url: str
    state: str
    drained: bool
    slots: int
    gpus: int
    gpu: str
    vram_bytes: int | None
    watts: int | None
    price_usd_micro_per_hour: int
    labels: dict[str, str]
    models: tuple[str, ...]
    revision: int
    updated_at: datetime
    notices: tuple[NodeNotice, ...] = ()
    """What a replica had to tell of it last."""

    @property
    def node(self) -> Node:
        """What was declared."""
        return Node(
            name=self.name,
            url=self.url,
            slots=self.slots,
            gpus=self.gpus,
            gpu=self.gpu,
            vram_bytes=self.vram_bytes,
            watts=self.watts,
            price_usd_per_hour=self.price_usd_micro_per_hour / MICRO,
            labels=self.labels,
            models=self.models,
        )


class NodeRows:
    """Reads and writes the rows of the nodes, as they are given. Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def seed(self, nodes: Iterable[Node]) -> None:
        """Add those of these nodes of which there is no row yet; what was changed or removed stays so."""
        async with self._database.transaction("nodes_seed") as conn:
            # In the order of their names, so that two replicas that start together cannot deadlock.
            for node in sorted(nodes, key=lambda node: node.name):
                await conn.execute(SEED_NODE, _written(node))

    async def apply(self, nodes: Iterable[Node]) -> Mapping[str, Applied]:
        """Have the rows of these nodes be what is said here, and return what that did to each.

        Others stay, and so do those that were removed.
        """
        async with self._database.transaction("nodes_apply") as conn:
            await conn.execute(LOCK)
            before = {row.name: row.node for row in await _read(conn)}
            done: dict[str, Applied] = {}
            for node in nodes:
                done[node.name] = await _apply(conn, before.get(node.name), node)
        return done

    async def list(self) -> Sequence[NodeRow]:
        """Return every node, by name."""
        async with self._database.connection("nodes_list") as conn:
            return await _read(conn)

    async def removed(self) -> Sequence[str]:
        """Return the names of the nodes that were removed lately."""
        async with self._database.connection("nodes_removed") as conn:
            rows = await (await conn.execute(SELECT_REMOVED)).fetchall()
        return tuple(str(row["name"]) for row in rows)

    async def add(self, node: Node) -> None:
        """Add a node, or one again that was removed. Raises NodeExists: its name or its address is in use."""
        async with self._database.transaction("nodes_add") as conn:
            await _check_address(conn, node)
            if (await conn.execute(ADD_NODE, _written(node))).rowcount == 0:
                raise NodeExists(f"there is a node {node.name} already", node=node.name)

    async def change(self, node: Node) -> None:
        """Declare a node anew. Raises NodeUnknown, NodeExists: another node has its address."""
        async with self._database.transaction("nodes_change") as conn:
            await _check_address(conn, node)
            _check_found(node.name, (await conn.execute(CHANGE_NODE, _written(node))).rowcount)

    async def remove(self, name: str) -> None:
        """Remove a node, for good until it is added again. Raises NodeUnknown."""
        async with self._database.connection("nodes_remove") as conn:
            _check_found(name, (await conn.execute(REMOVE_NODE, {"name": name})).rowcount)

    async def drain(self, name: str) -> None:
        """Have a node take nothing new. Raises NodeUnknown."""
        await self._set_drained(name, drained=True)

    async def undrain(self, name: str) -> None:
        """Have a drained node take calls again. Raises NodeUnknown."""
        await self._set_drained(name, drained=False)

    async def note_state(self, name: str, state: NodeState) -> None:
        """Write down a node's state, if it is another than before."""
        async with self._database.connection("nodes_state") as conn:
            await conn.execute(UPDATE_STATE, {"name": name, "state": state.value})

    async def note_notices(self, name: str, notices: Sequence[NodeNotice]) -> None:
        """Write down what is to be told of a node."""
        async with self._database.connection("nodes_notices") as conn:
            written = Jsonb(msgspec.to_builtins(notices))
            await conn.execute(UPDATE_NOTICES, {"name": name, "notices": written})

    async def _set_drained(self, name: str, *, drained: bool) -> None:
        async with self._database.connection("nodes_drain") as conn:
            done = await conn.execute(UPDATE_DRAINED, {"name": name, "drained": drained})
        _check_found(name, done.rowcount)


async def _apply(conn: Connection, before: Node | None, node: Node) -> Applied:
    if before == node:
        return Applied.SAME
    if before is not None:
        await conn.execute(CHANGE_NODE, _written(node))
        return Applied.CHANGED
    added = (await conn.execute(SEED_NODE, _written(node))).rowcount
    return Applied.ADDED if added else Applied.LEFT_OUT


def _check_found(name: str, rows: int) -> None:
    if rows == 0:
        raise NodeUnknown(f"no node is called {name}", node=name)


async def _check_address(conn: Connection, node: Node) -> None:
    await conn.execute(LOCK)
    other = same_address(node, [row.node for row in await _read(conn)])
    if other is not None:
        raise NodeExists(f"node {other.name} has that address already: one node is one entry", node=other.name)


async def _read(conn: Connection) -> Sequence[NodeRow]:
    rows = await (await conn.execute(SELECT_NODES)).fetchall()
    return msgspec.convert(rows, tuple[NodeRow, ...])


def _written(node: Node) -> dict[str, object]:
    return {
        "name": node.name,
        "url": node.url,
        "slots": node.slots,
        "gpus": node.gpus,
        "gpu": node.gpu,
        "vram_bytes": node.vram_bytes,
        "watts": node.watts,
        "price": node.price_usd_micro_per_hour,
        "labels": Jsonb(node.labels),
        "models": Jsonb(list(node.models)),
    }
