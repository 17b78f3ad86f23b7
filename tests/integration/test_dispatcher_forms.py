"""Answers with a form, and readers that cannot take back: half of an answer is never passed off as one."""

import json
from collections.abc import AsyncGenerator

import msgspec
import pytest

from app.errors import AbilityMissing, AnswerBroken
from app.inference.words.abilities import Ability
from app.inference.words.ends import FinishReason
from app.inference.words.messages import Message
from app.inference.words.route import Reason
from app.inference.words.sampling import PLAIN_JSON
from app.inference.words.tiers import Tier
from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeModel
from tests.fakes.words import numbers_of
from tests.integration.inference_fixtures import LARGE, SMALL, Replica, Seen, ask, catalogue, chat, fake, open_replica

pytestmark = pytest.mark.integration

ADD = msgspec.Raw(b'{"type":"function","function":{"name":"add","parameters":{"type":"object"}}}')


@pytest.fixture
async def nodes() -> AsyncGenerator[list[FakeNode]]:
    """Two fake nodes whose small model is in memory and knows tools."""
    made = [fake(), fake()]
    for node in made:
        await node.start()
        node.models[SMALL] = FakeModel(name=SMALL, knows_tools=True)
        node.loaded[SMALL] = 2048
    yield made
    for node in made:
        await node.stop()


@pytest.fixture
async def replica(nodes: list[FakeNode], redis_url: str) -> AsyncGenerator[Replica]:
    """A replica over both."""
    async with open_replica(catalogue(nodes), redis_url) as opened:
        yield opened


async def test_with_tools_an_answer_begins_again_and_a_broken_half_of_a_call_is_dropped(
    replica: Replica, nodes: list[FakeNode]
) -> None:
    call = {"function": {"name": "add", "arguments": {"a": 1}}}
    nodes[0].script(raw=json.dumps({"message": {"content": "", "tool_calls": [call]}}), raw_after=3, die_after=9)
    nodes[1].script(tool_calls=[call])
    seen = Seen()
    answer = await chat(replica, ask(tools=(ADD,)), seen)
    assert (seen.restarts, answer.route.reason) == (1, Reason.RESTARTED)
    assert [bytes(asked.function.arguments) for asked in answer.tool_calls] == [b'{"a":1}']
    assert answer.finish_reason is FinishReason.TOOL_CALLS
    assert nodes[1].calls[0].body["tools"] == [json.loads(bytes(ADD))]


@pytest.mark.parametrize("form", [{"tools": (ADD,)}, {"response_schema": PLAIN_JSON}])
async def test_a_reader_that_cannot_take_back_is_told_that_an_answer_with_a_form_broke(
    replica: Replica, nodes: list[FakeNode], form: dict[str, object]
) -> None:
    nodes[0].script(die_after=9)
    seen = Seen()
    with pytest.raises(AnswerBroken) as broken:
        await chat(replica, ask("hello there", takes_back=False, **form), seen)
    assert (broken.value.facts["node"], broken.value.facts["failure"]) == ("n0", "incomplete")
    assert (numbers_of(seen.text), seen.restarts, len(nodes[1].calls)) == (list(range(9)), 0, 0)


async def test_a_reader_that_cannot_take_back_has_the_text_continued_by_the_same_digest_alone(
    nodes: list[FakeNode], redis_url: str
) -> None:
    nodes[1].models[SMALL] = FakeModel(name=SMALL, digest="e" * 64)
    nodes[0].script(die_after=9)
    async with open_replica(catalogue(nodes), redis_url) as replica:
        seen = Seen()
        answer = await chat(replica, ask(takes_back=False), seen)
    assert (numbers_of(seen.text), seen.restarts) == (list(range(24)), 0)
    assert (answer.continued, answer.route.node, len(nodes[1].calls)) == (True, "n0", 0)


async def test_before_the_first_word_a_reader_that_cannot_take_back_is_served_elsewhere(
    replica: Replica, nodes: list[FakeNode]
) -> None:
    nodes[0].script(die_after=0)
    answer = await chat(replica, ask(takes_back=False, response_schema=PLAIN_JSON), Seen())
    assert (answer.route.reason, answer.route.node) == (Reason.RETRY, "n1")


async def test_pictures_go_to_the_one_model_that_sees_and_nowhere_without_one(
    nodes: list[FakeNode], redis_url: str
) -> None:
    looked_at = Message("user", "what is this?", images=("aGk=",))
    nodes[1].models[LARGE] = FakeModel(name=LARGE, digest="e" * 64, sees=True)
    async with open_replica(catalogue(nodes), redis_url) as replica:
        await replica.learn()
        seen = await chat(replica, ask(tier=Tier.SIMPLE, messages=(looked_at,)), Seen())
        assert (seen.route.node, seen.route.model, seen.route.reason) == ("n1", LARGE, Reason.ESCALATED_TIER)
        assert seen.route.asking.abilities == (Ability.VISION,)
        with pytest.raises(AbilityMissing) as missing:
            await chat(replica, ask(tier=Tier.SIMPLE, model=SMALL, messages=(looked_at,)), Seen())
        assert missing.value.facts == {"ability": "vision", "wanted": SMALL}
        assert [len(node.calls) for node in nodes] == [0, 1]
