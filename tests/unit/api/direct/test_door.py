"""The door of direct calls: refusals before the head, pieces as they come, the end, and who leaves."""

import asyncio

import msgspec
import pytest

from app.agents.values import RunOptions, StartRun, Turn
from app.api.direct import talk as talks
from app.api.direct.door import Direct, question_of
from app.api.direct.talk import Ask, Piece, Talk
from app.api.direct.wanted import OfModel, OfTeam, OfTier, Rated, Wanted, read_wanted
from app.api.problems import ClientLeft
from app.errors import (
    AnswerBroken,
    BadInput,
    ModelUnknown,
    NodeFailed,
    NoNodeAvailable,
    NoSlotInTime,
    SwitchyardError,
)
from app.ids import Caller, KeyId
from app.inference.words.account import Account, Purpose
from app.inference.words.messages import Message
from app.inference.words.priority import Priority
from app.inference.words.records import Outcome
from app.inference.words.sampling import PLAIN_JSON, Sampling
from app.inference.words.tiers import Tier
from tests.fakes.models import FakeBook, FakeModels, Line
from tests.fakes.platform import TENANT_A
from tests.fakes.runner import FakeRunner, FakeSessions, failed, waiting

CALLER = Caller(TENANT_A, KeyId(TENANT_A), "a")
HI = (Message("user", "hi"),)


class Doors:
    """A door over fakes."""

    def __init__(self, *lines: Line) -> None:
        self.models = FakeModels(list(lines))
        self.runner = FakeRunner(FakeSessions())
        self.book = FakeBook()
        self.direct = Direct(self.models, self.runner, self.book, max_tokens=77, limit_s=60.0)

    async def hear(self, *asks: Ask) -> tuple[list[Piece], Talk]:
        """Return every piece, and the talk when it is over."""
        async with self.direct.begin(CALLER, asks) as talk:
            return [piece async for piece in talk.pieces() if isinstance(piece, Piece)], talk


def ask(model: str = "auto", **what: object) -> Ask:
    fields: dict[str, object] = {"model": model, "messages": HI, "agent": "openai", "request_id": "r-1"}
    return Ask(**(fields | what))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("auto", Rated()),
        (" auto:latest", Rated()),
        ("simple", OfTier(Tier.SIMPLE)),
        ("complex:latest", OfTier(Tier.COMPLEX)),
        ("team:insurance", OfTeam("insurance")),
        ("team:insurance:latest", OfTeam("insurance")),
        ("qwen2.5-coder:0.5b", OfModel("qwen2.5-coder:0.5b")),
        ("Auto", OfModel("Auto")),
    ],
)
def test_a_model_is_auto_a_tier_a_team_or_a_model(name: str, wanted: Wanted) -> None:
    assert read_wanted(name) == wanted


@pytest.mark.parametrize("name", ["", " ", "team:", "team:No Such", "a\nb", "x" * 401])
def test_what_can_be_no_name_is_unknown(name: str) -> None:
    with pytest.raises(ModelUnknown):
        read_wanted(name)


async def test_a_call_brings_its_pieces_and_then_its_end() -> None:
    doors = Doors(Line(thinking=("hm",)))
    pieces, talk = await doors.hear(ask(stream=True))
    assert (pieces[0].is_thinking, pieces[0].text) == (True, "hm")
    assert "".join(piece.text for piece in pieces[1:]) == "Hello there."
    (told,) = await talk.ends()
    assert (told.text, told.thinking, told.input_tokens, told.output_tokens) == ("Hello there.", "hm", 120, 8)
    assert (told.load_us, told.prefill_us, told.decode_us, told.total_us) == (2000, 3000, 4000, 501_000)
    assert (told.headers["x-route-node"], told.headers["x-cost-usd"]) == ("a", "0.000025")
    assert talk.headers["x-route-id"] == told.headers["x-route-id"]


