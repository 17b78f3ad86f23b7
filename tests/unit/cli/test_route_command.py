"""`switchyard route`, against a stack that answers as ours does."""

import argparse
import io
import json
from typing import Any

import pytest

from app import route_command
from app.console import Console
from app.conversation import Stack, StackRefused

PLAN: dict[str, Any] = {
    "model": "s",
    "reason": "warm_and_free",
    "explanation": {
        "chosen": "s on a (simple)",
        "why": "The tier simple was needed: the question was rated 0.10 of 1.",
        "runner_up": "s on b (simple)",
        "lacked": "its node did not answer",
    },
    "candidates": [
        {
            "node": "a", "model": "s", "tier": "simple", "wait_s": 0.0, "load_s": 0.0, "prefill_s": 0.1,
            "decode_s": 1.5, "cost_usd_micro": 160, "excluded": None, "withheld": None,
        },
        {
            "node": "b", "model": "s", "tier": "simple", "wait_s": 0.0, "load_s": 0.0, "prefill_s": 0.0,
            "decode_s": 0.0, "cost_usd_micro": 0, "excluded": "node_down", "withheld": None,
        },
    ],
}  # fmt: skip


def run(monkeypatch: pytest.MonkeyPatch, reply: object, *words: str) -> tuple[int, str, str, list[object]]:
    """Return the exit status, what was said, and what the stack was asked."""
    asked: list[object] = []

    def post(_: Stack, path: str, body: object) -> object:
        asked.append((path, body))
        if isinstance(reply, Exception):
            raise reply
        return reply

    monkeypatch.setattr(Stack, "post", post)
    parser = argparse.ArgumentParser()
    route_command.add_arguments(parser)
    said, noted = io.StringIO(), io.StringIO()
    given = parser.parse_args(["--key", "sy_a_b", *words])
    return route_command.run_route(given, {}, Console(said), Console(noted)), said.getvalue(), noted.getvalue(), asked


def test_it_says_where_a_question_would_go_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    status, said, _, asked = run(monkeypatch, PLAN, "Why?", "--min-tier", "simple", "--no-degrade")
    assert status == 0
    assert said.startswith("s on a (simple) (warm_and_free)\nThe tier simple was needed:")
    assert "Next: s on b (simple); its node did not answer." in said
    assert "node_down" in said
    contract = {"min_tier": "simple", "digest": None, "no_degrade": True}
    assert asked == [("/api/v1/routes", {"message": "Why?", "model": "auto", "max_tokens": 320, "contract": contract})]


def test_as_json_it_says_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    _, said, _, _ = run(monkeypatch, PLAN, "Why?", "--json")
    assert json.loads(said) == PLAN


def test_where_nothing_can_take_it_the_status_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    words = {"chosen": None, "why": "Nothing could take the call.", "runner_up": None, "lacked": None}
    plan: dict[str, Any] = {"model": None, "reason": None, "explanation": words, "candidates": []}
    status, said, _, _ = run(monkeypatch, plan, "Why?")
    assert (status, said.splitlines()[0]) == (1, "nothing can take it")


def test_a_refusal_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = StackRefused({"code": "model_unknown", "detail": "no such model"})
    status, _, noted, _ = run(monkeypatch, refusal, "Why?", "--model", "x")
    assert (status, noted) == (1, "switchyard: model_unknown: no such model\n")
