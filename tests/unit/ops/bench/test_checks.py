"""A short or wrong answer never counts."""

import json
from uuid import uuid4

import pytest

from app.agents.citing import cite
from app.ids import ChunkId, DocumentId
from app.retrieval.passages import Passage
from app.retrieval.pertinence import pertinent
from ops.bench import checks
from ops.bench.checks import Check, verdict
from ops.bench.client import Reply
from ops.bench.parts import TEXT
from ops.bench.sides import COMPLEX, SIMPLE
from ops.bench.world import DOCUMENT

ANSWER: dict[str, object] = {"message": TEXT, "degraded": [], "citations": [{}]}


def reply(body: str, status: int = 200) -> Reply:
    """Return a reply with that body."""
    return Reply(status, body.encode(), 0.0, 0.0, 0.0)


def lines(*texts: str, done: bool = True) -> str:
    """Return what a node sends."""
    sent = [{"message": {"content": text}, "done": False} for text in texts]
    return "\n".join(json.dumps(line) for line in [*sent, {"message": {"content": ""}, "done": done}])


def events(*bodies: object, kind: str = "") -> str:
    """Return server-sent events."""
    head = f"event: {kind}\n" if kind else ""
    return "".join(f"{head}data: {body if isinstance(body, str) else json.dumps(body)}\n\n" for body in bodies)


def deltas(text: str) -> str:
    """Return an agent's events of one text."""
    return "retry: 1000\n\n" + events({"text": text[:2]}, {"text": text[2:]}, kind="delta")


def chunk(text: str) -> dict[str, object]:
    """Return a chunk of the OpenAI dialect."""
    return {"choices": [{"delta": {"content": text}}]}


WHOLE: list[tuple[Check, str]] = [
    (checks.node_lines, lines(*TEXT)),
    (checks.passed, json.dumps({"text": TEXT})),
    (checks.passed_stream, events(*({"delta": letter} for letter in TEXT), {"text": TEXT})),
    (checks.answered, json.dumps(ANSWER)),
    (checks.answered_stream, deltas(TEXT) + events(ANSWER, kind="done")),
    (checks.completed, json.dumps({"choices": [{"message": {"content": TEXT}}]})),
    (checks.completed_stream, events(chunk(""), *map(chunk, TEXT), "[DONE]")),
]

WRONG: list[tuple[Check, str]] = [
    (checks.node_lines, lines(*TEXT, done=False)),
    (checks.node_lines, ""),
    (checks.passed_stream, ""),
    (checks.passed_stream, events({"delta": TEXT})),
    (checks.answered, json.dumps(ANSWER | {"degraded": ["retrieval"]})),
    (checks.answered, json.dumps(ANSWER | {"citations": []})),
    (checks.answered_stream, deltas(TEXT)),
    (checks.answered_stream, deltas(TEXT) + events({"offset": 0}, kind="restart") + events(ANSWER, kind="done")),
    (checks.answered_stream, deltas(TEXT) + events({"code": "x"}, kind="error")),
    (checks.completed_stream, events(*map(chunk, TEXT))),
]


@pytest.mark.parametrize(("check", "body"), WHOLE)
def test_a_whole_answer_is_right(check: Check, body: str) -> None:
    assert verdict(check, reply(body)) is None


@pytest.mark.parametrize(("check", "body"), WHOLE)
def test_an_answer_with_one_letter_less_or_another_is_wrong(check: Check, body: str) -> None:
    last = TEXT[-1]
    for changed in ("", "#"):
        cut = body[::-1].replace(last, changed, 1)[::-1]
        assert verdict(check, reply(cut)) is not None


@pytest.mark.parametrize(("check", "body"), WRONG)
def test_what_is_not_a_whole_good_answer_is_wrong(check: Check, body: str) -> None:
    assert verdict(check, reply(body)) is not None


@pytest.mark.parametrize(("check", "body"), WHOLE)
def test_any_other_status_is_wrong(check: Check, body: str) -> None:
    assert "503" in (verdict(check, reply(body, status=503)) or "")


@pytest.mark.parametrize("check", [check for check, _ in WHOLE])
def test_what_is_not_the_expected_form_is_wrong(check: Check) -> None:
    assert verdict(check, reply("data: <html>\n\n")) is not None


@pytest.mark.parametrize("question", [SIMPLE, COMPLEX])
def test_what_the_models_always_answer_has_a_source_in_the_document(question: str) -> None:
    text = DOCUMENT.replace("\n\n#", "\n\n\n#").split("\n\n\n")
    passages = [
        Passage(ChunkId(uuid4()), DocumentId(uuid4()), "guide.md", part.split("\n")[0].strip("# "), part, 0, 1, 1.0)
        for part in text
    ]
    assert cite(pertinent(passages, question), question, TEXT)
