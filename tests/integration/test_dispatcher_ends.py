"""An answer needs content: what comes of replies without any, of cut ones, and of thinking."""

from collections.abc import AsyncGenerator

import msgspec
import pytest

from app.breaker import BreakerState
from app.degradation import Degradation
from app.errors import AnswerEmpty
from app.inference.fleet.catalogue import Catalogue
from app.inference.words.ends import FinishReason
from app.inference.words.records import Outcome
from app.inference.words.route import Reason
from app.inference.words.thinking import Think, ThinkLevel
from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeModel
from tests.fakes.words import numbers_of
from tests.integration.inference_fixtures import SMALL, Replica, Seen, ask, catalogue, chat, fake, open_replica

pytestmark = pytest.mark.integration

EMPTY: dict[str, dict[str, object]] = {
    "nothing": {"text": ""},
    "white space": {"text": " \n\t\u200b"},
    "thinking": {"text": "", "thinking": "Hm."},
    "thinking and white space": {"text": "\n\n", "thinking": "Hm."},
    "thinking inside the text": {"text": "<think>Hm.</think>\n\n"},
    "thinking that is never closed": {"text": "<think>Hm, and then", "done_reason": "length"},
    "a model loaded": {"text": "", "done_reason": "load"},
}


@pytest.fixture
async def nodes() -> AsyncGenerator[list[FakeNode]]:
    """Two fake nodes that have the small model in memory; it can think."""
    made = [fake(), fake()]
    for node in made:
        node.models[SMALL] = FakeModel(name=SMALL, thinks=True)
        node.loaded[SMALL] = 256
        await node.start()
    yield made
    for node in made:
        await node.stop()


@pytest.fixture
async def replica(nodes: list[FakeNode], redis_url: str) -> AsyncGenerator[Replica]:
    """A replica over both, which knows that the model can think."""
    async with open_replica(thinking(catalogue(nodes), think=False), redis_url) as opened:
        yield opened


def thinking(declared: Catalogue, *, think: Think | None) -> Catalogue:
    """Return the catalogue with this setting of the small model."""
    changed = tuple(
        msgspec.structs.replace(model, think=think) if model.name == SMALL else model for model in declared.models
    )
    return msgspec.structs.replace(declared, models=changed)


@pytest.mark.parametrize("how", EMPTY)
async def test_a_reply_without_an_answer_is_asked_again_elsewhere(
    replica: Replica, nodes: list[FakeNode], how: str
) -> None:
    nodes[0].script(**EMPTY[how])
    seen = Seen()
    answer = await chat(replica, ask(), seen)
    assert ([route.node for route in seen.routes], answer.route.reason) == (["n0", "n1"], Reason.RETRY)
    assert numbers_of(seen.text) == numbers_of(answer.text) == list(range(24))
    # Nobody was shown the white space, so there was nothing to take back.
    assert seen.restarts == 0
    assert replica.metrics.call_failures.labels("n0", "empty")._value.get() == 1  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("how", EMPTY)
async def test_when_no_node_has_an_answer_the_call_fails_as_that(
    replica: Replica, nodes: list[FakeNode], how: str
) -> None:
    for node in nodes:
        node.script(**EMPTY[how], times=-1)
    seen = Seen()
    with pytest.raises(AnswerEmpty) as failed:
        # However patient the caller: nothing that comes later would help.
        await chat(replica, ask(patience_s=60.0), seen)
    assert (failed.value.code, failed.value.facts["model"], seen.text) == ("answer_empty", SMALL, "")
    assert sum(len(node.calls) for node in nodes) == len(seen.broken) == 4
    assert {record.outcome for record in seen.broken} == {Outcome.FAILED}


async def test_an_empty_reply_is_counted_as_the_node_counted_it(replica: Replica, nodes: list[FakeNode]) -> None:
    nodes[0].script(text="  ", thinking="Hmm.", eval_count=9)
    seen = Seen()
    await chat(replica, ask(), seen)
    (record,) = seen.broken
    assert (record.outcome, record.output_tokens, record.thinking_tokens) == (Outcome.FAILED, 9, 4)
    assert (record.finish_reason, record.first_token_us) == (FinishReason.STOP, 0)
    assert record.input_tokens == 4


async def test_no_breaker_opens_for_empty_replies(nodes: list[FakeNode], redis_url: str) -> None:
    nodes[0].script(text="", times=-1)
    async with open_replica(catalogue(nodes[:1]), redis_url) as replica:
        for number in range(4):
            with pytest.raises(AnswerEmpty):
                await chat(replica, ask(f"question {number}"), Seen())
        # Ten retries are in the budget of a fresh replica, and three belong to each call.
        assert len(nodes[0].calls) == 4 + 4 + 4 + 2
        assert replica.fleet.view("n0").breakers[SMALL] is BreakerState.CLOSED
        nodes[0].scripts.clear()
        assert numbers_of((await chat(replica, ask(), Seen())).text) == list(range(24))


