"""Calls through the dispatcher to fake nodes: placed, streamed, metered, and moved when a node breaks."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import msgspec
import pytest

from app.breaker import BreakerState
from app.errors import ContextTooLong, ContractUnmet, DeadlineExceeded, ModelUnknown, NoNodeAvailable
from app.inference.words.contract import Contract
from app.inference.words.ends import FinishReason
from app.inference.words.records import Message, Outcome
from app.inference.words.route import Exclusion, Reason
from app.inference.words.tiers import Tier, TierReason
from tests.fakes.node import FakeNode
from tests.fakes.words import numbers_of
from tests.integration.inference_fixtures import (
    ACCOUNT,
    EMBED,
    LARGE,
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


@pytest.fixture
async def nodes() -> AsyncGenerator[list[FakeNode]]:
    """Two fake nodes."""
    made = [fake(), fake()]
    for node in made:
        await node.start()
    yield made
    for node in made:
        await node.stop()


@pytest.fixture
async def replica(nodes: list[FakeNode], redis_url: str) -> AsyncGenerator[Replica]:
    """A replica over both."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(open_replica(catalogue(nodes), redis_url))


@pytest.mark.requirement("FIN-06.answers")
async def test_an_answer_streams_and_carries_its_route_and_record(replica: Replica, nodes: list[FakeNode]) -> None:
    seen = Seen()
    answer = await chat(replica, ask(), seen)
    assert answer.text == seen.text
    assert numbers_of(answer.text) == list(range(24))
    assert seen.routes == [answer.route]
    assert (answer.route.tier, answer.route.tier_reason) == (Tier.SIMPLE, TierReason.ASKED_FOR)
    assert answer.route.digest == nodes[0].models[SMALL].sha
    assert {one.node for one in answer.route.candidates} == {"n0", "n1"}
    usage = answer.usage
    assert (usage.outcome, usage.output_tokens, usage.route) == (Outcome.DONE, 24, answer.route)
    assert (usage.account, seen.usages) == (ACCOUNT, [usage])
    assert usage.input_tokens == nodes[0].calls[0].tokens - 24 + 4
    assert 0 < usage.gpu_us <= usage.load_us + usage.prefill_us + usage.decode_us
    assert usage.ended_at > usage.started_at
    assert answer.degraded == ()


async def test_every_call_says_its_context_size_and_forbids_cutting(replica: Replica, nodes: list[FakeNode]) -> None:
    await chat(replica, ask(seed=7, temperature=0.5), Seen())
    body = nodes[0].calls[0].body
    assert body["options"] == {"num_ctx": 256, "num_predict": 64, "temperature": 0.5, "seed": 7}
    assert (body["truncate"], body["shift"], body["stream"]) == (False, False, True)


@pytest.mark.requirement("FIN-93.sent")
async def test_a_node_is_asked_to_keep_a_model_for_as_long_as_its_entry_says(
    nodes: list[FakeNode], redis_url: str
) -> None:
    kept = {SMALL: "24h", LARGE: None, EMBED: "90m"}
    listed = catalogue(nodes[:1])
    models = tuple(msgspec.structs.replace(model, keep_alive=kept[model.name]) for model in listed.models)
    async with open_replica(msgspec.structs.replace(listed, models=models), redis_url) as replica:
        for tier in (Tier.SIMPLE, Tier.COMPLEX):
            await chat(replica, ask(tier=tier), Seen())
        await embed(replica, ["alpha"], Seen())
    assert {call.model: call.body.get("keep_alive") for call in nodes[0].calls} == kept


async def test_a_prompt_gets_the_smallest_context_that_it_fits(replica: Replica, nodes: list[FakeNode]) -> None:
    await chat(replica, ask("word " * 150), Seen())
    assert msgspec.convert(nodes[0].calls[0].body["options"], dict[str, object])["num_ctx"] == 1024


async def test_a_context_that_proves_too_small_is_made_larger(replica: Replica, nodes: list[FakeNode]) -> None:
    # A one-letter word is a token of the fake, but less than one of the estimate.
    seen = Seen()
    answer = await chat(replica, ask("a " * 260, max_tokens=10), seen)
    sizes = [
        msgspec.convert(call.body["options"], dict[str, object])["num_ctx"] for node in nodes for call in node.calls
    ]
    assert sizes == [256, 1024]
    assert [record.outcome for record in seen.broken] == [Outcome.FAILED]
    assert answer.finish_reason is FinishReason.LENGTH


async def test_a_prompt_that_fits_nowhere_is_refused_with_the_limit(replica: Replica, nodes: list[FakeNode]) -> None:
    with pytest.raises(ContextTooLong) as refused:
        await chat(replica, ask("many " * 20_000), Seen())
    assert refused.value.facts == {"limit_tokens": 1024, "at_least_tokens": 20_000}
    assert not any(node.calls for node in nodes)


