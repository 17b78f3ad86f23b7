"""`switchyard evaluate` and `switchyard judge`, over a stack that answers as the tests say."""

import argparse
import io
import json
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from app import judge_command, team_command
from app.console import Console
from app.conversation import Stack, StackAway, StackRefused, StreamEvent

PAY = "What do I pay?"
BILLING = "billing_agent"
SET: list[dict[str, Any]] = [
    {"id": "premium", "question": PAY, "context": {"policy_number": "POL1"}, "agent": BILLING, "facts": [["$5"]]},
    {"id": "person", "question": "A person, please.", "agent": "human_escalation", "waits": True},
    {"id": "due", "question": "When is it due?", "earlier": [{"role": "user", "content": PAY}], "agent": BILLING},
]
PREMIUM = {
    "message": "You pay $5.",
    "agent_used": "billing_agent",
    "session_id": "s-1",
    "citations": [{"document": "faq.md", "quote": "It costs $5."}],
    "support": [{"start": 0, "end": 11, "supported": "yes"}],
    "details": {"chosen_by": "rule"},
    "metadata": {"run_id": "r-1", "processing_time_ms": 1500, "cost_usd": 0.25},
}
ASKED = {"interrupts": [{"interrupt_id": "i", "agent": "human_escalation", "text": "Who are you?"}]}
Answering = Callable[[str], StreamEvent | Exception]


def done(**more: object) -> StreamEvent:
    return StreamEvent("1", "done", PREMIUM | more)


def right(message: str) -> StreamEvent | Exception:
    return StreamEvent("1", "interrupt", ASKED) if "person" in message else done()


class Served:
    """A stack that answers by `answering`, and what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answering: Answering = right) -> None:
        self.answering = answering
        self.asked: list[Mapping[str, Any]] = []
        self.cancelled: list[str] = []

        def ask(_: Stack, body: Mapping[str, Any], __: str | None = None) -> Generator[StreamEvent]:
            self.asked.append(body)
            yield StreamEvent("0", "queued", {"run_id": f"r-{len(self.asked)}", "session_id": "s-1"})
            told = self.answering(body["message"])
            if isinstance(told, Exception):
                raise told
            yield told

        def cancel(_: Stack, run_id: str) -> None:
            self.cancelled.append(run_id)

        monkeypatch.setattr(Stack, "ask", ask)
        monkeypatch.setattr(Stack, "cancel", cancel)


def run(module: Any, *words: str) -> tuple[int, str, str]:  # noqa: ANN401 - one of the two commands
    """Return the exit status, what was said, and what was noted."""
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    said, noted = io.StringIO(), io.StringIO()
    given = parser.parse_args([*words, *([] if "--labels" in words else ["--key", "sy_a_b"])])
    act = module.run_evaluate if module is team_command else module.run_judge
    status: int = act(given, {}, Console(said), Console(noted))
    return status, said.getvalue(), noted.getvalue()


@pytest.fixture(autouse=True)
def questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The set of the team `insurance`, in the present folder."""
    (tmp_path / "evaluation" / "reports").mkdir(parents=True)
    (tmp_path / "evaluation" / "insurance.jsonl").write_text("\n".join(map(json.dumps, SET)))
    monkeypatch.chdir(tmp_path)


def test_the_teams_own_set_is_asked_and_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    served = Served(monkeypatch)
    status, said, noted = run(team_command, "insurance", "--json")
    assert status == 0
    report = json.loads(said)["report"]
    assert [row["marks"] for row in report["rows"]] == [
        {"answered": 1.0, "agent": 1.0, "facts": 1.0},
        {"answered": 1.0, "agent": 1.0, "waits": 1.0},
        {"answered": 1.0, "agent": 1.0},
    ]
    assert (report["rows"][0]["chosen_by"], report["rows"][0]["groundedness"]) == ("rule", 1.0)
    assert served.asked[0] == {"message": "What do I pay?", "team": "insurance", "context": {"policy_number": "POL1"}}
    assert "3 of 3 questions asked" in noted


def test_what_went_before_is_asked_before_in_the_same_session(monkeypatch: pytest.MonkeyPatch) -> None:
    served = Served(monkeypatch)
    run(team_command, "insurance")
    assert [body["message"] for body in served.asked[2:]] == ["What do I pay?", "When is it due?"]
    assert "session_id" not in served.asked[2]
    assert served.asked[3]["session_id"] == "s-1"


def test_a_run_that_waits_for_a_person_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    served = Served(monkeypatch)
    run(team_command, "insurance")
    assert served.cancelled == ["r-2"]


