"""What is told to Ollama's clients has Ollama's fields, in its order and units."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from app.api.direct.talk import Ask, Piece, Told
from app.api.ollama.told import NothingSaid, OllamaTeller, embed_reply, embeddings_reply, instant, shortened
from app.api.problems import describe
from app.degradation import Degradation
from app.errors import NodeFailed
from app.inference.words.account import Account, Purpose
from app.inference.words.ends import FinishReason
from app.inference.words.messages import ToolCall, ToolFunction
from app.inference.words.records import CallKind, Outcome
from app.inference.words.thinking import Think
from tests.fakes.models import usage

USED = usage(Account(purpose=Purpose.EMBED), CallKind.EMBED, "", Outcome.DONE)
AT = datetime(2026, 3, 4, 5, 6, 7, 890000, UTC)
CALL = ToolCall(ToolFunction("look", msgspec.Raw(b'{"n":1}')), id="c1")
TOLD = Told(
    text="Hi.",
    finish_reason=FinishReason.STOP,
    model="small",
    input_tokens=11,
    output_tokens=22,
    load_us=3_000,
    prefill_us=500,
    decode_us=700,
    total_us=9_004,
)


def told(**changes: Any) -> Told:  # noqa: ANN401 - fields
    """Return how a call ended."""
    return msgspec.structs.replace(TOLD, **changes)


def teller(*, as_chat: bool, stream: bool = True, think: Think | None = None) -> OllamaTeller:
    """Return one that writes at a fixed time."""
    ask = Ask(model="auto", messages=(), agent="", request_id="r", stream=stream, think=think)
    return OllamaTeller(ask, as_chat=as_chat, now=lambda: AT)


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
    text, thought = Piece(number=0, text="Hi"), Piece(number=0, text="Hm", is_thinking=True)
    assert read(lines.piece(text)) == {**HEAD, "message": {"role": "assistant", "content": "Hi"}, "done": False}
    assert read(lines.piece(thought))["message"] == {"role": "assistant", "content": "", "thinking": "Hm"}


def test_a_piece_of_a_generation_is_a_response_that_goes_on() -> None:
    lines = teller(as_chat=False)
    assert read(lines.piece(Piece(number=0, text="Hi"))) == {**HEAD, "response": "Hi", "done": False}
    thought = {**HEAD, "response": "", "thinking": "Hm", "done": False}
    assert read(lines.piece(Piece(number=0, text="Hm", is_thinking=True))) == thought


def test_the_last_line_says_why_it_ended_and_what_it_took() -> None:
    said = {"message": {"role": "assistant", "content": ""}}
    assert read(teller(as_chat=True).end([TOLD])) == {**HEAD, **said, **ENDING}
    assert read(teller(as_chat=False).end([TOLD])) == {**HEAD, "response": "", **ENDING}


def test_a_stream_tells_of_tool_calls_before_its_last_line() -> None:
    first, last = teller(as_chat=True).end([told(tool_calls=(CALL,))]).splitlines(keepends=True)
    assert read(first)["message"]["tool_calls"] == [{"function": {"name": "look", "arguments": {"n": 1}}, "id": "c1"}]
    assert (read(first)["done"], read(last)["done"]) == (False, True)
    assert "tool_calls" not in read(last)["message"]


@pytest.mark.parametrize(("think", "shown"), [(None, "Hm"), (True, "Hm"), (False, None)])
def test_a_whole_reply_is_one_object(think: Think | None, shown: str | None) -> None:
    lines = teller(as_chat=True, stream=False, think=think)
    message = read(lines.whole([told(thinking="Hm", tool_calls=(CALL,))]))["message"]
    assert (message["content"], message.get("thinking")) == ("Hi.", shown)
    assert [call["function"]["name"] for call in message["tool_calls"]] == ["look"]
    assert read(teller(as_chat=False).whole([TOLD])) == {**HEAD, "response": "Hi.", **ENDING}


def test_only_a_stream_is_of_lines() -> None:
    assert teller(as_chat=True).media_type == "application/x-ndjson"
    assert teller(as_chat=True, stream=False).media_type == "application/json; charset=utf-8"


def test_a_stream_that_breaks_ends_with_a_line_of_its_error() -> None:
    broken = teller(as_chat=True).fail(describe(NodeFailed("the node broke off")), "r")
    assert read(broken) == {"error": "the node broke off"}


def test_a_line_that_says_nothing_keeps_a_connection() -> None:
    assert read(teller(as_chat=False).alive) == {**HEAD, "response": "", "done": False}
    assert teller(as_chat=False).begin() == b""


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
    assert read(teller(as_chat=True).end([told(finish_reason=reason)]))["done_reason"] == word


def test_what_an_answer_had_to_do_without_is_said_in_its_last_line() -> None:
    assert read(teller(as_chat=True).end([told(degraded=(Degradation.HISTORY,))]))["degraded"] == ["history"]


def test_what_took_no_time_is_left_out() -> None:
    line = read(teller(as_chat=True).end([told(load_us=0, prefill_us=0)]))
    assert not {"load_duration", "prompt_eval_duration"} & line.keys()


@pytest.mark.parametrize("word", NothingSaid)
def test_a_request_without_a_prompt_ends_at_once(word: NothingSaid) -> None:
    ends = {"done": True, "done_reason": word.value}
    assert read(teller(as_chat=False).nothing(word)) == {**HEAD, "response": "", **ends}


def test_vectors_are_told_with_what_they_took() -> None:
    assert msgspec.json.decode(embed_reply("minilm", [[1.0, 0.0]], USED)) == {
        "model": "minilm",
        "embeddings": [[1.0, 0.0]],
        "total_duration": 501_000_000,
        "load_duration": 2_000_000,
        "prompt_eval_count": 120,
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