async def test_a_session_goes_back_to_the_node_that_knows_it(replica: Replica) -> None:
    # Too short to measure a speed by: two fakes on one machine are never equally fast.
    for number in (0, 1):
        first = await chat(replica, ask(last_node=f"n{number}", max_tokens=8), Seen())
        assert first.route.node == "n0"
    await replica.look()
    replica.fleet.drain({"n0"})
    other = await chat(replica, ask(max_tokens=8), Seen())
    replica.fleet.drain(())
    assert other.route.node == "n1"
    again = await chat(replica, ask(last_node="n1", max_tokens=8), Seen())
    assert (again.route.node, again.route.reason) == ("n1", Reason.AFFINITY)


async def test_text_is_stripped_of_what_cannot_be_stored(replica: Replica, nodes: list[FakeNode]) -> None:
    nodes[0].script(text="a\x00b", raw='{"message":{"content":"\\ud800c"}}', raw_after=0)
    seen = Seen()
    answer = await chat(replica, ask(), seen)
    assert answer.text == seen.text == "cab"


@pytest.mark.requirement("FIN-13.simple", "FIN-13.medium", "FIN-13.complex", "FIN-13.before")
async def test_a_question_without_a_tier_is_rated_and_no_model_is_asked_for_that(
    replica: Replica, nodes: list[FakeNode]
) -> None:
    rated: list[tuple[Tier, TierReason, str]] = []
    for question in (
        "What is the warranty period?",
        "Explain how the loyalty points work.",
        "Compare the two plans for a team of 12 over three years and explain which is cheaper and why.",
    ):
        route = (await chat(replica, ask(question, tier=None), Seen())).route
        rated.append((route.tier, route.tier_reason, route.model))
    assert rated == [
        (Tier.SIMPLE, TierReason.RATED, SMALL),
        (Tier.MEDIUM, TierReason.RATED, SMALL),
        (Tier.COMPLEX, TierReason.RATED, LARGE),
    ]
    assert sorted(call.model for node in nodes for call in node.calls) == sorted([SMALL, SMALL, LARGE])


async def test_a_named_model_is_used_and_an_unknown_one_refused(replica: Replica) -> None:
    answer = await chat(replica, ask(tier=None, model=LARGE), Seen())
    assert (answer.route.model, answer.route.tier) == (LARGE, Tier.COMPLEX)
    with pytest.raises(ModelUnknown):
        await chat(replica, ask(model="nobody:1b"), Seen())


async def test_without_a_node_for_the_tier_another_answers_and_says_so(replica: Replica, nodes: list[FakeNode]) -> None:
    for node in nodes:
        del node.models[LARGE]
    await replica.look()
    answer = await chat(replica, ask(tier=Tier.COMPLEX), Seen())
    assert (answer.route.tier, answer.route.reason, answer.degraded) == (Tier.MEDIUM, Reason.DEGRADED_TIER, ("tier",))
    missing = [one for one in answer.route.candidates if one.excluded is Exclusion.MODEL_MISSING]
    assert {one.node for one in missing} == {"n0", "n1"}
    assert answer.route.asking.floor is Tier.COMPLEX


async def test_a_contract_has_no_answer_rather_than_another_one(replica: Replica, nodes: list[FakeNode]) -> None:
    keeps = Contract(no_degrade=True)
    assert (await chat(replica, ask(tier=Tier.COMPLEX, contract=keeps), Seen())).route.asking.contract == keeps
    for node in nodes:
        del node.models[LARGE]
    await replica.look()
    seen = Seen()
    with pytest.raises(ContractUnmet) as unmet:
        await chat(replica, ask(tier=Tier.COMPLEX, contract=keeps, patience_s=60.0), seen)
    assert unmet.value.facts["term"] == "no_degrade"
    assert sum(len(node.calls) for node in nodes) == 1
    with pytest.raises(ContractUnmet):
        await replica.dispatcher.ready(Tier.COMPLEX, ACCOUNT, contract=keeps)
    raised = Contract(min_tier=Tier.COMPLEX)
    with pytest.raises(ContractUnmet):
        await chat(replica, ask(tier=Tier.SIMPLE, contract=raised), seen)


async def test_ready_fails_at_once_when_no_node_answers(replica: Replica, nodes: list[FakeNode]) -> None:
    await replica.dispatcher.ready(Tier.COMPLEX, ACCOUNT)
    for node in nodes:
        await node.stop()
    await replica.look()
    await replica.look()
    with pytest.raises(NoNodeAvailable) as refused:
        await replica.dispatcher.ready(None, ACCOUNT)
    assert "n0: node_down" in str(refused.value.facts["nodes"])


