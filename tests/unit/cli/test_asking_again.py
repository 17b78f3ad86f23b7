"""A refusal that may pass is waited out, told, and given up in the end."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.asking_again import Waits, read_retry_after
from app.conversation import StackRefused, StreamEvent
from tests.unit.cli.scripted import QUEUED, Conversation, ScriptedStack, delta, done

BUSY: dict[str, Any] = {"code": "rate_limited", "detail": "too many requests", "retryable": True}
WRONG: dict[str, Any] = {"code": "context_too_long", "detail": "it does not fit", "retryable": False}
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("\u0663", None),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value, NOW) == seconds


def test_what_the_stack_does_not_time_is_waited_for_twice_as_long_each_time_and_never_over_the_limit() -> None:
    waits = Waits(100.0)
    assert [waits.take(BUSY, None) for _ in range(6)] == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert waits.take(BUSY, None) is None
    assert waits.take(BUSY, 10.0) == 10.0
    assert waits.take(BUSY, 1.0) is None
    assert waits.waited_s == 100.0


def test_at_least_a_second_is_waited_and_nothing_for_what_never_passes() -> None:
    assert Waits().take(BUSY, 0.0) == 1.0
    assert Waits().take(WRONG, 1.0) is None
    assert Waits().take({"code": "x"}, 1.0) is None
    assert Waits(0.0).take(BUSY, 1.0) is None


def test_a_question_is_asked_again_when_the_stack_says_and_under_the_same_key() -> None:
    stack = ScriptedStack(StackRefused(BUSY, 5.0), then=(QUEUED, delta("ok"), done()))
    conversation = Conversation(stack)
    assert conversation.command.ask("q") == 0
    assert conversation.waits == [5.0]
    assert conversation.notes == "(rate_limited: too many requests; again in 5 s)\n"
    assert conversation.out.splitlines()[0] == "ok"
    first, second = stack.keys
    assert first == second is not None


def test_a_stream_that_ends_with_a_problem_that_may_pass_begins_again() -> None:
    failed = StreamEvent("", "error", BUSY | {"code": "node_failed"})
    stack = ScriptedStack(QUEUED, delta("half an ans"), failed, then=(QUEUED, delta("ok"), done()))
    conversation = Conversation(stack)
    assert conversation.command.ask("q") == 0
    assert conversation.waits == [2.0]
    assert conversation.notes == "(node_failed: too many requests; again in 2 s)\n"
    assert conversation.out.splitlines()[:2] == ["half an ans", "ok"]
    assert stack.asked[1]["session_id"] == "s-1"


def test_what_never_passes_is_not_asked_again() -> None:
    stack = ScriptedStack(StackRefused(WRONG, 5.0))
    conversation = Conversation(stack)
    assert conversation.command.ask("q") == 1
    assert conversation.notes == "switchyard: context_too_long: it does not fit\n"
    assert (conversation.waits, len(stack.asked)) == ([], 1)


def test_after_the_limit_it_gives_up_with_the_detail_and_a_status_of_its_own() -> None:
    conversation = Conversation(ScriptedStack(StackRefused(BUSY, 25.0)))
    assert conversation.command.ask("q") == 75
    assert conversation.waits == [25.0, 25.0]
    assert conversation.notes.splitlines()[-1] == (
        "switchyard: rate_limited: too many requests "
        "(gave up after waiting 50 s: another try may help in 25 s; see --wait)"
    )


def test_a_wait_longer_than_the_limit_is_not_begun() -> None:
    conversation = Conversation(ScriptedStack(StackRefused(BUSY, 3600.0)))
    assert conversation.command.ask("q") == 75
    assert conversation.waits == []
    assert "another try may help in 3600 s" in conversation.notes


def test_ctrl_c_ends_a_wait_and_cancels_nothing() -> None:
    stack = ScriptedStack(QUEUED, StreamEvent("", "error", BUSY))
    conversation = Conversation(stack, wait=interrupted)
    assert conversation.command.ask("q") == 130
    assert stack.cancelled == []


def interrupted(_: float) -> None:
    """Be a wait in which somebody presses Ctrl-C."""
    raise KeyboardInterrupt
