"""Whether a model goes on is proved once, for all replicas; without a proof an answer begins again."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from app.inference.calls.continuation import QUESTIONS, Continuation, Continuations
from app.inference.calls.continuation_rows import ContinuationRows
from app.inference.probing.proving import AGAIN_S, Prover
from app.inference.slots.lease import Lease
from app.inference.words.account import Account, Purpose
from app.inference.words.records import Outcome
from app.postgres import Database, make_pool
from app.telemetry.metrics import Metrics
from ops.local.models.store import TEMPLATES
from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeModel
from tests.integration.inference_fixtures import EMBED, LARGE, SMALL, Replica, Seen, ask, catalogue, open_replica

pytestmark = pytest.mark.integration

OPEN = (TEMPLATES / "qwen2.5-coder").read_text()
WHOLE = "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve."
FIRST, REST = "One, two, three, four, five, six, seven,", " eight, nine, ten, eleven, twelve."
DIGEST = FakeModel(name=SMALL).sha


class Clock:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s


@pytest.fixture
async def node() -> AsyncGenerator[FakeNode]:
    """A node with a model in memory whose template leaves the last message open, and one that embeds."""
    made = FakeNode([FakeModel(name=SMALL, template=OPEN), FakeModel(name=LARGE), FakeModel(name=EMBED, kind="embed")])
    made.loaded |= {SMALL: 256, EMBED: 64}
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def database(new_database: Callable[[], str]) -> AsyncGenerator[Database]:
    """An empty database of the test's own."""
    async with make_pool(new_database(), size=2, wait_s=5.0) as pool:
        yield Database(pool, Metrics(CollectorRegistry()))


def _prover(
    replica: Replica, database: Database, clock: Callable[[], float], seen: Seen | None = None
) -> tuple[Prover, Continuations]:
    known = Continuations()
    own = replica.own_calls(seen)
    rows = ContinuationRows(database, known)
    return Prover(replica.fleet, own, known, rows, replica.store, clock=clock), known


async def test_a_model_that_gives_the_rest_of_its_answer_is_known_to_go_on_at_every_replica(
    node: FakeNode, database: Database, redis_url: str
) -> None:
    node.script(text=WHOLE, model=SMALL)
    node.script(text=REST, model=SMALL)
    async with AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(open_replica(catalogue([node]), redis_url)) for _ in range(2)]
        one, other = (_prover(replica, database, time.monotonic) for replica in replicas)
        await asyncio.gather(one[0].prove(), other[0].prove())
        for prover, known in (one, other):
            await prover.prove()
            assert known.find(SMALL, DIGEST) is Continuation.GOES_ON
        assert await replicas[0].store.client.get("sy:node:n0") is None
    question, first = {"role": "user", "content": QUESTIONS[0]}, {"role": "assistant", "content": FIRST}
    assert [call.body["messages"] for call in node.calls] == [[question], [question, first]]
    sampled = [msgspec.convert(call.body["options"], dict[str, float]) for call in node.calls]
    assert [options["temperature"] for options in sampled] == [0.0, 0.0]
    assert not any(call.loaded for call in node.calls)


@pytest.mark.requirement("ORC-50.proofs")
async def test_between_its_questions_a_proof_gives_its_slot_back(
    node: FakeNode, database: Database, redis_url: str
) -> None:
    asked_before: list[int] = []
    async with open_replica(catalogue([node], slots=1), redis_url) as replica:
        seen = Seen()
        prover, known = _prover(replica, database, time.monotonic, seen)
        release = replica.leases.release

        async def noted(lease: Lease) -> int:
            asked_before.append(len(node.calls))
            return await release(lease)

        replica.leases.release = noted
        node.script(text=WHOLE, model=SMALL)
        node.script(text=REST, model=SMALL)
        await prover.prove()
    assert (known.find(SMALL, DIGEST), asked_before) == (Continuation.GOES_ON, [1, 2])
    spent = [
        (one.account, one.model, one.digest, one.outcome, one.output_tokens, one.gpu_us > 0) for one in seen.usages
    ]
    proof = Account(purpose=Purpose.PROOF)
    assert spent == [(proof, SMALL, DIGEST, Outcome.DONE, call.tokens, True) for call in node.calls]


@pytest.mark.parametrize("said", ["\nThe answer is:", WHOLE])
async def test_a_model_that_begins_a_new_answer_is_known_not_to_go_on(
    node: FakeNode, database: Database, redis_url: str, said: str
) -> None:
    for _ in QUESTIONS:
        node.script(text=WHOLE, model=SMALL)
        node.script(text=said, anew=True, model=SMALL)
    async with open_replica(catalogue([node]), redis_url) as replica:
        prover, known = _prover(replica, database, time.monotonic)
        await prover.prove()
    assert known.find(SMALL, DIGEST) is Continuation.ANEW


async def test_a_model_whose_template_closes_every_message_is_not_tried(
    node: FakeNode, database: Database, redis_url: str
) -> None:
    node.models[SMALL] = FakeModel(name=SMALL)
    async with open_replica(catalogue([node]), redis_url) as replica:
        prover, known = _prover(replica, database, time.monotonic)
        await prover.prove()
    assert (known.find(SMALL, DIGEST), node.calls) == (Continuation.CLOSED, [])


async def test_a_model_that_is_not_in_memory_or_is_forbidden_to_go_on_is_left_alone(
    node: FakeNode, database: Database, redis_url: str
) -> None:
    async with open_replica(catalogue([node], continues=False), redis_url) as replica:
        await _prover(replica, database, time.monotonic)[0].prove()
    node.loaded.clear()
    async with open_replica(catalogue([node]), redis_url) as replica:
        await _prover(replica, database, time.monotonic)[0].prove()
    assert node.calls == []


async def test_a_proof_that_broke_off_says_nothing_and_is_tried_again_later(
    node: FakeNode, database: Database, redis_url: str
) -> None:
    clock = Clock()
    async with open_replica(catalogue([node]), redis_url) as replica:
        prover, known = _prover(replica, database, clock)
        node.script(status=500)
        await prover.prove()
        await prover.prove()
        assert (known.find(SMALL, DIGEST), len(node.calls)) == (None, 1)
        clock.ahead_s += AGAIN_S
        await replica.store.client.flushall()
        node.script(text=WHOLE)
        node.script(text=REST)
        await prover.prove()
        assert known.find(SMALL, DIGEST) is Continuation.GOES_ON


async def test_without_a_proof_an_answer_begins_again_and_nothing_is_spliced(node: FakeNode, redis_url: str) -> None:
    node.models[SMALL] = FakeModel(name=SMALL, digest="e" * 64)
    async with open_replica(catalogue([node]), redis_url) as replica:
        shown: list[str] = ["half an ans"]
        answer = await replica.dispatcher.chat(
            ask(prefix="half an ans"), on_route=lambda _: None, on_delta=shown.append, on_restart=shown.clear,
            on_usage=lambda _: None,
        )  # fmt: skip
    assert "".join(shown) == answer.text
    assert node.calls[0].body["messages"] == [{"role": "user", "content": "hello there"}]