@pytest.mark.parametrize("failure", [StackRefused({"code": "answer_empty", "detail": "nothing"}), StackAway("gone")])
def test_a_question_that_is_not_answered_is_wrong_and_the_others_are_asked(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    served = Served(monkeypatch, lambda message: failure if message == "What do I pay?" else right(message))
    status, said, _ = run(team_command, "insurance")
    assert status == 0
    assert {body["message"] for body in served.asked} >= {"A person, please."}
    assert "answer_empty" in said or "gone" in said
    line = next(line for line in said.splitlines() if line.startswith("premium"))
    assert "answered, agent, facts" in line


def test_what_got_worse_ends_with_one_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    Served(monkeypatch)
    assert run(team_command, "insurance", "--out", "evaluation/reports/insurance.json")[0] == 0
    assert run(team_command, "insurance")[0] == 0
    Served(monkeypatch, lambda message: right(message) if "person" in message else done(message="You pay $6."))
    status, said, _ = run(team_command, "insurance")
    assert status == 1
    assert "facts (insurance) is worse for premium" in said
    assert "worse than is tolerated: facts (insurance)" in said
    assert run(team_command, "insurance", "--tolerance", "0.99")[0] == 1
    Served(monkeypatch)
    assert run(team_command, "insurance")[0] == 0


def test_a_report_keeps_no_answer_and_the_answers_no_mark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Served(monkeypatch)
    run(team_command, "insurance", "--out", "report.json", "--answers", "answers.jsonl")
    assert "You pay" not in (tmp_path / "report.json").read_text()
    answers = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert answers[0]["id"] == "due"
    assert answers[2] == {
        "id": "premium",
        "question": "What do I pay?",
        "answer": "You pay $5.",
        "passages": [{"document": "faq.md", "quote": "It costs $5."}],
        "run_id": "r-1",
    }
    assert "marks" not in answers[0]


REQUEST = {"request": "Book a review", "time_zone": "Europe/Berlin", "now": "2026-11-30T09:00:00Z"}
EVENT: dict[str, Any] = {
    "title": "review",
    "starts_at": "2026-12-01T14:00",
    "duration_minutes": 90,
    "place": None,
    "attendees": [],
}
READ = {"title": "Review", "starts_at": "2026-12-01T14:00+01:00", "ends_at": "2026-12-01T15:30+01:00"}
RUNS: list[Mapping[str, Any]] = [
    {"answer": None, "ended": False},
    {"answer": PREMIUM | {"details": READ}, "ended": True},
    {"answer": None, "ended": True, "state": "failed", "error": {"code": "run_failed", "detail": "broken"}},
]


def test_a_request_goes_to_events_and_is_marked_by_the_fields_of_its_task(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines: list[dict[str, Any]] = [{"id": "a", **REQUEST, "event": EVENT}, {"id": "b", **REQUEST, "lacks": ["time"]}]
    (tmp_path / "evaluation" / "scheduler.jsonl").write_text("\n".join(map(json.dumps, lines)))
    runs, asked = iter(RUNS), list[tuple[str, Mapping[str, Any]]]()

    def post(_: Stack, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append((path, body))
        return {"task_id": "t-1"}

    def get(_: Stack, __: str) -> Mapping[str, Any]:
        return next(runs)

    def no_wait(_: float) -> None:
        """Go on at once."""

    monkeypatch.setattr(Stack, "post", post)
    monkeypatch.setattr(Stack, "get", get)
    monkeypatch.setattr(team_command.time, "sleep", no_wait)
    _, said, _ = run(team_command, "scheduler", "--json")
    rows = json.loads(said)["report"]["rows"]
    assert asked[0] == (
        "/events",
        {"message": "Book a review"} | {name: REQUEST[name] for name in ("time_zone", "now")},
    )
    assert rows[0]["marks"] == {"answered": 1.0, "event_fields": 1.0, "event": 1.0}
    assert (rows[1]["problem"], rows[1]["marks"]["event_fields"]) == ("run_failed: broken", 0.0)


def test_answers_are_judged_through_the_stack_and_held_against_labels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Served(monkeypatch)
    run(team_command, "insurance", "--answers", "answers.jsonl")
    bodies: list[Mapping[str, Any]] = []

    def post(_: Stack, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        assert path == "/v1/chat/completions"
        bodies.append(body)
        if "A person" in body["messages"][0]["content"]:
            raise StackRefused({"code": "no_slot_in_time", "detail": "later"})
        verdict = {"role": "assistant", "content": '{"verdict": "yes"}'}
        return {"model": "m", "choices": [{"message": verdict}], "system_fingerprint": "ab"}

    monkeypatch.setattr(Stack, "post", post)
    prompts = str(Path(__file__).parents[3] / "prompts")
    words = ("answers", "--answers", "answers.jsonl", "--out", "judged.jsonl", "--prompts", prompts)
    status, said, noted = run(judge_command, *words)
    assert (status, said[:27]) == (0, "2 of 3 answers are judged, ")
    assert "person is not judged: no_slot_in_time" in noted
    assert bodies[0]["response_format"]["json_schema"]["schema"]["required"] == ["verdict"]
    labels = ('{"id": "premium", "grounded": 1, "by": "reader"}', '{"id": "due", "grounded": 0, "by": "reader"}')
    (tmp_path / "labels.jsonl").write_text("\n".join(labels))
    words = ("agreement", "--labels", "labels.jsonl", "--judgements", "judged.jsonl", "--json")
    status, said, _ = run(judge_command, *words)
    found = json.loads(said)
    assert (status, found["answers"], found["same"], found["without"]) == (0, 2, 0.5, [])