@pytest.mark.parametrize("how", ["nothing", "white space"])
async def test_a_continuation_that_adds_nothing_ends_the_answer(
    replica: Replica, nodes: list[FakeNode], how: str
) -> None:
    nodes[0].script(die_after=24)
    nodes[1].script(**EMPTY[how])
    seen = Seen()
    answer = await chat(replica, ask(temperature=0.8), seen)
    assert (answer.continued, seen.restarts) == (True, 0)
    assert numbers_of(seen.text.rstrip("\u200b \n\t")) == list(range(24))


async def test_an_answer_that_was_shown_whole_before_a_takeover_needs_no_more(
    replica: Replica, nodes: list[FakeNode]
) -> None:
    nodes[0].script(text="")
    answer = await chat(replica, ask(prefix="All of it."), Seen())
    assert (answer.text, answer.finish_reason, len(nodes[1].calls)) == ("", FinishReason.STOP, 0)


async def test_what_begins_again_after_a_takeover_needs_an_answer_of_its_own(
    nodes: list[FakeNode], redis_url: str
) -> None:
    for node in nodes:
        node.script(text="", times=-1)
    async with open_replica(catalogue(nodes, continues=False), redis_url) as replica:
        with pytest.raises(AnswerEmpty):
            await chat(replica, ask(prefix="All of it."), Seen())


STOPS: list[tuple[dict[str, object], FinishReason]] = [
    ({}, FinishReason.STOP),
    ({"done_reason": "length"}, FinishReason.LENGTH),
    ({"done_reason": "", "eval_count": 64}, FinishReason.LENGTH),
    ({"done_reason": "", "eval_count": 63}, FinishReason.STOP),
    ({"done_reason": "content_filter"}, FinishReason.OTHER),
    ({"tool_calls": [{"function": {"name": "add"}}]}, FinishReason.TOOL_CALLS),
]


@pytest.mark.parametrize(("script", "reason"), STOPS)
async def test_why_a_model_stopped_reaches_answer_record_and_metric(
    replica: Replica, nodes: list[FakeNode], script: dict[str, object], reason: FinishReason
) -> None:
    nodes[0].script(**script)
    answer = await chat(replica, ask(max_tokens=64), Seen())
    assert (answer.finish_reason, answer.usage.finish_reason) == (reason, reason)
    for one in FinishReason:
        counted = replica.metrics.answers.labels("simple", "n0", SMALL, one)
        assert counted._value.get() == int(one is reason)  # pyright: ignore[reportPrivateUsage]


async def test_a_model_that_reaches_its_limit_says_so(replica: Replica) -> None:
    answer = await chat(replica, ask(max_tokens=5), Seen())
    assert (numbers_of(answer.text), answer.finish_reason) == (list(range(5)), FinishReason.LENGTH)


async def test_tool_calls_alone_are_an_answer_of_a_call(replica: Replica, nodes: list[FakeNode]) -> None:
    nodes[0].script(text="", tool_calls=[{"function": {"name": "add", "arguments": {"a": 1}}}])
    answer = await chat(replica, ask(), Seen())
    assert (answer.text, answer.finish_reason, len(answer.tool_calls)) == ("", FinishReason.TOOL_CALLS, 1)


@pytest.mark.parametrize(("line_end", "last"), [("\n", ""), ("\r\n", "\r\n"), ("\r\n", ""), ("\n\r\n", "\n\n")])
async def test_lines_are_read_whatever_ends_them(
    replica: Replica, nodes: list[FakeNode], line_end: str, last: str
) -> None:
    nodes[0].script(line_end=line_end, last_line_end=last)
    answer = await chat(replica, ask(), Seen())
    assert (numbers_of(answer.text), answer.route.node) == (list(range(24)), "n0")


@pytest.mark.parametrize(
    ("asked", "setting", "sent"),
    [
        (None, None, False),
        (None, False, False),
        (None, True, True),
        (None, ThinkLevel.LOW, "low"),
        (False, True, False),
        (True, False, True),
        (ThinkLevel.HIGH, True, "high"),
        # A model that is not said to think is never asked to.
        (True, None, False),
    ],
)
async def test_a_request_says_whether_a_model_thinks_else_its_setting_does(
    nodes: list[FakeNode], redis_url: str, asked: Think | None, setting: Think | None, sent: object
) -> None:
    async with open_replica(thinking(catalogue(nodes), think=setting), redis_url) as replica:
        seen = Seen()
        answer = await chat(replica, ask(think=asked), seen)
    assert nodes[0].calls[0].body["think"] == sent
    assert (answer.thinking, seen.thinking) == (("let me see",) * 2 if sent else ("", ""))
    assert numbers_of(seen.text) == list(range(24))
    assert (Degradation.THINKING in answer.degraded) is (asked is True and setting is None)


