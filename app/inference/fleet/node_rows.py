"""The `nodes` table: what is declared, and which nodes an operator drained."""

from collections.abc import Sequence
from typing import LiteralString

import msgspec
from psycopg.types.json import Jsonb

from app.inference.fleet.catalogue import Node
from app.inference.fleet.nodes import NodeState
from app.postgres import Database

# Drained stays as it is: an operator's word outlives restarts and edits of nodes.toml.
UPSERT_NODE: LiteralString = """
    INSERT INTO nodes (name, url, slots, gpus, price_usd_micro_per_hour, models, state, updated_at)
    VALUES (%(name)s, %(url)s, %(slots)s, %(gpus)s, %(price)s, %(models)s, %(state)s, now())
    ON CONFLICT (name) DO UPDATE SET url = excluded.url, slots = excluded.slots, gpus = excluded.gpus,
        price_usd_micro_per_hour = excluded.price_usd_micro_per_hour, models = excluded.models, updated_at = now()
"""
DELETE_OTHERS: LiteralString = "DELETE FROM nodes WHERE NOT (name = ANY(%(names)s))"
SELECT_NODES: LiteralString = "SELECT name, state, drained, slots, models FROM nodes ORDER BY name"
SELECT_DRAINED: LiteralString = "SELECT name FROM nodes WHERE drained"
UPDATE_DRAINED: LiteralString = "UPDATE nodes SET drained = %(drained)s, updated_at = now() WHERE name = %(name)s"
UPDATE_STATE: LiteralString = """
    UPDATE nodes SET state = %(state)s, updated_at = now() WHERE name = %(name)s AND state <> %(state)s
"""


class NodeRow(msgspec.Struct, frozen=True):
    """A node as PostgreSQL has it: its `state` as a replica saw it last."""

    name: str
    state: str
    drained: bool
    slots: int
    models: tuple[str, ...]


class NodeRows:
    """Reads and writes the rows of the nodes. Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def declare(self, nodes: tuple[Node, ...]) -> None:
        """Make the table hold these nodes and no others."""
        async with self._database.transaction("nodes_declare") as conn:
            # In the order of their names, so that two replicas that start together cannot deadlock.
            for node in sorted(nodes, key=lambda node: node.name):
                await conn.execute(
                    UPSERT_NODE,
                    {
                        "name": node.name,
                        "url": node.url,
                        "slots": node.slots,
                        "gpus": node.gpus,
                        "price": node.price_usd_micro_per_hour,
                        "models": Jsonb(list(node.models)),
                        "state": NodeState.WARMING.value,
                    },
                )
            await conn.execute(DELETE_OTHERS, {"names": [node.name for node in nodes]})

    async def list(self) -> Sequence[NodeRow]:
        """Return every node, by name."""
        async with self._database.connection("nodes_list") as conn:
            rows = await (await conn.execute(SELECT_NODES)).fetchall()
        return msgspec.convert(rows, tuple[NodeRow, ...])

    async def drained(self) -> frozenset[str]:
        """Return the names of the drained nodes."""
        async with self._database.connection("nodes_drained") as conn:
            rows = await (await conn.execute(SELECT_DRAINED)).fetchall()
        return frozenset(str(row["name"]) for row in rows)

    async def drain(self, name: str) -> bool:
        """Have a node take nothing new; False if there is no such node."""
        return await self._set(name, drained=True)

    async def undrain(self, name: str) -> bool:
        """Have a drained node take calls again; False if there is no such node."""
        return await self._set(name, drained=False)

    async def note_state(self, name: str, state: NodeState) -> None:
        """Write down a node's state, if it is another than before."""
        async with self._database.connection("nodes_state") as conn:
            await conn.execute(UPDATE_STATE, {"name": name, "state": state.value})

    async def _set(self, name: str, *, drained: bool) -> bool:
        async with self._database.connection("nodes_drain") as conn:
            done = await conn.execute(UPDATE_DRAINED, {"name": name, "drained": drained})
        return done.rowcount > 0
