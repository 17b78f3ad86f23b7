"""`switchyard nodes`: which nodes there are, and which take nothing new."""

import argparse
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from app.command_database import open_database
from app.console import Console
from app.errors import BadInput
from app.inference.fleet.node_rows import NodeRow, NodeRows
from app.settings import Settings


@asynccontextmanager
async def open_nodes(settings: Settings) -> AsyncGenerator[NodeRows]:
    """Open one connection to PostgreSQL."""
    async with open_database(settings) as database:
        yield NodeRows(database)


async def list_nodes(given: argparse.Namespace, nodes: NodeRows, console: Console) -> None:
    """Show every node of the nodes file, as the replicas last saw it."""
    rows = await nodes.list()
    if given.json:
        console.show_json(rows)
    else:
        console.table(("NAME", "STATE", "DRAINED", "SLOTS", "MODELS"), [_cells(row) for row in rows])


async def drain_node(given: argparse.Namespace, nodes: NodeRows, console: Console) -> None:
    """Have a node finish what it has and take nothing new. Raises BadInput where there is none of that name."""
    if not await nodes.drain(given.name):
        raise await _unknown(given.name, nodes)
    _tell(given, console, "takes nothing new once the replicas have looked, within seconds; what it has goes on")


async def undrain_node(given: argparse.Namespace, nodes: NodeRows, console: Console) -> None:
    """Have a drained node take calls again. Raises BadInput where there is none of that name."""
    if not await nodes.undrain(given.name):
        raise await _unknown(given.name, nodes)
    _tell(given, console, "takes calls again once the replicas have looked, within seconds")


def _tell(given: argparse.Namespace, console: Console, what: str) -> None:
    if given.json:
        console.show_json({"node": given.name, "drained": given.act is drain_node})
    else:
        console.say(f"node {given.name} {what}")


async def _unknown(name: str, nodes: NodeRows) -> BadInput:
    known = ", ".join(row.name for row in await nodes.list())
    return BadInput(f"no node is called {name}; there are {known or 'none: no replica has started yet'}")


def _cells(row: NodeRow) -> tuple[str, ...]:
    return row.name, row.state, "yes" if row.drained else "no", str(row.slots), ", ".join(row.models)