async def test_what_is_asked_reaches_the_model_and_its_usage_the_book() -> None:
    doors, tool = Doors(), msgspec.Raw(b'{"type":"function"}')
    messages = (Message("system", "be brief"), Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    await doors.hear(
        ask(
            "medium", messages=messages, stream=True, max_tokens=5, temperature=0.3, seed=4, think=True, tools=(tool,),
            response_schema=PLAIN_JSON, sampling=Sampling(top_k=2), priority=Priority.BATCH, deadline_s=9.0, cuts=True,
        )
    )  # fmt: skip
    (call,) = doors.models.calls
    account = Account(purpose=Purpose.CHAT, tenant_id=TENANT_A, key_id=CALLER.key_id)
    assert (call.messages, call.question, call.account, call.agent) == (messages, "c", account, "openai")
    assert (call.tier, call.model, call.max_tokens, call.temperature, call.seed) == (Tier.MEDIUM, None, 5, 0.3, 4)
    assert (call.think, call.tools, call.response_schema) == (True, (tool,), PLAIN_JSON)
    assert (call.sampling, call.priority, call.deadline_s) == (Sampling(top_k=2), Priority.BATCH, 9.0)
    assert (call.turns, call.history, call.takes_back) == (2, 2, False)
    assert [(one.account, one.outcome) for one in doors.book.taken] == [(account, Outcome.DONE)]


async def test_a_key_for_batch_work_makes_each_call_one() -> None:
    doors, caller = Doors(), msgspec.structs.replace(CALLER, batch_only=True)
    async with doors.direct.begin(caller, [ask(priority=Priority.INTERACTIVE)]) as talk:
        await talk.ends()
    assert [call.priority for call in doors.models.calls] == [Priority.BATCH]


async def test_what_is_not_said_is_the_platforms() -> None:
    doors = Doors()
    await doors.hear(ask("m:1b", deadline_s=1e9))
    (call,) = doors.models.calls
    assert (call.model, call.tier, call.max_tokens, call.deadline_s) == ("m:1b", None, 77, 60.0)
    assert (call.history, call.takes_back, call.temperature) == (0, True, None)


@pytest.mark.parametrize("error", [NoNodeAvailable("nothing"), NoSlotInTime("full"), ModelUnknown("no")])
async def test_a_refusal_comes_before_anything_is_said(error: SwitchyardError) -> None:
    with pytest.raises(type(error)):
        async with Doors(Line(refusal=error)).direct.begin(CALLER, [ask(stream=True)]):
            pytest.fail("the block began")


async def test_what_breaks_before_the_first_word_is_a_refusal_too() -> None:
    with pytest.raises(NodeFailed):
        async with Doors(Line(pieces=(), breaks=NodeFailed("died"))).direct.begin(CALLER, [ask(stream=True)]):
            pytest.fail("the block began")


async def test_what_breaks_after_the_first_word_ends_the_talk_with_its_error() -> None:
    pieces, talk = await Doors(Line(breaks=NodeFailed("died"))).hear(ask(stream=True))
    assert "".join(piece.text for piece in pieces) == "Hello there."
    assert isinstance(talk.error, NodeFailed)


async def test_a_stream_that_would_begin_again_ends_with_the_reason() -> None:
    _, talk = await Doors(Line(restarts=True)).hear(ask(stream=True))
    assert isinstance(talk.error, AnswerBroken)


async def test_an_answer_that_is_wanted_whole_may_begin_again() -> None:
    pieces, talk = await Doors(Line(restarts=True)).hear(ask())
    assert (pieces, (await talk.ends())[0].text) == ([], "Hello there.")


async def test_who_leaves_the_block_ends_the_call() -> None:
    doors = Doors(Line(release=asyncio.Event()))
    async with doors.direct.begin(CALLER, [ask(stream=True)]) as talk:
        async for _ in talk.pieces():
            break
    assert doors.models.cancelled == 1
    assert [one.outcome for one in doors.book.taken] == [Outcome.CANCELLED]


async def test_calls_that_go_together_keep_their_numbers() -> None:
    doors = Doors(Line(pieces=("one",)), Line(pieces=("two",)))
    pieces, talk = await doors.hear(ask(stream=True), ask(stream=True))
    assert {piece.number: piece.text for piece in pieces} == {0: "one", 1: "two"}
    assert [told.text for told in await talk.ends()] == ["one", "two"]


async def test_thinking_that_nobody_wants_is_not_told() -> None:
    pieces, _ = await Doors(Line(thinking=("hm",))).hear(ask(stream=True, think=False))
    assert {piece.is_thinking for piece in pieces} == {False}


async def test_a_reader_that_is_too_slow_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talks, "PENDING_CHARACTERS", 10)
    async with Doors(Line(pieces=("x" * 6, "y" * 6))).direct.begin(CALLER, [ask(stream=True)]) as talk:
        for _ in range(20):
            await asyncio.sleep(0)
        assert isinstance(talk.error, ClientLeft)