async def test_thinking_is_counted_and_is_no_text(replica: Replica, nodes: list[FakeNode]) -> None:
    nodes[0].script(thinking="Hmm.", text="Four.")
    answer = await chat(replica, ask(), Seen())
    assert (answer.text, answer.thinking) == ("Four.", "Hmm.")
    assert (answer.usage.output_tokens, answer.usage.thinking_tokens) == (9, 4)
    where = ("simple", "n0", SMALL)
    assert replica.metrics.thinking_tokens.labels(*where)._value.get() == 4  # pyright: ignore[reportPrivateUsage]
    assert replica.metrics.output_tokens.labels(*where)._value.get() == 9  # pyright: ignore[reportPrivateUsage]


async def test_thinking_inside_the_text_is_taken_out_and_counted(replica: Replica, nodes: list[FakeNode]) -> None:
    nodes[0].script(text="<think>Is a < b?</think>\nYes: a < b.")
    seen = Seen()
    answer = await chat(replica, ask(), seen)
    assert (seen.text, answer.text, seen.thinking) == ("Yes: a < b.", "Yes: a < b.", "Is a < b?")
    # A character is a token here. The `<` waits for the next one, and the two are then one piece: at least 8 of 9.
    assert (answer.usage.thinking_tokens, answer.usage.output_tokens) == (8, 36)


async def test_thinking_that_a_template_began_is_taken_back(replica: Replica, nodes: list[FakeNode]) -> None:
    nodes[0].script(text="Is it 4?\n</think>\n\nIt is 4.")
    seen = Seen()
    answer = await chat(replica, ask(), seen)
    assert (seen.text, answer.text, seen.restarts) == ("It is 4.", "It is 4.", 1)
    assert seen.thinking == "Is it 4?\n"


async def test_thinking_is_life_for_every_time_limit(replica: Replica, nodes: list[FakeNode]) -> None:
    """`first_token_s` is 1.0 and `gap_s` 0.5 here; the thinking takes 1.5 s, with 0.15 s between its tokens."""
    nodes[0].script(thinking="Hmm, hm hm", text="Four.", tokens_per_s=7)
    answer = await chat(replica, ask(), Seen())
    assert (answer.text, answer.route.node) == ("Four.", "n0")
    assert answer.usage.first_token_us > 1_000_000


async def test_a_node_that_stops_in_the_middle_of_a_thought_is_left(replica: Replica, nodes: list[FakeNode]) -> None:
    nodes[0].script(thinking="Hmm, hm hm", hang_after=6)
    seen = Seen()
    answer = await chat(replica, ask(think=True), seen)
    assert answer.route.node == "n1"
    # Thinking of the node that broke is paid for, and forgotten: nobody can go on with it.
    (record,) = seen.broken
    assert (record.output_tokens, record.thinking_tokens, record.first_token_us) == (6, 6, 0)
    # The prompt was read: it counts with its estimate.
    assert record.input_tokens == 12
    assert record.gpu_us > 400_000
    assert (seen.thinking, answer.thinking) == ("let me see", "let me see")
    assert msgspec.convert(nodes[1].calls[0].body["options"], dict[str, object])["num_predict"] == 64


async def test_who_goes_on_with_a_text_does_not_think_again(replica: Replica, nodes: list[FakeNode]) -> None:
    nodes[0].script(die_after=9)
    seen = Seen()
    answer = await chat(replica, ask(think=True, temperature=0.8), seen)
    assert [node.calls[0].body["think"] for node in nodes] == [True, False]
    assert (numbers_of(seen.text), seen.thinking, answer.thinking) == (list(range(24)), "let me see", "let me see")


async def test_a_model_that_cannot_think_after_all_is_asked_without(nodes: list[FakeNode], redis_url: str) -> None:
    """Ollama refuses with `"…" does not support thinking` (server/routes.go, ChatHandler)."""
    nodes[0].models[SMALL] = FakeModel(name=SMALL)
    async with open_replica(thinking(catalogue(nodes[:1]), think=True), redis_url) as replica:
        answer = await chat(replica, ask(think=True), Seen())
        assert replica.fleet.view("n0").breakers[SMALL] is BreakerState.CLOSED
    assert [call.body["think"] for call in nodes[0].calls] == [True, False]
    assert (numbers_of(answer.text), Degradation.THINKING in answer.degraded) == (list(range(24)), True)


async def test_the_tokens_of_given_text_count_while_it_is_gone_on_with(replica: Replica, nodes: list[FakeNode]) -> None:
    for node in nodes:
        node.script(status=500)
    await chat(replica, ask(prefix="0 1 2 ", prefix_tokens=48), Seen())
    bodies = [call.body for node in nodes for call in node.calls]
    assert len(bodies) > 1
    assert {msgspec.convert(body["options"], dict[str, float])["num_predict"] for body in bodies} == {64 - 48}
