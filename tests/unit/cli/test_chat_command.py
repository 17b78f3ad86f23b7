"""What a person sees of a conversation."""

import io
import json

import pytest

from app import VERSION
from app.chat_lines import Word, describe_answer
from app.cli import build_parser, run
from app.console import Console
from app.conversation import Stack, StackAway, StreamEvent, parse_events, read_problem
from app.inference.words.thinking import Think, ThinkLevel
from tests.unit.cli.scripted import ANSWER, QUEUED, Conversation, ScriptedStack, converse, delta, done, thought


def test_a_conversation_keeps_its_session_until_told_otherwise() -> None:
    stack = ScriptedStack(QUEUED, delta("ok"), StreamEvent("r:1:2", "done", ANSWER))
    status, out, _ = converse(stack, "one", "", "two", "/new", "three", "/quit", "four")
    assert status == 0
    assert [body.get("session_id") for body in stack.asked] == [None, "s-1", None]
    assert [body["message"] for body in stack.asked] == ["one", "two", "three"]
    assert "temperature" not in stack.asked[0]
    assert out.splitlines().count("ok") == 3


def test_below_an_answer_stand_its_calls_its_totals_its_sources_and_what_was_missing() -> None:
    assert describe_answer(ANSWER) == [
        "",
        "route: embed -> all-minilm:22m on b, $0.000001",
        "total: 10 tokens in, 2 out, first after ?, all after 1500 ms, 0.500 GPU-seconds, $0.000050",
        '[1] a.md: "one two"',
        "without: retrieval",
    ]


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("length", ["cut off: the model's tokens ran out before its answer was whole; ask it to go on"]),
        ("other", ["perhaps cut off: the model stopped for a reason that is not known"]),
        ("stop", []),
        # An answer of a version that did not ask why the model stopped.
        (None, []),
    ],
)
def test_an_answer_that_is_not_whole_says_so_before_all_else(reason: str | None, said: list[str]) -> None:
    whole = describe_answer(ANSWER)
    assert describe_answer(ANSWER | {"finish_reason": reason}) == ["", *said, *whole[1:]]


def test_tokens_of_thinking_stand_among_the_totals() -> None:
    routes = [ANSWER["metadata"]["routes"][0] | {"thinking_tokens": count} for count in (0, 3, 4)]
    lines = describe_answer(ANSWER | {"metadata": ANSWER["metadata"] | {"routes": routes}})
    assert lines[4].startswith("total: 10 tokens in, 2 out (7 of them thinking), first after ")


@pytest.mark.parametrize(("think", "sent"), [(None, None), (False, False), (True, True), (ThinkLevel.LOW, "low")])
def test_thinking_is_shown_apart_and_only_if_it_was_asked_for(think: Think | None, sent: object) -> None:
    stack = ScriptedStack(QUEUED, thought(0, "One\n"), thought(4, "or"), thought(6, " two?"), delta("Two."), done())
    conversation = Conversation(stack, think=think)
    assert conversation.command.ask("q") == 0
    assert stack.asked[0].get("think") == sent
    assert conversation.out.splitlines()[0] == "Two."
    assert conversation.notes == ("| One\n| or two?\n" if sent else "")


def test_a_thought_that_begins_again_is_shown_from_what_is_kept() -> None:
    stack = ScriptedStack(
        QUEUED, thought(0, "One, or"), thought(5, "or three?"), thought(0, "Two!"), delta("2"), done()
    )
    conversation = Conversation(stack, think=True)
    conversation.command.ask("q")
    assert conversation.notes == "| One, or\n(it thinks again)\n| One, or three?\n(it thinks again)\n| Two!\n"


def test_thinking_of_an_answer_in_json_is_in_the_json_alone() -> None:
    answer = ANSWER | {"thinking": "One?"}
    stack = ScriptedStack(QUEUED, thought(0, "One?"), StreamEvent("r:1:2", "done", answer))
    conversation = Conversation(stack, think=True, as_json=True)
    assert conversation.command.ask("q") == 0
    assert (json.loads(conversation.out)["thinking"], conversation.notes) == ("One?", "")


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


ASKS = StreamEvent(
    "r:1:0:1",
    "interrupt",
    {"interrupts": [{"interrupt_id": "i:0", "agent": "clerk", "text": "May it?", "options": ["yes", "no"]}]},
)


def test_what_a_run_asks_is_answered_in_the_conversation_and_asked_again_after_no_answer() -> None:
    stack = ScriptedStack(QUEUED, ASKS, delta("ok"), done())
    status, out, notes = converse(stack, "q", "perhaps", "yes")
    assert (status, stack.answers) == (0, [("r", "i:0", "yes")])
    assert "clerk asks: May it? (yes / no)" in out
    assert "one of the options" in notes
    assert "ok" in out


