"""What a person sees of a conversation."""

import io
from collections.abc import Callable, Generator, Mapping
from typing import Any

import pytest

from app.chat_command import ChatCommand, describe_answer
from app.cli import build_parser, run
from app.console import Console
from app.conversation import Stack, StackAway, StreamEvent, parse_events, read_problem

ANSWER: dict[str, Any] = {
    "session_id": "s-1",
    "message": "ok",
    "metadata": {
        "input_tokens": 10,
        "output_tokens": 2,
        "first_token_ms": None,
        "processing_time_ms": 1500,
        "gpu_seconds": 0.5,
        "cost_usd": 0.00005,
        "routes": [
            {
                "kind": "embed",
                "tier": None,
                "model": "all-minilm:22m",
                "node": "b",
                "reason": None,
                "cost_usd": 0.000001,
            }
        ],
    },
    "citations": [{"document": "a.md", "heading": "", "quote": "one\n  two"}],
    "degraded": ["retrieval"],
}
QUEUED = StreamEvent("r:1:0", "queued", {"run_id": "r", "session_id": "s-1"})


class ScriptedStack(Stack):
    """Answers with the given events; an exception among them is raised."""

    def __init__(self, *events: StreamEvent | BaseException) -> None:
        super().__init__("http://127.0.0.1:1", "k")
        self._events_to_tell = events
        self.asked: list[Mapping[str, object]] = []
        self.cancelled: list[str] = []

    def ask(self, body: Mapping[str, object]) -> Generator[StreamEvent]:
        """Tell them."""
        self.asked.append(body)
        for event in self._events_to_tell:
            if isinstance(event, BaseException):
                raise event
            yield event

    def cancel(self, run_id: str) -> None:
        """Note it."""
        self.cancelled.append(run_id)


def delta(text: str) -> StreamEvent:
    """Return a piece of text."""
    return StreamEvent("r:1:1", "delta", {"text": text})


def reader(*lines: str) -> Callable[[str], str]:
    """Return a person who types `lines` and then Ctrl-D."""
    waiting = list(lines)

    def read(_: str) -> str:
        if not waiting:
            raise EOFError
        return waiting.pop(0)

    return read


def converse(stack: Stack, *lines: str) -> tuple[int, str, str]:
    """Type lines; return status, output and notes."""
    out, notes = io.StringIO(), io.StringIO()
    command = ChatCommand(
        stack, Console(out), Console(notes), options={"team": "assistant", "temperature": None}, read=reader(*lines)
    )
    return command.talk(), out.getvalue(), notes.getvalue()


def test_a_conversation_keeps_its_session_until_told_otherwise() -> None:
    stack = ScriptedStack(QUEUED, delta("ok"), StreamEvent("r:1:2", "done", ANSWER))
    status, out, _ = converse(stack, "one", "", "two", "/new", "three", "/quit", "four")
    assert status == 0
    assert [body.get("session_id") for body in stack.asked] == [None, "s-1", None]
    assert [body["message"] for body in stack.asked] == ["one", "two", "three"]
    assert "temperature" not in stack.asked[0]
    assert out.count("\nok\n") == 3


def test_below_an_answer_stand_its_calls_its_totals_its_sources_and_what_was_missing() -> None:
    assert describe_answer(ANSWER) == [
        "",
        "route: embed -> all-minilm:22m on b, $0.000001",
        "total: 10 tokens in, 2 out, first after ?, all after 1500 ms, 0.500 GPU-seconds, $0.000050",
        '[1] a.md: "one two"',
        "without: retrieval",
    ]


def test_an_answer_that_begins_again_is_shown_from_what_is_kept() -> None:
    restart = StreamEvent("r:2:3", "restart", {"offset": 3})
    stack = ScriptedStack(QUEUED, delta("onetwo"), restart, delta("more"), StreamEvent("r:2:7", "done", ANSWER))
    _, out, notes = converse(stack, "q")
    assert "onetwoonemore" in out.replace("\n", "")
    assert "begins again" in notes