async def test_given_text_is_continued_as_the_assistants_own(replica: Replica, nodes: list[FakeNode]) -> None:
    whole = (await chat(replica, ask(), Seen())).text
    shown = whole[: whole.index("10 ")] + "10 "
    seen = Seen()
    answer = await chat(replica, ask(prefix=shown), seen)
    assert shown + answer.text == whole
    assert seen.restarts == 0
    assert msgspec.convert(nodes[0].calls[1].body["messages"], list[Message])[-1] == Message("assistant", shown)


async def test_given_text_is_dropped_where_the_model_cannot_continue(nodes: list[FakeNode], redis_url: str) -> None:
    async with open_replica(catalogue(nodes, continues=False), redis_url) as replica:
        seen = Seen(text="half an ans")
        answer = await chat(replica, ask(prefix="half an ans", prefix_tokens=48), seen)
        assert seen.restarts == 1
        assert answer.text == seen.text
        assert numbers_of(answer.text) == list(range(24))
        # What was dropped takes nothing from what is said instead.
        assert msgspec.convert(nodes[0].calls[0].body["options"], dict[str, float])["num_predict"] == 64


async def test_cancelling_stops_the_node_frees_the_slot_and_leaves_a_record(redis_url: str) -> None:
    node = fake(slots=1, tokens_per_s=100, answer_tokens=1000)
    await node.start()
    async with open_replica(catalogue([node], slots=1), redis_url) as replica:
        seen = Seen()
        task = asyncio.create_task(chat(replica, ask(max_tokens=1000), seen))
        await until(lambda: len(seen.text.split()) > 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: node.calls[0].aborted)
        assert [(one.outcome, one.output_tokens >= 4) for one in seen.broken] == [(Outcome.CANCELLED, True)]
        assert seen.broken[0].gpu_us > 0
        node.script(text="next")
        assert (await chat(replica, ask(), Seen())).text == "next"
    await node.stop()


async def test_a_call_that_passes_its_deadline_is_stopped_and_no_node_is_blamed(redis_url: str) -> None:
    node = fake(tokens_per_s=50, answer_tokens=1000)
    await node.start()
    async with open_replica(catalogue([node]), redis_url) as replica:
        seen = Seen()
        for _ in range(4):
            with pytest.raises(DeadlineExceeded, match=r"0\.1 s"):
                await chat(replica, ask(max_tokens=1000, deadline_s=0.1, patience_s=60.0), seen)
        assert [one.outcome for one in seen.broken] == [Outcome.CANCELLED] * 4
        assert BreakerState.OPEN not in replica.fleet.view("n0").breakers.values()
        assert [sample for metric in replica.metrics.call_failures.collect() for sample in metric.samples] == []
    await node.stop()


@pytest.mark.requirement("FIN-06.vectors")
async def test_texts_become_vectors_in_order_and_long_ones_are_not_cut_off(replica: Replica) -> None:
    long_text = "alpha " * 200 + "omega " * 200
    embedding = await embed(replica, ["alpha", long_text, "omega", ""], Seen())
    alpha, both, omega, _ = embedding.vectors
    near_alpha = sum(x * y for x, y in zip(alpha, both, strict=True))
    near_omega = sum(x * y for x, y in zip(omega, both, strict=True))
    assert near_alpha == pytest.approx(near_omega, abs=0.1)
    assert near_omega > 0.6
    assert sum(x * y for x, y in zip(alpha, omega, strict=True)) < 0.4
    assert (embedding.used.tier, embedding.used.outcome) == (None, Outcome.DONE)
    assert embedding.used.input_tokens > 400


async def test_a_conversation_is_known_at_every_replica_by_what_a_node_has_read(
    nodes: list[FakeNode], redis_url: str
) -> None:
    long = "Tell me all that there is to know about lamps. " * 40
    declared = catalogue(nodes)
    async with open_replica(declared, redis_url) as one, open_replica(declared, redis_url) as other:
        for replica in (one, other):
            await replica.look()
        one.fleet.drain({"n0"})
        first = await chat(one, ask(long, max_tokens=8), Seen())
        assert first.route.node == "n1"
        await one.prefixes.flush()
        # On both nodes the model is in memory now, so that only what was read tells them apart.
        other.fleet.drain({"n1"})
        await chat(other, ask("Say something else of it. " * 70, max_tokens=8), Seen())
        other.fleet.drain(())
        await other.look()
        messages = (Message("user", long), Message("assistant", first.text), Message("user", "And what else?"))
        again = await chat(other, ask(messages=messages, max_tokens=8), Seen())
        chosen = next(one for one in again.route.candidates if one.node == "n1" and one.tier is Tier.SIMPLE)
        assert (again.route.node, again.route.reason) == ("n1", Reason.AFFINITY)
        assert chosen.cached_tokens > 0.9 * again.route.asking.prompt_tokens
