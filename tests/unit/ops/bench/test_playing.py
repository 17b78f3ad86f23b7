"""How clients of too much work end, and what is made of their ends."""

import json
import math
from collections import Counter

import pytest

from ops.bench.client import Reply
from ops.bench.crowd import End, Job
from ops.bench.crowded import HEAVY, MODEL, TOKENS_PER_S, door, tokens_of
from ops.bench.overload import as_played, came_of
from ops.bench.playing import Played, end_of, words_of
from ops.bench.refusals import refusing
from ops.local.ollama.wire import Message
from tests.fakes.replies import words_wanted

JOB = Job(HEAVY, 1.0, 0.1, 0.1, patience_s=2.0)
WORDS = tokens_of(JOB)


def streamed(*words: str, end: str = "data: [DONE]\n\n", status: int = 200, waited_ms: int = 0) -> Reply:
    """Return a streamed answer."""
    chunks = [json.dumps({"choices": [{"delta": {"content": word}}]}) for word in words]
    body = "".join(f"data: {chunk}\n\n" for chunk in chunks) + end
    return Reply(status, body.encode(), 1.0, 1.1, 1.25, waited_ms)


def test_an_answer_is_one_when_it_has_as_many_words_as_were_asked_for_and_its_end() -> None:
    faults = Counter[str]()
    whole = end_of(JOB, streamed(*["word "] * WORDS), 1.2, faults)
    assert (whole.is_answered, whole.gpu_us, faults.total()) == (True, round(WORDS / TOKENS_PER_S * 1e6), 0)
    for wrong in (
        streamed("word "),
        streamed(*["word "] * WORDS, end=""),
        streamed(*["word "] * WORDS, status=500),
        Reply(200, b"data: {\n\ndata: [DONE]\n\n", 1.0, 1.1, 1.2),
    ):
        ended = end_of(JOB, wrong, 1.2, faults)
        assert (ended.is_answered, ended.is_refused) == (False, False)
    assert faults.total() == 4
    assert words_of(Reply(200, b"", 1.0, 0.0, 1.2)) == 0


@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_is_one_at_once_unless_the_call_had_waited(status: int) -> None:
    faults = Counter[str]()
    at_once = end_of(JOB, Reply(status, b"{}", 1.0, 0.0, 1.25), 1.3, faults)
    later = end_of(JOB, Reply(status, b"{}", 1.0, 0.0, 2.9, waited_ms=1900), 2.9, faults)
    assert (at_once.is_refused, at_once.is_late, at_once.decided_s) == (True, False, 0.25)
    assert (later.is_refused, later.is_late, faults.total()) == (True, True, 0)
    assert Played(ends=[at_once, later]).refusals_s == [0.25]


def test_who_left_was_neither_answered_nor_refused() -> None:
    left = end_of(JOB, None, 3.0, Counter())
    assert (left.is_answered, left.is_refused, left.took_s) == (False, False, 2.0)


def test_goodput_is_what_was_answered_in_time_of_what_the_nodes_can_do() -> None:
    job = Job("light-0", 0.0, 1.0, 1.0)
    ends = [End(job, 1.0, is_answered=True)] * 4 + [End(job, 0.2, is_refused=True, decided_s=0.004)] * 4
    ends += [End(job, 0.9, is_refused=True, is_late=True), End(job, 0.9)]
    played = Played(ends=ends, cpu_s={"crowd-1": 0.01, "valkey": 0.01})
    came = came_of(10, played, 0.0, 1.0, capacity=0.5)
    # Four seconds of answers by eight slots in a second, of which half can be done.
    assert (came.goodput, came.refused, came.late, came.faults) == (1.0, 0.4, 0.1, 0.0)
    assert (came.refusal_p50_s, came.cpu_ms) == (0.004, 2.0)
    none = came_of(2, Played(ends=[End(job, 1.0, is_answered=True)]), 0.0, 1.0, capacity=1.0)
    assert math.isnan(none.refusal_p99_s)
    assert math.isnan(none.cpu_ms)


def test_what_is_asked_names_the_length_in_words_alone_and_gives_away_no_limit() -> None:
    asked = json.loads(door("x", ["http://127.0.0.1:1/v1"], {}, {}).body(JOB))
    assert asked["messages"][0]["content"] == f"Tell me of the harbour in {WORDS} words."
    assert (asked["model"], asked["stream"], asked["max_tokens"]) == (MODEL, True, 1024)
    assert as_played([JOB])[0].takes_s == WORDS / TOKENS_PER_S


def test_the_scriptable_node_finds_in_the_last_question_how_long_the_answer_is() -> None:
    first, last = (Message(role="user", content=f"Tell me in {count} words.") for count in (3, 12))
    assert words_wanted([first, Message(role="assistant", content="in 5 words"), last]) == 12
    assert words_wanted([Message(role="user", content="Tell me in a few words.")]) is None


def test_a_refusals_cost_is_told_for_a_thousand() -> None:
    made = refusing(1, [0.002, 0.004], {"crowd-1": 0.003})
    assert (made.requests, made.p50_s, made.p99_s, made.cpu_s) == (2, 0.002, 0.004, {"crowd-1": 1.5})
