"""What the body of a streamed chat says, however it is cut and however it ends."""

import msgspec
import pytest

from app.inference.wire.bodies import LINE_LIMIT_BYTES, ChatLine
from app.inference.wire.stream import Broken, ChatStream, Heard
from app.inference.words.failures import Failure

SAID = b'{"message":{"content":"a"},"done":false}'
THOUGHT = b'{"message":{"content":"","thinking":"hm"},"done":false}'
EMPTY = b'{"message":{"content":""},"done":false}'
LAST = b'{"message":{"content":"b"},"done":true,"done_reason":"length","eval_count":2}'


def read(*pieces: bytes) -> Heard:
    """Return all that a stream of these pieces brings."""
    stream = ChatStream()
    heard = [*map(stream.feed, pieces), stream.close()]
    return Heard(
        tuple(text for one in heard for text in one.texts),
        "".join(one.thinking for one in heard),
        tuple(call for one in heard for call in one.tool_calls),
        sum(one.tokens for one in heard),
        sum(one.thinking_tokens for one in heard),
        next((one.end for one in heard if one.end is not None), None),
    )


@pytest.mark.parametrize(
    "body",
    [
        SAID + b"\n" + LAST + b"\n",
        # The last line without its end, as a server may close the body.
        SAID + b"\n" + LAST,
        SAID + b"\r\n" + LAST + b"\r\n",
        b"\r\n\n" + SAID + b"\n\r\n \n" + LAST + b" ",
    ],
)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_every_line_is_read_whatever_ends_it(body: bytes, step: int) -> None:
    heard = read(*(body[at : at + step] for at in range(0, len(body), step)))
    assert (heard.text, heard.tokens) == ("ab", 2)
    assert isinstance(heard.end, ChatLine)
    assert (heard.end.done_reason, heard.end.eval_count) == ("length", 2)


@pytest.mark.parametrize("body", [SAID + b"\n", SAID, SAID + b'\n{"message":{"conte', SAID + b"\n\xff"])
def test_a_stream_that_stops_without_its_end_has_none(body: bytes) -> None:
    assert (read(body).text, read(body).end) == ("a", None)


def test_thinking_is_apart_from_text_and_both_are_tokens() -> None:
    heard = read(THOUGHT + b"\n" + THOUGHT + b"\n" + EMPTY + b"\n" + SAID + b"\n")
    assert (heard.text, heard.thinking, heard.tokens, heard.thinking_tokens) == ("a", "hmhm", 3, 2)


@pytest.mark.source("ollama: api/types.go")
def test_tool_calls_keep_their_order_their_ids_and_their_arguments_as_they_came() -> None:
    asked = b'{"id":"call_1","function":{"index":0,"name":"add","arguments":{"b": 2, "a":1}}}'
    more = b'{"function":{"index":1,"name":"now","arguments":{}}}'
    heard = read(b'{"message":{"content":"","tool_calls":[%b,%b]},"done":true,"done_reason":"stop"}\n' % (asked, more))
    found = [(call.id, call.function.name, bytes(call.function.arguments)) for call in heard.tool_calls]
    assert (found, heard.text) == ([("call_1", "add", b'{"b": 2, "a":1}'), ("", "now", b"{}")], "")


def test_a_tool_call_with_half_a_surrogate_pair_is_read_without_it() -> None:
    call = b'{"function":{"name":"a\\ud800dd","arguments":{"to":"x\\udfff"}}}'
    (heard,) = read(b'{"message":{"content":"","tool_calls":[' + call + b']},"done":true}\n').tool_calls
    assert (heard.function.name, msgspec.json.decode(heard.function.arguments)) == ("add", {"to": "x"})


@pytest.mark.parametrize("call", [b"7", b'{"function":{"arguments":{}}}', b'{"function":{"name":1,"arguments":{}}}'])
def test_a_tool_call_that_is_none_is_not_the_protocol(call: bytes) -> None:
    heard = read(b'{"message":{"content":"","tool_calls":[' + call + b']},"done":true}\n')
    assert heard.end == Broken(Failure.GARBAGE)


@pytest.mark.parametrize(
    ("line", "end"),
    [
        (b'{"error":"out of\\u0000 memory"}', Broken(Failure.ERROR_LINE, "out of memory")),
        (b"<html>", Broken(Failure.GARBAGE)),
        (b'{"message":7}', Broken(Failure.GARBAGE)),
        (b"x" * (LINE_LIMIT_BYTES + 1), Broken(Failure.GARBAGE)),
    ],
)
def test_what_came_before_a_break_is_kept(line: bytes, end: Broken) -> None:
    heard = read(SAID + b"\n" + line + b"\n")
    assert (heard.text, heard.end) == ("a", end)


def test_nothing_is_read_after_the_end() -> None:
    assert read(LAST + b"\n" + SAID + b"\n").text == "b"
