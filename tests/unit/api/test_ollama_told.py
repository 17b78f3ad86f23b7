"""What is told to Ollama's clients has Ollama's fields, in its order and units."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from app.api.ollama_told import NothingSaid, Teller, embed_reply, embeddings_reply, instant, shortened
from app.degradation import Degradation
from app.inference.words.account import Account, Purpose
from app.inference.words.ends import FinishReason
from app.inference.words.messages import ToolCall, ToolFunction
from app.inference.words.records import Answer, CallKind, Outcome, Usage
from tests.fakes.runner import ROUTE

AT = datetime(2026, 3, 4, 5, 6, 7, 890000, UTC)
CALL = ToolCall(ToolFunction("look", msgspec.Raw(b'{"n":1}')), id="c1")
USAGE = Usage(
    id=UUID(int=1),
    account=Account(purpose=Purpose.CHAT),
    kind=CallKind.CHAT,
    agent="",
    route=ROUTE,
    tier=ROUTE.tier,
    node="a",
    model="small",
    digest="",
    input_tokens=11,
    output_tokens=22,
    wait_us=4,
    load_us=3_000,
    prefill_us=500,
    decode_us=700,
    first_token_us=0,
    gpu_us=0,
    cost_usd_micro=0,
    outcome=Outcome.DONE,
    started_at=AT,
    ended_at=AT + timedelta(microseconds=9_000),
)


def answer(**changes: Any) -> Answer:  # noqa: ANN401 - fields
    """Return an answer."""
    whole = Answer(text="Hi.", route=ROUTE, usage=USAGE, continued=False, finish_reason=FinishReason.STOP)
    return msgspec.structs.replace(whole, **changes)


def teller(*, as_chat: bool) -> Teller:
    """Return one that writes at a fixed time."""
    return Teller("auto", as_chat=as_chat, now=lambda: AT)


def read(line: bytes) -> dict[str, Any]:
    """Return the value of one line."""
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    return msgspec.json.decode(line)


HEAD = {"model": "auto", "created_at": "2026-03-04T05:06:07.890000Z"}
ENDING = {
    "done": True,
    "done_reason": "stop",
    "total_duration": 9_004_000,
    "load_duration": 3_000_000,
    "prompt_eval_count": 11,
    "prompt_eval_duration": 500_000,
    "eval_count": 22,
    "eval_duration": 700_000,
}


def test_a_piece_of_a_chat_is_a_message_that_goes_on() -> None:
    lines = teller(as_chat=True)
    assert read(lines.piece("Hi")) == {**HEAD, "message": {"role": "assistant", "content": "Hi"}, "done": False}
    assert read(lines.piece(thinking="Hm"))["message"] == {"role": "assistant", "content": "", "thinking": "Hm"}
    assert read(lines.piece(tool_calls=(CALL,)))["message"]["tool_calls"] == [
        {"function": {"name": "look", "arguments": {"n": 1}}, "id": "c1"}
    ]


def test_a_piece_of_a_generation_is_a_response_that_goes_on() -> None:
    lines = teller(as_chat=False)
    assert read(lines.piece("Hi")) == {**HEAD, "response": "Hi", "done": False}
    assert read(lines.piece(thinking="Hm")) == {**HEAD, "response": "", "thinking": "Hm", "done": False}


def test_the_last_line_says_why_it_ended_and_what_it_took() -> None:
    assert read(teller(as_chat=True).end(answer())) == {
        **HEAD,
        "message": {"role": "assistant", "content": ""},
        **ENDING,
    }
    assert read(teller(as_chat=False).end(answer())) == {**HEAD, "response": "", **ENDING}


def test_a_whole_reply_is_one_object_and_tells_thinking_to_those_who_asked() -> None:
    said = answer(thinking="Hm", tool_calls=(CALL,))
    told = read(teller(as_chat=True).whole(said, thinks=True))
    assert told["message"]["content"] == "Hi."
    assert told["message"]["thinking"] == "Hm"
    assert [call["function"]["name"] for call in told["message"]["tool_calls"]] == ["look"]
    assert told["done"] is True
    assert "thinking" not in read(teller(as_chat=True).whole(said, thinks=False))["message"]
    assert read(teller(as_chat=False).whole(answer(), thinks=False))["response"] == "Hi."


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        (FinishReason.STOP, "stop"),
        (FinishReason.LENGTH, "length"),
        (FinishReason.TOOL_CALLS, "stop"),
        (FinishReason.OTHER, "other"),
    ],
)
def test_the_end_of_tool_calls_is_a_stop_as_ollama_has_it(reason: FinishReason, word: str) -> None:
    assert read(teller(as_chat=True).end(answer(finish_reason=reason)))["done_reason"] == word


def test_what_an_answer_had_to_do_without_is_said_in_its_last_line() -> None:
    assert read(teller(as_chat=True).end(answer(degraded=(Degradation.HISTORY,))))["degraded"] == ["history"]


def test_what_took_no_time_is_left_out() -> None:
    fast = answer(usage=msgspec.structs.replace(USAGE, load_us=0, prefill_us=0))
    assert not {"load_duration", "prompt_eval_duration"} & read(teller(as_chat=True).end(fast)).keys()


@pytest.mark.parametrize("word", NothingSaid)
def test_a_request_without_a_prompt_ends_at_once(word: NothingSaid) -> None:
    assert read(teller(as_chat=False).nothing(word)) == {
        **HEAD,
        "response": "",
        "done": True,
        "done_reason": word.value,
    }


def test_vectors_are_told_with_what_they_took() -> None:
    assert msgspec.json.decode(embed_reply("minilm", [[1.0, 0.0]], USAGE)) == {
        "model": "minilm",
        "embeddings": [[1.0, 0.0]],
        "total_duration": 9_004_000,
        "load_duration": 3_000_000,
        "prompt_eval_count": 11,
    }
    assert msgspec.json.decode(embed_reply("minilm", [], None)) == {"model": "minilm", "embeddings": []}


def test_the_old_route_tells_one_vector() -> None:
    assert msgspec.json.decode(embeddings_reply([[1.0, 0.0]])) == {"embedding": [1.0, 0.0]}
    assert msgspec.json.decode(embeddings_reply([])) == {"embedding": []}


def test_a_shortened_vector_has_length_one_again() -> None:
    assert shortened((0.6, 0.8, 0.0, 5.0), 2) == pytest.approx([0.6, 0.8])
    assert shortened((3.0, 4.0, 12.0), 2) == pytest.approx([0.6, 0.8])
    assert shortened((3.0, 4.0), 0) == shortened((3.0, 4.0), 9) == (3.0, 4.0)


def test_times_are_written_as_go_does() -> None:
    assert instant(AT.astimezone()) == "2026-03-04T05:06:07.890000Z"
