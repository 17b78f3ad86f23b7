"""Ollama's bodies and lines."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.inference.wire.bodies import (
    LINE_LIMIT_BYTES,
    Lines,
    LineTooLong,
    chat_body,
    embed_body,
    failure_of,
    failure_of_line,
    read_error,
    read_line,
    sanitise,
)
from app.inference.words.account import Account, Purpose
from app.inference.words.failures import Blame, Failure, blame_of
from app.inference.words.messages import ToolCall, ToolFunction
from app.inference.words.records import ChatCall, Message
from app.inference.words.sampling import PLAIN_JSON, Sampling


@given(st.text(st.characters(), max_size=50))
def test_sanitised_text_can_be_stored_and_keeps_all_else(text: str) -> None:
    clean = sanitise(text)
    assert "\x00" not in clean
    assert clean.encode().decode() == clean
    assert sanitise(clean) == clean
    assert [one for one in text if one != "\x00" and not "\ud800" <= one <= "\udfff"] == list(clean)


@given(st.lists(st.binary(max_size=20).map(lambda raw: raw.replace(b"\n", b"")), max_size=10), st.integers(1, 7))
def test_lines_come_out_however_the_stream_is_cut(lines: list[bytes], step: int) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    reader = Lines()
    found = [line for at in range(0, len(stream), step) for line in reader.feed(stream[at : at + step])]
    assert found == [line for line in lines if line.strip()]


def test_a_line_without_an_end_is_not_collected_for_ever() -> None:
    reader = Lines()
    assert list(reader.feed(b"x" * LINE_LIMIT_BYTES)) == []
    with pytest.raises(LineTooLong):
        list(reader.feed(b"x"))


@pytest.mark.parametrize(
    ("raw", "content"),
    [
        (b'{"message":{"role":"assistant","content":"hi","thinking":"?"},"new_field":[1]}', "hi"),
        (b'{"message":{"content":"a\\ud800b"}}', "ab"),
        (b'{"message":{"content":"a\xff\xfeb"}}', "ab"),
        (b'{"message":{"content":"a\\u0000b"}}', "ab"),
        ('{"message":{"content":"日本"}}'.encode(), "日本"),
    ],
)
def test_odd_lines_are_read_and_made_safe(raw: bytes, content: str) -> None:
    message = read_line(raw).message
    assert message is not None
    assert sanitise(message.content) == content


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b'{"message": 7}', b'{"done": "yes"}', b"\xff" * 10])
def test_what_is_not_the_protocol_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the class is the contract
        read_line(raw)


@pytest.mark.parametrize(
    ("status", "error", "failure"),
    [
        (503, "server busy, please try again.  maximum pending requests exceeded", Failure.BUSY),
        (404, "model 'x' not found", Failure.MODEL_MISSING),
        (500, "model runner has unexpectedly stopped", Failure.SERVER_ERROR),
        (502, "", Failure.SERVER_ERROR),
        (400, "the prompt is longer than the context length currently available to the model", Failure.CONTEXT),
        (400, "the input length exceeds the context length", Failure.CONTEXT),
        (400, "request (900 tokens) exceeds the available context size (512 tokens)", Failure.CONTEXT),
        (400, "invalid format", Failure.BAD_REQUEST),
        (413, "", Failure.BAD_REQUEST),
        (422, "", Failure.BAD_REQUEST),
        # A proxy's words for a large body say nothing of the model's context.
        (413, "Request Entity Too Large", Failure.BAD_REQUEST),
        (400, '"m" does not support chat', Failure.BAD_REQUEST),
        (400, '"m" does not support thinking', Failure.CANNOT_THINK),
        (401, "unauthorized", Failure.REJECTED),
        (403, "", Failure.REJECTED),
        (405, "", Failure.REJECTED),
        (302, "", Failure.REJECTED),
        (429, "", Failure.BUSY),
        # EmbedHandler (ollama, server/routes.go) answers 400 for whatever breaks between it and its runner.
        (400, 'do embedding request: Post "http://127.0.0.1:33445/embedding": EOF', Failure.SERVER_ERROR),
        (400, "error reading embed response: unexpected EOF", Failure.SERVER_ERROR),
        (400, "unexpected server status: llm server loading model", Failure.SERVER_ERROR),
        (400, "embedding contains NaN or Inf values", Failure.SERVER_ERROR),
        (400, "invalid input type", Failure.BAD_REQUEST),
    ],
)
def test_a_status_and_its_words_say_what_is_wrong(status: int, error: str, failure: Failure) -> None:
    assert failure_of(status, error) is failure


OF_THE_INPUT = [
    # runner/ollamarunner/runner.go at v0.24, errorInputTooLong behind NewSequence; llama.cpp, tools/server/server.cpp.
    ("Failed to create new sequence: the input length exceeds the context length", Failure.CONTEXT),
    ("the prompt is longer than the context length currently available to the model", Failure.CONTEXT),
    ("input (600 tokens) is too large to process. increase the physical batch size", Failure.CONTEXT),
    ("the request exceeds the available context size, try increasing it", Failure.CONTEXT),
    # llm/llama_server.go, Completion; llm/server.go at v0.24; llama.cpp, common/json-schema-to-grammar.cpp.
    ('invalid format: "\\"xml\\""; expected "json" or a valid JSON Schema object', Failure.BAD_REQUEST),
    ("invalid JSON schema in format", Failure.BAD_REQUEST),
    ('JSON schema conversion failed: Unrecognized schema: {"type":"banana"}', Failure.BAD_REQUEST),
    ("Failed to initialize samplers: failed to parse grammar", Failure.BAD_REQUEST),
    # llm/llama_server.go; server/routes.go; llama.cpp, tools/mtmd.
    ("decode WebP image: webp: invalid format", Failure.BAD_REQUEST),
    ("failed to process inputs: invalid image index: 3", Failure.BAD_REQUEST),
    ("Failed to load image or audio file", Failure.BAD_REQUEST),
    ("image input is not supported - hint: you may need to provide the mmproj", Failure.BAD_REQUEST),
    # api/types.go, FromMap, by server/routes.go, handleScheduleError: 500.
    ('option "num_ctx" must be of type integer', Failure.BAD_REQUEST),
]
OF_THE_NODE = [
    # llm/server.go at v0.24 and llm/llama_server.go: whatever ended the process, the words are these.
    "llama runner process has terminated: exit status 2",
    "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error",
    "an error was encountered while running the model: unexpected EOF",
    "model requires more system memory (12.0 GiB) than is available (7.1 GiB)",
    "error starting runner: context deadline exceeded",
    "could not find an available sequence",
]


@pytest.mark.parametrize(("error", "failure"), OF_THE_INPUT)
def test_words_about_the_input_blame_the_request_whatever_the_status(error: str, failure: Failure) -> None:
    assert failure_of(500, error) is failure
    assert failure_of_line(error) is failure
    assert blame_of(failure) is Blame.REQUEST


@pytest.mark.parametrize("error", OF_THE_NODE)
def test_words_about_the_runner_leave_open_who_broke_it(error: str) -> None:
    assert failure_of(500, error) is Failure.SERVER_ERROR
    assert failure_of_line(error) is Failure.ERROR_LINE
    assert blame_of(Failure.SERVER_ERROR) is blame_of(Failure.ERROR_LINE) is Blame.EITHER


def test_errors_are_read_short_and_from_any_body() -> None:
    assert read_error(b'{"error":"no\\u0000"}') == "no"
    assert read_error(b'{"error":"a\\nb\\u2028c"}') == "a b c"
    assert len(read_error(b'{"error":"' + b"x" * 1000 + b'"}')) == 300
    # A proxy's page is not for the caller's eyes.
    assert read_error(b"<html>" + b"x" * 1000) == ""


@pytest.mark.requirement("FIN-93.sent")
def test_a_chat_body_has_only_what_is_allowed() -> None:
    call = ChatCall(
        messages=(Message("user", "a\x00b"),),
        question="",
        agent="test",
        account=Account(purpose=Purpose.CHAT),
        max_tokens=9,
        temperature=0.0,
        response_schema=msgspec.Raw(b'{"type":"object"}'),
    )
    body = chat_body(call, model="m", keep_alive="30m", num_ctx=2048, prefix="so far", max_tokens=5)
    assert msgspec.json.decode(body) == {
        "model": "m",
        "messages": [{"role": "user", "content": "ab"}, {"role": "assistant", "content": "so far"}],
        "options": {"num_ctx": 2048, "num_predict": 5, "temperature": 0.0},
        "think": False,
        "keep_alive": "30m",
        "format": {"type": "object"},
        "stream": True,
        "truncate": False,
        "shift": False,
    }


ASKED = ToolCall(ToolFunction("add", msgspec.Raw(b'{"a": 1}')), "call_1")
FULL = ChatCall(
    messages=(
        Message("user", "what is it?", images=("aW1n",)),
        Message("assistant", "", thinking="hm\x00m", tool_calls=(ASKED,)),
        Message("tool", "1\x00", tool_name="add", tool_call_id="call_1"),
    ),
    question="what is it?",
    agent="test",
    account=Account(purpose=Purpose.CHAT),
    max_tokens=9,
    temperature=None,
    tools=(msgspec.Raw(b'{"type":"function","function":{"name":"add","parameters":{}}}'),),
    sampling=Sampling(
        top_k=1, top_p=0.5, min_p=0.1, typical_p=0.9, repeat_last_n=3, repeat_penalty=1.1, presence_penalty=0.2,
        frequency_penalty=0.3, stop=("END",),
    ),
    response_schema=PLAIN_JSON,
)  # fmt: skip


@pytest.mark.source("ollama: api/types.go")
def test_tools_pictures_and_sampling_go_out_by_ollamas_names_and_the_nodes_own_affairs_never() -> None:
    calls = [{"function": {"name": "add", "arguments": {"a": 1}}, "id": "call_1"}]
    options = {
        "num_ctx": 2048, "num_predict": 9, "top_k": 1, "top_p": 0.5, "min_p": 0.1, "typical_p": 0.9, "repeat_last_n": 3,
        "repeat_penalty": 1.1, "presence_penalty": 0.2, "frequency_penalty": 0.3, "stop": ["END"],
    }  # fmt: skip
    body = msgspec.json.decode(chat_body(FULL, model="m", keep_alive=None, num_ctx=2048, prefix="", max_tokens=9))
    assert body == {
        "model": "m",
        "messages": [
            {"role": "user", "content": "what is it?", "images": ["aW1n"]},
            {"role": "assistant", "content": "", "thinking": "hmm", "tool_calls": calls},
            {"role": "tool", "content": "1", "tool_name": "add", "tool_call_id": "call_1"},
        ],
        "options": options,
        "think": False,
        "format": "json",
        "tools": [{"type": "function", "function": {"name": "add", "parameters": {}}}],
        "stream": True,
        "truncate": False,
        "shift": False,
    }


@pytest.mark.requirement("FIN-93.sent")
def test_an_embed_body_forbids_cutting() -> None:
    assert msgspec.json.decode(embed_body(("a\ud800",), model="e", keep_alive="5m", num_ctx=256)) == {
        "model": "e",
        "input": ["a"],
        "options": {"num_ctx": 256},
        "keep_alive": "5m",
        "truncate": False,
    }