def test_the_question_is_what_the_user_said_last() -> None:
    messages = [Message("user", "a"), Message("assistant", ""), Message("tool", "9", tool_name="f")]
    assert question_of(messages) == "a"
    assert question_of([Message("system", "s")]) == "s"
    with pytest.raises(BadInput):
        question_of([])


async def test_a_team_answers_in_a_session_that_begins_with_what_was_sent() -> None:
    doors = Doors()
    messages = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    pieces, talk = await doors.hear(ask("team:insurance", messages=messages, stream=True, seed=3, deadline_s=5.0))
    assert "".join(piece.text for piece in pieces) == "Returns are free for 30 days."
    (told,) = await talk.ends()
    assert (told.text, told.model, told.headers["x-cost-usd"]) == (
        "Returns are free for 30 days.",
        "smollm2:135m",
        "0.000025",
    )
    assert doors.runner.started == [
        StartRun(
            question="c",
            request_id="r-1",
            team="insurance",
            earlier=(Turn("user", "a"), Turn("assistant", "b")),
            options=RunOptions(seed=3, deadline_s=5.0),
        )
    ]
    assert doors.runner.gone == []


async def test_a_team_that_is_left_is_cancelled() -> None:
    doors = Doors()
    doors.runner.holds = True
    async with doors.direct.begin(CALLER, [ask("team:insurance", stream=True)]) as talk:
        async for _ in talk.pieces():
            break
    assert doors.runner.gone == list(doors.runner.runs)


async def test_a_team_that_asks_says_so_as_its_message_and_where_to_answer() -> None:
    doors = Doors()
    doors.runner.pieces = ()
    doors.runner.ending = waiting
    pieces, talk = await doors.hear(ask("team:insurance", stream=True))
    (run_id,) = doors.runner.runs
    text = "".join(piece.text for piece in pieces)
    assert text.startswith("May it? (yes / no)")
    assert f"POST /api/v1/runs/{run_id}/resume" in text
    assert (talk.error, doors.runner.gone) == (None, [])


async def test_a_team_that_fails_says_with_what() -> None:
    doors = Doors()
    doors.runner.ending = lambda result: failed(result, NodeFailed("died"))
    _, talk = await doors.hear(ask("team:insurance", stream=True))
    assert isinstance(talk.error, NodeFailed)


@pytest.mark.parametrize(
    ("what", "field"),
    [
        ({"tools": (msgspec.Raw(b"{}"),)}, "tools"),
        ({"response_schema": PLAIN_JSON}, "response_format"),
        ({"sampling": Sampling(top_k=1)}, "sampling"),
        ({"messages": ()}, "messages"),
        ({"messages": (Message("system", "s"), *HI)}, "messages"),
        ({"messages": (Message("user", "x", images=("aW1n",)),)}, "messages"),
        ({"messages": (*HI, Message("assistant", "x"))}, "messages"),
        ({"messages": (Message("user", " "),)}, "messages"),
        ({"messages": (Message("user", "a\x00"),)}, "messages"),
        ({"messages": HI * 202}, "messages"),
    ],
)
async def test_what_a_team_cannot_be_asked_is_refused_by_name(what: dict[str, object], field: str) -> None:
    doors = Doors()
    with pytest.raises(BadInput) as refused:
        await doors.hear(ask("team:insurance", **what))
    assert refused.value.facts["field"] == field
    assert doors.runner.started == []