def test_a_model_that_loads_is_told() -> None:
    loading = StreamEvent("r:1:0", "loading", {"node": "b", "model": "qwen"})
    _, _, notes = converse(ScriptedStack(QUEUED, loading, StreamEvent("", "done", ANSWER)), "q")
    assert "(b loads qwen)" in notes


def test_a_wait_for_a_node_is_told() -> None:
    waiting = StreamEvent("r:1:0", "waiting_for_node", {"reason": "node_failed", "since": "2026-03-01T12:00:00Z"})
    _, _, notes = converse(ScriptedStack(QUEUED, waiting, StreamEvent("", "done", ANSWER)), "q")
    assert "(waiting for a node: node_failed)" in notes


def test_a_failed_answer_is_told_and_the_conversation_goes_on() -> None:
    error = StreamEvent("", "error", {"code": "node_failed", "detail": "the node broke off"})
    status, _, notes = converse(ScriptedStack(QUEUED, delta("hal"), error), "q", "q")
    assert status == 0
    assert notes.count("switchyard: node_failed: the node broke off") == 2


def test_ctrl_c_stops_the_run_and_not_the_conversation() -> None:
    stack = ScriptedStack(QUEUED, delta("hal"), KeyboardInterrupt())
    status, out, notes = converse(stack, "q")
    assert (status, stack.cancelled) == (0, ["r"])
    assert "(stopped)" in notes
    assert out.endswith("\n")


def test_a_stack_that_is_away_is_told() -> None:
    _, _, notes = converse(ScriptedStack(StackAway("the stack does not answer")), "q")
    assert notes == "switchyard: the stack does not answer\n"


def test_control_characters_of_an_answer_do_not_reach_the_terminal() -> None:
    stack = ScriptedStack(QUEUED, delta("a\x1b[31mb\x07\tc\nd\x9b"), StreamEvent("", "done", ANSWER))
    _, out, _ = converse(stack, "q")
    assert "a[31mb\tc\nd" in out
    assert "\x1b" not in out


def test_events_are_parsed_whatever_comes_between() -> None:
    raw = (
        b'retry: 1000\n\n: alive\n\nid: r:1:0\nevent: queued\ndata: {"a":1}\n\n\n'
        b'event: delta\r\ndata: {"text":"\xc3\xa9"}\r\n\r\nid: cut\nevent: del'
    )
    events = list(parse_events(io.BytesIO(raw).readline))
    assert events == [StreamEvent("r:1:0", "queued", {"a": 1}), StreamEvent("", "delta", {"text": "\u00e9"})]


def test_a_proxys_page_is_not_taken_for_a_problem() -> None:
    assert read_problem(b"<html>502</html>", 502)["code"] == "unreadable"
    assert read_problem(b'{"code":"x"}', 500) == {"code": "x"}


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://x", "http://", "file:///etc/passwd"])
def test_an_address_must_be_http(url: str) -> None:
    with pytest.raises(StackAway):
        Stack(url, "k")


def test_without_a_key_the_ways_to_give_one_are_named() -> None:
    notes = io.StringIO()
    given = build_parser().parse_args(["chat", "hello"])
    assert run(given, {}, Console(io.StringIO()), Console(notes)) == 2
    assert "--key-file" in notes.getvalue()


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["keys"], ["keys", "add"], ["tenants", "remove", "x"], ["nonsense"]),
        *(["chat", "--temperature", wrong, "hello"] for wrong in ("nan", "inf", "warm")),
    ],
)
def test_a_wrong_command_line_ends_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(arguments)
    assert ended.value.code == 2
    assert "usage: switchyard" in capsys.readouterr().err


def test_a_table_has_columns_as_wide_as_their_widest_cell() -> None:
    out = io.StringIO()
    Console(out).table(("A", "LONG HEAD"), [("value", "x"), ("v", "")])
    assert out.getvalue() == "A      LONG HEAD\nvalue  x\nv\n"
