"""What nodes tell of their models reaches whoever reads."""

import asyncio
import time
from collections.abc import AsyncGenerator

import msgspec
import pytest

from app.inference.calls.continuation import Continuations
from app.inference.fleet.catalogue import Catalogue
from app.inference.models import Models
from app.inference.probing.probe import Probe
from app.inference.warmth.advice import Planned
from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeModel
from tests.integration.inference_fixtures import EMBED, LARGE, SMALL, catalogue, open_replica

pytestmark = pytest.mark.integration


@pytest.fixture
async def node() -> AsyncGenerator[FakeNode]:
    """A node whose small model sees and was made for little."""
    small = FakeModel(name=SMALL, sees=True, knows_tools=True, context_length=512)
    made = FakeNode([small, FakeModel(name=LARGE, thinks=True), FakeModel(name=EMBED, kind="embed")])
    await made.start()
    yield made
    await made.stop()


async def nothing_planned() -> tuple[Planned, ...]:
    """Return no plan."""
    return ()


async def test_what_a_model_can_do_and_was_made_for_is_asked_once_and_shown(node: FakeNode, redis_url: str) -> None:
    declared: Catalogue = catalogue([node])
    async with open_replica(declared, redis_url) as replica:
        probe = Probe(replica.fleet, replica.own_calls(), replica.ollama, replica.store, clock=time.monotonic)
        await probe.look()
        await asyncio.gather(probe.look(), probe.look())
        small, large, embed = Models(replica.fleet, Continuations(), nothing_planned).list()
    assert (small.context, small.sees, small.uses_tools, small.thinks) == (512, True, True, False)
    assert (large.context, large.thinks, large.sees) == (32_768, True, False)
    assert (embed.name, embed.kind.value, embed.tiers) == (EMBED, "embed", ())
    (held,) = small.nodes
    assert msgspec.to_builtins(held) == {
        "node": "n0",
        "state": "ready",
        "digest": node.models[SMALL].sha,
        "size_bytes": 1000,
        "num_ctx": (256,),
        "loaded_num_ctx": None,
        "problem": None,
        "detail": None,
    }
    assert node.shows == 3
