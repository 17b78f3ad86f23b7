"""`switchyard nodes`: which nodes there are; added, changed, drained and removed while everything runs."""

import argparse
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry

from app.command_database import open_database
from app.console import Console
from app.errors import BadInput, NodeUnknown, StoreUnavailable
from app.inference.fleet.catalogue import Catalogue, read_catalogue
from app.inference.fleet.model_names import full_name
from app.inference.fleet.node import Node
from app.inference.fleet.node_rows import Applied, NodeRow, NodeRows
from app.inference.fleet.pin_rows import PinRows
from app.inference.fleet.roster import checked, declared
from app.inference.slots.running import Running, find_running
from app.inference.wire.ollama import open_ollama
from app.inference.wire.tokens import NodeTokens
from app.postgres import Database
from app.redis import open_redis
from app.settings import Settings, variable_of
from app.telemetry.metrics import Metrics

PULL_GAP_S = 120.0
_PROFILE = ("url", "slots", "gpus", "gpu", "vram_bytes", "watts", "price_usd_per_hour", "models")


class Nodes:
    """The rows of the nodes, with what the settings of this command say beside them."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.rows = NodeRows(database)
        self.settings = settings

    def catalogue(self) -> Catalogue | None:
        """Return what the nodes file says, None if none is named. Raises CatalogueWrong."""
        return read_catalogue(Path(self.settings.nodes_file)) if self.settings.nodes_file else None

    def checked(self, node: Node) -> Node:
        """Return the node as it is kept. Raises BadInput, CatalogueWrong."""
        catalogue = self.catalogue()
        return checked(node, None if catalogue is None else {full_name(model.name) for model in catalogue.models})

    async def get(self, name: str) -> NodeRow:
        """Return one node. Raises NodeUnknown, with those that there are."""
        rows = await self.rows.list()
        found = next((row for row in rows if row.name == name), None)
        if found is None:
            known = ", ".join(row.name for row in rows) or "none: no replica has started yet"
            raise NodeUnknown(f"no node is called {name}; there are {known}", node=name)
        return found

    async def pin(self, name: str, model: str, *, pinned: bool) -> None:
        """Pin a model on a node, or take that back. Raises BadInput, NodeUnknown."""
        key = declared((await self.get(name)).node, model)
        await PinRows(self.database).put(name, key, pinned=pinned)

    async def running(self, name: str) -> Running | None:
        """Return what runs on a node, None where Redis is not named or does not say."""
        if not self.settings.coordination_url:
            return None
        metrics, settings = Metrics(CollectorRegistry()), self.settings
        url, ca = settings.coordination_url, settings.redis_ca
        store = open_redis(url, name="coordination", metrics=metrics, timeout_s=2.0, tls_ca=ca)
        try:
            return await find_running(store, name, datetime.now(UTC))
        except StoreUnavailable:
            return None
        finally:
            await store.close()

    async def pull(self, node: Node, model: str, console: Console) -> None:
        """Have a node fetch a model, and show how far it is. Raises NodeFailed."""
        tokens, said = NodeTokens(self.settings.node_tokens_dir), ""
        await tokens.read([node])
        async with open_ollama(tls_ca=self.settings.node_ca, token_of=tokens.of) as ollama:
            async with aclosing(ollama.pull(node.url, model, gap_s=PULL_GAP_S)) as pieces:
                async for piece in pieces:
                    share = f" {100 * piece.done_bytes // piece.bytes} %" if piece.bytes else ""
                    if (line := f"{piece.status}{share}") != said:
                        console.say(line)
                    said = line


@asynccontextmanager
async def open_nodes(settings: Settings) -> AsyncGenerator[Nodes]:
    """Open one connection to PostgreSQL."""
    async with open_database(settings) as database:
        yield Nodes(database, settings)


async def list_nodes(given: argparse.Namespace, nodes: Nodes, console: Console) -> None:
    """Show every node, as the replicas last saw it."""
    rows = await nodes.rows.list()
    if given.json:
        console.show_json(rows)
    else:
        console.table(("NAME", "STATE", "DRAINED", "SLOTS", "URL", "MODELS"), [_cells(row) for row in rows])
        for row in rows:
            for notice in row.notices:
                console.say(f"node {row.name}: {notice.detail}. To do: {notice.remedy}")


async def add_node(given: argparse.Namespace, nodes: Nodes, console: Console) -> None:
    """Add a node. Raises BadInput, NodeExists."""
    node = nodes.checked(Node(name=given.name, **_said(given)))  # pyright: ignore[reportArgumentType]
    await nodes.rows.add(node)
    _tell(given, console, {"node": node.name, "added": True}, "is used once the replicas have looked, within seconds")


async def change_node(given: argparse.Namespace, nodes: Nodes, console: Console) -> None:
    """Change what is given of a node. Raises BadInput, NodeUnknown, NodeExists."""
    said = _said(given)
    if not said:
        raise BadInput("nothing is given that could change")
    await nodes.rows.change(nodes.checked(msgspec.structs.replace((await nodes.get(given.name)).node, **said)))
    _tell(given, console, {"node": given.name, "changed": sorted(said)}, f"has another {', '.join(sorted(said))}")


async def drain_node(given: argparse.Namespace, nodes: Nodes, console: Console) -> None:
    """Have a node finish what it has and take nothing new, and say what runs there. Raises NodeUnknown."""
    await nodes.get(given.name)
    await nodes.rows.drain(given.name)
    running = await nodes.running(given.name)
    facts = {"node": given.name, "drained": True, "calls": None, "calls_end_in_s": None}
    if running is not None:
        facts |= {"calls": running.calls, "calls_end_in_s": running.ends_in_s}
    what = "takes nothing new once the replicas have looked, within seconds; what it has goes on"
    _tell(given, console, facts, what + _eta(running))


async def undrain_node(given: argparse.Namespace, nodes: Nodes, console: Console) -> None:
    """Have a drained node take calls again. Raises NodeUnknown."""
    await nodes.get(given.name)
    await nodes.rows.undrain(given.name)
    facts = {"node": given.name, "drained": False}
    _tell(given, console, facts, "takes calls again once the replicas have looked, within seconds")


async def pin_model(given: argparse.Namespace, nodes: Nodes, console: Console) -> None:
    """Keep a model in a node's memory, whoever asks for it. Raises BadInput, NodeUnknown."""
    await nodes.pin(given.name, given.model, pinned=True)
    facts = {"node": given.name, "model": given.model, "pinned": True}
    _tell(given, console, facts, f"keeps {given.model} in memory; it is loaded within a minute where it fits")


