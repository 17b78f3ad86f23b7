"""`switchyard retrieval evaluate`, against a stack whose search answers as ours does."""

import argparse
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app import evaluation_command
from app.console import Console
from app.conversation import Stack, StackRefused
from app.errors import BadInput
from app.retrieval.evaluation.golden import read_golden

LINES = """\
{"id": "plates", "question": "How many plates?", "documents": ["kiln.pdf"], "pages": [3], "facts": [["48 plates"]]}
{"id": "moon", "question": "How far is the moon?"}
"""
FILING = {
    "financebench_id": "f1", "doc_name": "A_2023_10K", "question": "?", "answer": "-",
    "evidence": [{"page": 51, "text": "a", "doc_name": "A"}, {"page": 3, "text": "b", "doc_name": "A"}],
}  # fmt: skip


def passage(page: int, text: str) -> dict[str, Any]:
    """A passage as a search shows it, with more than the command reads."""
    return {"document_id": "1", "document": "kiln.pdf", "page": page, "text": text, "score": 0.7, "also": []}


class Served:
    """A search that finds these passages for a question, and remembers what it was asked."""

    def __init__(self, found: Mapping[str, list[dict[str, Any]]]) -> None:
        self.found = found
        self.asked: list[Any] = []
        self.refusal: StackRefused | None = None

    def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer."""
        self.asked.append((path, body))
        if self.refusal is not None:
            raise self.refusal
        return {"outcome": "found", "passages": self.found.get(body["question"], [])}


RIGHT = {"How many plates?": [passage(2, "A kiln."), passage(3, "It holds 48 plates.")]}
WRONG = {"How many plates?": [passage(2, "A kiln.")], "How far is the moon?": [passage(2, "A kiln.")]}


def run(monkeypatch: pytest.MonkeyPatch, served: Served, *words: str) -> tuple[int, str, str]:
    """Return the exit status, what was said, and what was noted."""

    def post(_: Stack, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return served.post(path, body)

    monkeypatch.setattr(Stack, "post", post)
    parser = argparse.ArgumentParser()
    evaluation_command.add_arguments(parser)
    said, noted = io.StringIO(), io.StringIO()
    given = parser.parse_args(["--key", "sy_a_b", *words])
    status = evaluation_command.run_evaluate(given, {}, Console(said), Console(noted))
    return status, said.getvalue(), noted.getvalue()


@pytest.fixture
def questions(tmp_path: Path) -> str:
    """A file of two questions."""
    path = tmp_path / "golden.jsonl"
    path.write_text(LINES)
    return str(path)


def test_each_question_is_asked_of_all_documents_and_of_its_own(
    monkeypatch: pytest.MonkeyPatch, questions: str
) -> None:
    served = Served(RIGHT)
    status, said, _ = run(monkeypatch, served, "--questions", questions)
    assert status == 0
    assert [(path, body["question"], body["filters"]["documents"]) for path, body in served.asked] == [
        ("/api/v1/search", "How many plates?", ()),
        ("/api/v1/search", "How many plates?", ("kiln.pdf",)),
        ("/api/v1/search", "How far is the moon?", ()),
    ]
    lines = [line.split() for line in said.splitlines()]
    assert ["plates", "all", "2", "1", "2", "kiln.pdf", "p.", "2", "(0.70)"] in lines
    assert ["moon", "all", "nothing"] in lines


def test_a_worse_search_is_blocked_and_its_questions_are_named(
    monkeypatch: pytest.MonkeyPatch, questions: str, tmp_path: Path
) -> None:
    before = str(tmp_path / "before.json")
    assert run(monkeypatch, Served(RIGHT), "--questions", questions, "--out", before)[0] == 0
    same = run(monkeypatch, Served(RIGHT), "--questions", questions, "--against", before)
    assert (same[0], same[1].splitlines()[-1]) == (0, "the change may go live")
    status, said, _ = run(monkeypatch, Served(WRONG), "--questions", questions, "--against", before)
    assert status == evaluation_command.BLOCKED
    assert "page_hit (all) fell; worse: plates" in said
    assert "nothing_found (all) fell; worse: moon" in said
    assert said.splitlines()[-1] == "the change is worse than is tolerated"
    status, said, _ = run(monkeypatch, Served(WRONG), "--questions", questions, "--against", before, "--json")
    told = json.loads(said)
    assert status == evaluation_command.BLOCKED
    assert {change["metric"] for change in told["verdict"]["blocking"]} >= {"page_hit", "support", "nothing_found"}
    assert told["report"]["rows"][0]["id"] == "plates"


def test_a_refusal_is_one_line(monkeypatch: pytest.MonkeyPatch, questions: str) -> None:
    served = Served(RIGHT)
    served.refusal = StackRefused({"code": "document_unknown", "detail": "there is no such document"})
    status, said, noted = run(monkeypatch, served, "--questions", questions)
    assert (status, said, noted) == (1, "", "switchyard: document_unknown: there is no such document\n")


def test_questions_of_financebench_count_pages_from_0(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps(FILING))
    (golden,) = read_golden(path)
    assert (golden.id, golden.documents, golden.pages, golden.quote) == ("f1", ("A_2023_10K.pdf",), (4, 52), "a\nb")


def test_the_project_s_own_questions_are_read_with_their_paraphrases() -> None:
    samples = Path(__file__).parents[3] / "samples"
    found = [one for name in ("questions.toml", "library.toml") for one in read_golden(samples / name)]
    assert any(one.id.endswith("/1") for one in found)
    assert any(not one.documents for one in found)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no question"),
        ("{", "golden.jsonl"),
        ('{"id": "a", "question": "?", "sense": 1}', "sense"),
        ('{"id": "a", "question": "?"}\n{"id": "a", "question": "!"}', "an id twice"),
        ('{"id": "a", "question": "?", "pages": [1]}', "pages are of one document"),
    ],
)
def test_questions_that_make_no_sense_are_refused(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "golden.jsonl"
    path.write_text(text)
    with pytest.raises(BadInput, match=why):
        read_golden(path)


def test_questions_and_reports_are_read_as_windows_saves_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, questions: str
) -> None:
    saved = tmp_path / "GOLDEN.TOML"
    text = '[[questions]]\nid = "a"\nask = "Wie heiß?"\n'
    saved.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert [one.question for one in read_golden(saved)] == ["Wie heiß?"]
    report = tmp_path / "before.json"
    run(monkeypatch, Served(RIGHT), "--questions", questions, "--out", str(report))
    report.write_bytes(b"\xef\xbb\xbf" + report.read_bytes().replace(b"\n", b"\r\n"))
    assert run(monkeypatch, Served(RIGHT), "--questions", questions, "--against", str(report))[0] == 0


def test_what_ends_a_line_for_others_ends_no_question(tmp_path: Path) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"id": "a", "question": "One\u2028two\u0085three?"}\n', encoding="utf-8")
    assert [one.question for one in read_golden(lines)] == ["One\u2028two\u0085three?"]


@pytest.mark.parametrize(
    "content", ["Wie heiß?".encode("cp1252"), "a".encode("utf-16"), None], ids=["cp1252", "utf-16", "none"]
)
def test_a_file_that_is_no_text_is_told_in_a_line(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "lines.jsonl"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadInput, match=r"lines\.jsonl cannot be read"):
        read_golden(file)


@pytest.mark.parametrize("words", [("--k", "0"), ("--k", "five"), ("--tolerance", "nan"), ("--tolerance", "-0.1")])
def test_numbers_that_make_no_sense_are_refused(
    monkeypatch: pytest.MonkeyPatch, questions: str, words: tuple[str, str]
) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch, Served(RIGHT), "--questions", questions, *words)
