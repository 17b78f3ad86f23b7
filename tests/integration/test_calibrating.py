"""A node is measured: what it does at most, whatever is declared, and what that took."""

import time
from collections.abc import AsyncGenerator

import pytest

from app.inference.fleet.catalogue import Model, Node
from app.inference.probing.calibrating import Calibrator
from app.inference.wire.ollama import open_ollama
from app.inference.words.account import Account, Purpose
from app.inference.words.records import Outcome, Usage
from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeModel

pytestmark = pytest.mark.integration

MODEL = Model(name="m:1b", num_ctx=(2048, 8192))


@pytest.fixture
async def node() -> AsyncGenerator[FakeNode]:
    """A fake node that runs two calls at once, with the model in memory at another size."""
    made = FakeNode(
        [FakeModel(name="m:1b", load_s=0.03, tokens_per_s=400.0, prefill_per_s=20_000.0)], slots=2, answer_tokens=500
    )
    made.loaded["m:1b"] = 8192
    await made.start()
    yield made
    await made.stop()


async def test_a_node_is_found_to_run_fewer_calls_at_once_than_it_has_slots(node: FakeNode) -> None:
    declared = Node(name="n", url=node.url, slots=4, gpus=2, price_usd_per_hour=3.6, models=("m:1b",))
    usages, told = list[Usage](), list[str]()
    async with open_ollama() as ollama:
        calibrator = Calibrator(ollama, declared, MODEL, on_usage=usages.append, clock=time.monotonic)
        found = await calibrator.measure(digest="d", tell=told.append)
    assert [(step.calls, step.side_by_side) for step in found.steps] == [(1, 1), (2, 2), (4, 2), (8, 2)]
    assert (found.declared, found.runs_at_once, found.slots, found.num_ctx) == (4, 2, 2, 2048)
    # What the fake was told to be, at most.
    assert found.load_s >= 0.03
    assert 0 < found.tokens_per_s <= 400
    assert 0 < found.prefill_per_s <= 20_000
    assert len(told) == 6
    # The model was dropped, loaded anew once, and asked seventeen times.
    assert [call.loaded for call in node.calls] == [False, True] + [False] * 16
    assert (node.calls[0].body["keep_alive"], node.calls[0].body["messages"]) == (0, [])
    assert len({str(call.body["messages"]) for call in node.calls}) == len(node.calls)
    assert {(one.account, one.outcome, one.node) for one in usages} == {
        (Account(purpose=Purpose.CALIBRATION), Outcome.DONE, "n")
    }
    assert [one.output_tokens for one in usages] == [1, 1] + [48] * 15
    assert sum(one.cost_usd_micro for one in usages) > 0
