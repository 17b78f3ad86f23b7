"""`switchyard nodes calibrate`: what a node does at most is measured, and what to declare is said."""

import argparse
import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from app.console import Console
from app.errors import BadInput
from app.inference.calls import usage_rows
from app.inference.fleet.catalogue import Model
from app.inference.fleet.model_names import full_name
from app.inference.fleet.node import Node
from app.inference.fleet.speed_rows import SpeedRows
from app.inference.fleet.views import Look
from app.inference.probing.calibrating import Calibrated, Calibrator
from app.inference.wire.ollama import open_ollama
from app.inference.wire.tokens import NodeTokens
from app.inference.words.records import CallKind, Usage
from app.node_command import Nodes

EMPTY_WITHIN_S = 120.0
"""So long the calls that a node has may take to end once it is drained."""
SEEN_WITHIN_S = 6.0
"""Replicas see within so long that a node is drained: two turns of their loop, and some."""
LOOK_EVERY_S = 0.5
LOOK_LIMIT_S = 5.0


async def calibrate_node(given: argparse.Namespace, nodes: Nodes, console: Console) -> None:
    """Measure a drained node, and keep what was measured. Raises BadInput, NodeUnknown, CallBroke."""
    row = await nodes.get(given.name)
    models = _models(nodes, row.node, given.model)
    say = _say_nothing if given.json else console.say
    async with _drained(nodes, given.name, was_drained=row.drained, say=say):
        found = [await _measure(nodes, row.node, model, say) for model in models]
    if given.json:
        console.show_json([_facts(one) for one in found])
        return
    heads = ("MODEL", "LOAD", "READS", "WRITES", "AT MOST", "AT ONCE", "SLOTS")
    console.table(heads, [_cells(one) for one in found])
    slots = min(one.slots for one in found)
    if slots == row.slots:
        say(f"the {row.slots} slots that are declared are right")
    else:
        say(f"declared are {row.slots} slots: `switchyard nodes change {given.name} --slots {slots}`")


def _say_nothing(_line: str) -> None:
    """Keep quiet: a program reads."""


def _models(nodes: Nodes, node: Node, wanted: str | None) -> list[Model]:
    catalogue = nodes.catalogue()
    if catalogue is None:
        raise BadInput("no nodes file is named (SWITCHYARD_NODES_FILE): it has the context sizes of the models")
    declared = {full_name(name) for name in node.models}
    chats = [one for one in catalogue.models if one.kind is CallKind.CHAT and full_name(one.name) in declared]
    found = chats if wanted is None else [one for one in chats if full_name(one.name) == full_name(wanted)]
    if not found:
        raise BadInput(f"node {node.name} is declared to hold no chat model{f' {wanted}' if wanted else ''}")
    return found


@asynccontextmanager
async def _drained(nodes: Nodes, name: str, *, was_drained: bool, say: Callable[[str], None]) -> AsyncGenerator[None]:
    """Have the node to ourselves while the block lasts, and leave it as it was. Raises BadInput."""
    if not was_drained:
        await nodes.rows.drain(name)
        say(f"node {name} is drained meanwhile")
    try:
        await _await_empty(nodes, name, seen=was_drained)
        yield
    finally:
        if not was_drained:
            await nodes.rows.undrain(name)


async def _await_empty(nodes: Nodes, name: str, *, seen: bool) -> None:
    began = time.monotonic()
    while time.monotonic() - began < EMPTY_WITHIN_S:
        running = await nodes.running(name)
        if running is None:
            raise BadInput("no Redis that answers is named (SWITCHYARD_COORDINATION_URL): nobody knows what runs there")
        if not running.calls and (seen or time.monotonic() - began >= SEEN_WITHIN_S):
            return
        await asyncio.sleep(LOOK_EVERY_S)
    raise BadInput(f"calls still run on node {name}: drain it, and try again when they are over")


async def _measure(nodes: Nodes, node: Node, model: Model, say: Callable[[str], None]) -> Calibrated:
    usages, tokens = list[Usage](), NodeTokens(nodes.settings.node_tokens_dir)
    await tokens.read([node])
    say(f"{model.name}:")
    async with open_ollama(tls_ca=nodes.settings.node_ca, token_of=tokens.of) as ollama:
        look = await ollama.look(node.url, limit_s=LOOK_LIMIT_S)
        digest = look.holds.get(full_name(model.name), "") if isinstance(look, Look) else ""
        calibrator = Calibrator(ollama, node, model, on_usage=usages.append, clock=time.monotonic)
        try:
            found = await calibrator.measure(digest=digest, tell=lambda line: say(f"  {line}"))
        finally:
            async with nodes.database.transaction("usage.write") as conn, conn.pipeline():
                await usage_rows.write(conn, usages)
    await SpeedRows(nodes.database).put(node.name, full_name(model.name), node.url, found.speed)
    return found


def _facts(found: Calibrated) -> dict[str, object]:
    return {
        "node": found.node,
        "model": found.model,
        "num_ctx": found.num_ctx,
        "load_s": round(found.load_s, 3),
        "prefill_per_s": round(found.prefill_per_s, 1),
        "tokens_per_s": round(found.tokens_per_s, 1),
        "steps": found.steps,
        "runs_at_once": found.runs_at_once,
        "declared_slots": found.declared,
        "recommended_slots": found.slots,
    }


def _cells(found: Calibrated) -> tuple[str, ...]:
    most = max((step.tokens_per_s for step in found.steps), default=0.0)
    return (
        found.model,
        f"{found.load_s:.1f} s",
        f"{found.prefill_per_s:.0f}/s",
        f"{found.tokens_per_s:.0f}/s",
        f"{most:.0f}/s",
        str(found.runs_at_once),
        str(found.slots),
    )
