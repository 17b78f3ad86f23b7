"""Every way in which a node can break, before and after the first token."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import replace

import msgspec
import pytest

from app.breaker import BreakerState
from app.errors import AnswerEmpty, NodeFailed, NodeRefused, NoNodeAvailable
from app.inference.words.records import Outcome
from app.inference.words.route import Reason
from tests.fakes.node import FakeNode
from tests.fakes.words import numbers_of
from tests.integration.inference_fixtures import (
    QUICK,
    SMALL,
    Replica,
    Seen,
    ask,
    catalogue,
    chat,
    embed,
    fake,
    open_replica,
    until,
)

pytestmark = pytest.mark.integration

BEFORE_THE_FIRST_TOKEN: dict[str, dict[str, object]] = {
    "connect": {"die_after": 0},
    "busy": {"status": 503, "error": "server busy, please try again.  maximum pending requests exceeded"},
    "model_missing": {"status": 404, "error": "model 'small:1b' not found"},
    "server_error": {"status": 500, "error": "model runner has unexpectedly stopped"},
    "error_line": {"error_after": 0},
    "incomplete": {"eof_after": 0},
    "garbage": {"raw": "this is not JSON"},
    "late": {"hang_after": 0},
}
AFTER_SOME: dict[str, dict[str, object]] = {
    "incomplete": {"eof_after": 9},
    "died": {"die_after": 9},
    "error_line": {"error_after": 9},
    "gap": {"hang_after": 9},
    "garbage": {"raw": '{"message": 7}', "raw_after": 9},
    "line_too_long": {"raw": "x" * 1_100_000, "raw_after": 9},
}


@pytest.fixture
async def nodes() -> AsyncGenerator[list[FakeNode]]:
    """Two fake nodes that have the small model in memory."""
    made = [fake(), fake()]
    for node in made:
        node.loaded[SMALL] = 256
        await node.start()
    yield made
    for node in made:
        await node.stop()


@pytest.fixture
async def replica(nodes: list[FakeNode], redis_url: str) -> AsyncGenerator[Replica]:
    """A replica over both."""
    async with open_replica(catalogue(nodes), redis_url) as opened:
        yield opened


@pytest.mark.parametrize("how", BEFORE_THE_FIRST_TOKEN)
async def test_a_call_moves_to_another_node_before_the_first_token(
    replica: Replica, nodes: list[FakeNode], how: str
) -> None:
    nodes[0].script(**BEFORE_THE_FIRST_TOKEN[how])
    seen = Seen()
    answer = await chat(replica, ask(), seen)
    assert [route.node for route in seen.routes] == ["n0", "n1"]
    assert (answer.route.reason, answer.continued) == (Reason.RETRY, False)
    assert numbers_of(answer.text) == list(range(24))
    assert [(one.node, one.outcome) for one in seen.broken] == [("n0", Outcome.FAILED)]
    failures = replica.metrics.call_failures.labels("n0", how)
    assert failures._value.get() == 1  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("how", AFTER_SOME)
async def test_an_answer_is_continued_by_another_node_with_the_same_model(
    replica: Replica, nodes: list[FakeNode], how: str
) -> None:
    nodes[0].script(**AFTER_SOME[how])
    seen = Seen()
    answer = await chat(replica, ask(temperature=0.8), seen)
    assert numbers_of(seen.text) == list(range(24))
    assert answer.text == seen.text
    assert seen.restarts == 0
    assert (answer.route.reason, answer.continued, answer.route.node) == (Reason.CONTINUED, True, "n1")
    assert [one.output_tokens for one in seen.broken] == [9]
    assert answer.usage.output_tokens == 15


async def test_wherever_a_stream_is_cut_the_reader_gets_every_word_once(
    nodes: list[FakeNode], redis_url: str, seeded: Callable[..., random.Random], *, is_full: bool
) -> None:
    count = 1000 if is_full else 40
    rng = seeded(count, of=1000)
    for _ in range(count // 10):
        # A fresh replica for every ten: its budget of retries allows no more in a row.
        async with open_replica(catalogue(nodes), redis_url) as replica:
            for _ in range(10):
                for node in nodes:
                    node.scripts.clear()
                how = rng.choice(["die_after", "eof_after", "error_after"])
                nodes[0].script(**{how: rng.randrange(25)})
                seen = Seen()
                answer = await chat(replica, ask(temperature=0.8), seen)
                assert numbers_of(seen.text) == list(range(24))
                assert (answer.text, seen.restarts) == (seen.text, 0)


@pytest.mark.parametrize("goes_on", [True, False])
async def test_a_node_killed_at_each_token_of_an_answer_costs_the_reader_nothing(
    redis_url: str, *, goes_on: bool
) -> None:
    made = [fake(answer_tokens=40), fake(answer_tokens=40)]
    for node in made:
        node.loaded[SMALL] = 256
        await node.start()
    # Whichever is asked first takes the script.
    made[1].scripts = made[0].scripts
    declared = catalogue(made, continues=goes_on)
    async with open_replica(declared, redis_url) as replica:
        whole = (await chat(replica, ask(), Seen())).text
    for tens in range(4):
        # A fresh replica for every ten: its budget of retries allows no more in a row.
        async with open_replica(declared, redis_url) as replica:
            for at in range(10 * tens, 10 * tens + 10):
                made[0].script(die_after=at)
                seen = Seen()
                answer = await chat(replica, ask(), seen)
                restarts = int(at > 0 and not goes_on)
                assert (seen.text, answer.text, seen.restarts) == (whole, whole, restarts), at
                assert answer.continued is (goes_on and at > 0), at
    for node in made:
        await node.stop()


async def test_another_digest_does_not_continue_but_begins_again(nodes: list[FakeNode], redis_url: str) -> None:
    nodes[1].models[SMALL] = type(nodes[1].models[SMALL])(name=SMALL, digest="e" * 64)
    nodes[0].script(die_after=9)
    async with open_replica(catalogue(nodes), redis_url) as replica:
        seen = Seen()
        answer = await chat(replica, ask(temperature=0.8), seen)
    assert seen.restarts == 1
    assert numbers_of(seen.text) == list(range(24))
    assert answer.text == seen.text
    assert (answer.route.reason, answer.continued) == (Reason.RESTARTED, False)


async def test_under_a_schema_an_answer_begins_again(replica: Replica, nodes: list[FakeNode]) -> None:
    nodes[0].script(die_after=9)
    seen = Seen()
    schema = msgspec.Raw(b'{"type":"object"}')
    answer = await chat(replica, ask(response_schema=schema), seen)
    assert (seen.restarts, answer.route.reason) == (1, Reason.RESTARTED)
    assert nodes[1].calls[0].body["format"] == {"type": "object"}


async def test_the_only_node_is_asked_again_after_it_broke(nodes: list[FakeNode], redis_url: str) -> None:
    nodes[0].script(die_after=9)
    nodes[0].script(status=503)
    async with open_replica(catalogue(nodes[:1]), redis_url) as replica:
        seen = Seen()
        answer = await chat(replica, ask(), seen)
    assert numbers_of(answer.text) == list(range(24))
    assert seen.restarts == 0


async def test_when_every_attempt_fails_the_call_fails(replica: Replica, nodes: list[FakeNode]) -> None:
    for node in nodes:
        node.script(status=500, times=-1)
    seen = Seen()
    with pytest.raises(NodeFailed) as failed:
        await chat(replica, ask(), seen)
    assert failed.value.facts["failure"] == "server_error"
    assert sum(len(node.calls) for node in nodes) == len(seen.broken) == 4


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_refused_request_is_not_tried_elsewhere_and_blames_no_node(
    replica: Replica, nodes: list[FakeNode], status: int
) -> None:
    nodes[0].script(status=status, error="invalid\nformat", times=4)
    for _ in range(4):
        with pytest.raises(NodeRefused, match=r"^invalid format$"):
            await chat(replica, ask(patience_s=60.0), Seen())
    assert nodes[1].calls == []
    assert replica.fleet.view("n0").breakers[SMALL] is BreakerState.CLOSED


@pytest.mark.parametrize("status", [401, 403, 404, 405, 429])
async def test_what_a_proxy_in_front_of_one_node_refuses_goes_to_another(
    replica: Replica, nodes: list[FakeNode], status: int
) -> None:
    nodes[0].script(status=status, error="no")
    assert (await chat(replica, ask(), Seen())).route.node == "n1"


async def test_a_model_that_keeps_failing_on_a_node_is_left_alone(replica: Replica, nodes: list[FakeNode]) -> None:
    nodes[0].script(status=500, times=-1)
    # So few tokens tell nothing of a node's speed: the other is not preferred for what was measured.
    nodes[1].script(model=SMALL, text="ok", times=-1)
    for number in range(4):
        assert (await chat(replica, ask(f"question {number}"), Seen())).route.node == "n1"
    assert len(nodes[0].calls) == 3
    assert replica.fleet.view("n0").breakers[SMALL] is BreakerState.OPEN


async def test_a_node_that_nothing_can_stand_in_for_is_tried_again_after_a_second(
    nodes: list[FakeNode], redis_url: str
) -> None:
    nodes[0].script(status=500, times=-1)
    async with open_replica(catalogue(nodes[:1]), redis_url, limits=replace(QUICK, attempts=1)) as replica:
        for number in range(3):
            with suppress(NodeFailed, NoNodeAvailable):
                await chat(replica, ask(f"question {number}"), Seen())
        view = replica.fleet.view("n0")
        assert view.breakers[SMALL] is BreakerState.OPEN
        await until(lambda: SMALL not in replica.fleet.view("n0").resting)
        nodes[0].scripts.clear()
        answer = await chat(replica, ask("is it well again?", model=SMALL), Seen())
        assert answer.route.reason is Reason.LAST_RESORT
        assert replica.fleet.view("n0").breakers[SMALL] is BreakerState.CLOSED


async def test_retries_are_bounded_over_all_calls(nodes: list[FakeNode], redis_url: str) -> None:
    nodes[0].script(error_after=0, times=-1)
    async with open_replica(catalogue(nodes[:1]), redis_url) as replica:
        calls = [chat(replica, ask(), Seen()) for _ in range(8)]
        ends = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(end, (NodeFailed, NoNodeAvailable)) for end in ends)
    assert len(nodes[0].calls) <= 8 + 11


async def test_a_node_that_stops_is_down_and_comes_back(replica: Replica, nodes: list[FakeNode]) -> None:
    await nodes[0].stop()
    answer = await chat(replica, ask(), Seen())
    assert (answer.route.node, answer.route.reason) == ("n1", Reason.RETRY)
    await replica.look()
    assert (await chat(replica, ask(), Seen())).route.reason is Reason.ONLY_CANDIDATE
    await nodes[0].start()
    await replica.look()
    assert {one.excluded for one in (await chat(replica, ask(), Seen())).route.candidates} == {None}


async def test_embeddings_move_to_another_node_too(replica: Replica, nodes: list[FakeNode]) -> None:
    nodes[0].script(status=500)
    nodes[1].script(vectors=[[1.0, float("1e999")]])
    seen = Seen()
    embedding = await embed(replica, ["alpha"], seen)
    assert len(embedding.vectors[0]) == 384
    assert [one.node for one in seen.broken] == ["n0", "n1"]


@pytest.mark.parametrize("vectors", [[], [[]], [[0.0, 0.0]]])
async def test_an_embedding_without_a_vector_is_asked_for_elsewhere(
    replica: Replica, nodes: list[FakeNode], vectors: list[list[float]]
) -> None:
    nodes[0].script(vectors=vectors)
    embedding = await embed(replica, ["alpha"], Seen())
    assert (len(embedding.vectors[0]), embedding.used.node) == (384, "n1")
    for node in nodes:
        node.script(vectors=vectors, times=-1)
    with pytest.raises(AnswerEmpty):
        await embed(replica, ["alpha"], Seen(), patience_s=60.0)