async def unpin_model(given: argparse.Namespace, nodes: Nodes, console: Console) -> None:
    """Let a model leave a node's memory again. Raises BadInput, NodeUnknown."""
    await nodes.pin(given.name, given.model, pinned=False)
    facts = {"node": given.name, "model": given.model, "pinned": False}
    _tell(given, console, facts, f"lets {given.model} go once nobody has asked for it for long enough")


async def remove_node(given: argparse.Namespace, nodes: Nodes, console: Console) -> None:
    """Remove a node, for good until it is added again. Raises NodeUnknown."""
    await nodes.get(given.name)
    running = await nodes.running(given.name)
    await nodes.rows.remove(given.name)
    _tell(given, console, {"node": given.name, "removed": True}, "is removed; what it has goes on" + _eta(running))


async def pull_model(given: argparse.Namespace, nodes: Nodes, console: Console) -> None:
    """Have a node fetch a model. Raises NodeUnknown, NodeFailed."""
    node = (await nodes.get(given.name)).node
    await nodes.pull(node, given.model, console)
    declared = full_name(given.model) in {full_name(name) for name in node.models}
    advice = "" if declared else "; it serves it once its models name it: `switchyard nodes change`"
    _tell(given, console, {"node": node.name, "pulled": given.model}, f"holds {given.model}{advice}")


async def apply_file(given: argparse.Namespace, nodes: Nodes, console: Console) -> None:
    """Have the rows of the nodes be what the nodes file says. Raises BadInput, CatalogueWrong."""
    catalogue = nodes.catalogue()
    if catalogue is None:
        raise BadInput(f"{variable_of('nodes_file')} names no file")
    done = await nodes.rows.apply(catalogue.nodes)
    if given.json:
        console.show_json(done)
        return
    for name, what in done.items():
        again = "; `switchyard nodes add` adds it again" if what is Applied.LEFT_OUT else ""
        console.say(f"node {name}: {what.value.replace('_', ' ')}{again}")


def _said(given: argparse.Namespace) -> dict[str, object]:
    said: dict[str, object] = {key: getattr(given, key) for key in _PROFILE if getattr(given, key) is not None}
    if given.labels is not None:
        said["labels"] = dict(given.labels)
    return said


def _eta(running: Running | None) -> str:
    if running is None:
        return ""
    if not running.calls:
        return "; nothing runs there now"
    ends = "" if running.ends_in_s is None else f", which should be over in about {running.ends_in_s:.0f} s"
    late = f" ({running.overdue} of them longer than expected)" if running.overdue else ""
    return f"; {running.calls} calls run there{late}{ends}"


def _tell(given: argparse.Namespace, console: Console, facts: object, what: str) -> None:
    if given.json:
        console.show_json(facts)
    else:
        console.say(f"node {given.name} {what}")


def _cells(row: NodeRow) -> tuple[str, ...]:
    drained = "yes" if row.drained else "no"
    return row.name, row.state, drained, str(row.slots), row.url, ", ".join(row.models)