def test_what_nobody_answers_is_left_waiting_and_told_how_to_answer() -> None:
    stack = ScriptedStack(QUEUED, ASKS, delta("never read"), done())
    conversation = Conversation(stack, "q")
    conversation.command.take_lines()
    assert "POST /api/v1/runs/r/resume" in conversation.notes
    assert (stack.answers, stack.cancelled) == ([], [])
    assert "never read" not in conversation.out


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
    assert notes.splitlines()[1] == "switchyard: the stack does not answer"


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
        *(["chat", "--think", wrong, "hello"] for wrong in ("", "maybe", "True")),
    ],
)
def test_a_wrong_command_line_ends_with_two_and_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("switchyard")
    assert said.endswith("--help`\n")
    assert len(said.splitlines()) == 1


def test_a_table_has_columns_as_wide_as_their_widest_cell() -> None:
    out = io.StringIO()
    Console(out).table(("A", "LONG HEAD"), [("value", "x"), ("v", "")])
    assert out.getvalue() == "A      LONG HEAD\nvalue  x\nv\n"


def test_the_session_is_shown_once_with_how_to_go_on_and_again_when_it_changes() -> None:
    stack = ScriptedStack(QUEUED, delta("ok"), done())
    _, out, _ = converse(stack, "one", "two", "/session", "/session s-9", "three")
    line = "session: s-1; `switchyard chat --session s-1` goes on with it"
    assert [one for one in out.splitlines() if one.startswith("session")] == [
        line,
        line,
        "session: s-9; `switchyard chat --session s-9` goes on with it",
        line,
    ]
    assert [body.get("session_id") for body in stack.asked] == [None, "s-1", "s-9"]


def test_help_tells_every_word_and_an_unknown_word_is_not_asked() -> None:
    stack = ScriptedStack(QUEUED, done())
    status, out, notes = converse(stack, "/help", "/hlep", "/etc/hosts is what?", "//quit means what?", "/session")
    assert status == 0
    assert {line.split()[0] for line in out.splitlines() if line.startswith("/")} == set(Word)
    assert "switchyard: there is no /hlep; /help lists what there is" in notes.splitlines()
    assert [body["message"] for body in stack.asked] == ["/etc/hosts is what?", "/quit means what?"]


def test_lines_of_a_program_are_asked_without_a_greeting_and_the_worst_end_is_the_status() -> None:
    conversation = Conversation(ScriptedStack(QUEUED, done(), then=(StackAway("away"),)), "one", "", "two")
    assert conversation.command.take_lines() == 1
    assert conversation.notes == "switchyard: away\n"
    assert Conversation(ScriptedStack(QUEUED, done()), "one", "/quit", "two").command.take_lines() == 0


def test_ctrl_c_ends_the_lines_of_a_program() -> None:
    stack = ScriptedStack(QUEUED, KeyboardInterrupt())
    assert Conversation(stack, "one", "two").command.take_lines() == 130
    assert (len(stack.asked), stack.cancelled) == (1, ["r"])


def test_a_terminal_that_lacks_a_character_is_shown_its_escape_and_json_keeps_its_value() -> None:
    conversation = Conversation(ScriptedStack(QUEUED, delta("caf\u00e9 \u2603\U0001f600"), done()), encoding="latin-1")
    assert conversation.command.ask("q") == 0
    assert conversation.out.splitlines()[0] == "caf\u00e9 \\u2603\\ud83d\\ude00"
    answer = ANSWER | {"message": "\u2603\U0001f600 \u00e9"}
    stack = ScriptedStack(QUEUED, StreamEvent("", "done", answer))
    as_json = Conversation(stack, as_json=True, encoding="ascii")
    assert as_json.command.ask("q") == 0
    assert json.loads(as_json.out) == answer


def test_bytes_that_are_no_text_are_not_sent() -> None:
    stack = ScriptedStack(QUEUED, done())
    conversation = Conversation(stack)
    assert conversation.command.ask("caf\udce9") == 1
    assert (stack.asked, len(conversation.notes.splitlines())) == ([], 1)


def test_an_answer_that_nobody_reads_any_more_is_stopped() -> None:
    stack = ScriptedStack(QUEUED, BrokenPipeError())
    with pytest.raises(BrokenPipeError):
        Conversation(stack).command.ask("q")
    assert stack.cancelled == ["r"]


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"switchyard {VERSION}\n")


@pytest.mark.parametrize(
    ("said", "sent"), [("yes", True), ("no", False), *((level, level) for level in ("low", "medium", "high", "max"))]
)
def test_a_command_line_says_how_a_model_thinks(said: str, sent: object) -> None:
    assert build_parser().parse_args(["chat", "--think", said, "hello"]).think == sent


@pytest.mark.parametrize("question", ["", " \t"])
def test_an_empty_question_is_a_mistake_and_not_a_conversation(question: str) -> None:
    notes = io.StringIO()
    given = build_parser().parse_args(["chat", "--key", "k", question])
    assert run(given, {}, Console(io.StringIO()), Console(notes)) == 2
    assert notes.getvalue() == "switchyard: the question: is empty\n"
