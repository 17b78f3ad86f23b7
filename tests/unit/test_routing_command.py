"""`switchyard routing`: what it writes, and what it refuses to write."""

import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from app.cli import build_parser, run
from app.console import Console
from app.errors import BadInput
from app.inference.routing.complexity import SHIPPED, rate, read_weights
from app.inference.wire.bodies import EmbedReply
from app.inference.wire.exchange import Target
from app.inference.wire.ollama import Look, Ollama
from app.inference.words.failures import CallBroke, Failure
from app.routing_vectors import Embedding, vectors_of
from tests.unit.inference.routing.test_lab import made, write_outcomes

LABELS = """
[fit]
simple = ["What is the weight?", "Who signs?", "Where is it?", "When is it?"]
medium = ["How do I reset it?", "Explain the fee.", "Why is it slow?", "How does it work?"]
complex = ["Design a plan and justify it.", "Compare both and recommend one.", "Prove it.", "Analyse and evaluate it."]
[check]
simple = ["What is the colour?"]
medium = ["How do I clean it?"]
complex = ["Propose and defend a strategy."]
"""


def routing(*arguments: str | Path) -> tuple[int, str, str]:
    """Return the exit status and what was written and noted."""
    out, notes = io.StringIO(), io.StringIO()
    given = build_parser().parse_args(["routing", *map(str, arguments)])
    return run(given, {}, Console(out), Console(notes)), out.getvalue(), notes.getvalue()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a directory with useless outcomes: nothing in a text says which model is needed."""
    folder = tmp_path / "data"
    folder.mkdir()
    write_outcomes(folder / "outcomes.csv", made(rows=240)[0])
    (folder / "questions.toml").write_text(LABELS)
    return folder


@pytest.fixture
def telling(tmp_path: Path) -> Path:
    """Return a directory with outcomes where longer prompts need the strong model."""
    folder = tmp_path / "telling"
    folder.mkdir()
    with (folder / "outcomes.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("subject", "prompt", "weak_correct", "strong_correct"))
        for row in range(240):
            size = int(np.random.default_rng(row).integers(1, 60))
            prompt = f"{'lamp ' * size}\nA. one\nB. two\nAnswer:"
            writer.writerow((f"subject{row % 6}", prompt, int(size < 30), 1))
    (folder / "questions.toml").write_text(LABELS)
    return folder


def lines_of(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Put lines on standard input."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_score_writes_the_need_of_each_line(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = ["hello", "Prove that\nit holds.", "証明せよ"]
    lines_of(monkeypatch, *(msgspec.json.encode(question).decode() for question in questions))
    status, out, _ = routing("score")
    assert status == 0
    needs = [rate(question, turns=0, session_tier=None).need for question in questions]
    assert list(map(float, out.split())) == pytest.approx(needs, abs=1e-8)
    assert 0 <= min(needs) < max(needs) <= 1


@pytest.mark.parametrize("line", ["hello", "{}", "17", ""])
def test_score_names_the_line_that_is_no_json_string(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines_of(monkeypatch, '"hello"', line)
    status, out, notes = routing("score")
    assert (status, len(out.splitlines())) == (1, 1)
    assert "line 2 is no JSON string" in notes


def test_a_router_that_a_shuffle_beats_is_not_written(data: Path, tmp_path: Path) -> None:
    out, page = tmp_path / "weights.json", tmp_path / "page.md"
    status, _, notes = routing("train", "--data", data, "--out", out, "--evidence", page, "--samples", "5")
    assert status == 1
    assert "no more than 97.5 % of 400 shuffles" in notes
    assert not out.exists()
    assert not page.exists()


def test_a_useful_router_is_written_with_its_evidence_and_again_the_same(telling: Path, tmp_path: Path) -> None:
    written: list[tuple[bytes, bytes]] = []
    for name in ("one", "two"):
        out, page = tmp_path / f"{name}.json", tmp_path / f"{name}.md"
        given = ("train", "--data", telling, "--out", out, "--evidence", page, "--samples", "5", "--seed", "3")
        assert routing(*given)[0] == 0
        written.append((out.read_bytes(), page.read_bytes()))
    assert written[0] == written[1]
    assert str(tmp_path) not in written[0][1].decode()
    assert read_weights(tmp_path / "one.json").prototypes is None


def test_weights_are_enabled_where_they_are_better_than_a_shuffle(data: Path, telling: Path, tmp_path: Path) -> None:
    enabled = tmp_path / "enabled.json"
    status, _, notes = routing("evaluate", "--data", data, "--samples", "5", "--enable", enabled)
    assert (status, enabled.exists()) == (1, False)
    assert "may not serve" in notes
    status, out, _ = routing("evaluate", "--data", telling, "--samples", "5", "--enable", enabled)
    assert status == 0
    assert read_weights(enabled) == read_weights(SHIPPED)
    assert "| router, text alone |" in out


def test_calibrate_gives_each_tier_its_share(telling: Path, tmp_path: Path) -> None:
    out = tmp_path / "weights.json"
    shares = ("--simple-share", "0.5", "--complex-share", "0.25")
    status, said, _ = routing("calibrate", "--data", telling, *shares, "--out", out)
    assert status == 0
    assert "mean need" in said
    found = read_weights(out)
    assert read_weights(SHIPPED).simple_below != found.simple_below < found.complex_from
    too_much = routing("calibrate", "--data", telling, "--simple-share", "0.9", "--complex-share", "0.2")
    assert too_much[0] == 1
    assert "no more than 1" in too_much[2]


@pytest.mark.parametrize("content", ["subject,prompt\na,b\n", "subject,prompt,weak_correct,strong_correct\n", None])
def test_data_that_cannot_be_used_is_named(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "outcomes.csv"
    if content is not None:
        path.write_text(content)
    status, _, notes = routing("train", "--data", path, "--out", tmp_path / "w.json")
    assert status == 1
    assert "outcomes.csv" in notes
    assert not (tmp_path / "w.json").exists()


class FakeEmbedder(Ollama):
    """A node that embeds a text to its length, and takes no more than `limit` bytes."""

    def __init__(self, *, holds: bool = True, limit: int = 100_000) -> None:
        self.asked: list[str] = []
        self._holds = holds
        self._limit = limit

    async def look(self, url: str, *, limit_s: float) -> Look:  # noqa: ARG002
        """Return what the node holds."""
        return Look(version="1", holds={"all-minilm:22m": "d1"} if self._holds else {}, loaded={})

    async def embed(self, target: Target, body: bytes, limit_s: float, count: int) -> EmbedReply:  # noqa: ARG002
        """Embed."""
        texts: Sequence[str] = msgspec.json.decode(body)["input"]
        if any(len(text) > self._limit for text in texts):
            raise CallBroke(Failure.CONTEXT, target.node, target.model)
        self.asked.extend(texts)
        return EmbedReply(embeddings=tuple((1.0, float(len(text))) for text in texts))


async def test_vectors_are_kept_and_not_asked_for_again(tmp_path: Path) -> None:
    kept, node = tmp_path / "vectors.npz", FakeEmbedder()
    embedding = Embedding(node, "http://a", "all-minilm:22m")
    first = await vectors_of(["one", "three"], embedding, kept)
    again = await vectors_of(["three", "one", "seven"], embedding, kept)
    assert node.asked == ["one", "three", "seven"]
    assert first.digest == again.digest == "d1"
    assert [list(row) for row in again.matrix] == [[1.0, 5.0], [1.0, 3.0], [1.0, 5.0]]


async def test_vectors_of_another_embedder_are_not_mixed_in(tmp_path: Path) -> None:
    kept = tmp_path / "vectors.npz"
    np.savez(kept, digest=np.array("d2"), names=np.array(["x"]), matrix=np.zeros((1, 2), dtype=np.float32))
    with pytest.raises(BadInput, match="another embedder: d2"):
        await vectors_of(["one"], Embedding(FakeEmbedder(), "http://a", "all-minilm:22m"), kept)


async def test_a_text_that_is_too_long_is_cut_and_its_vector_is_the_mean_of_its_pieces() -> None:
    node = FakeEmbedder(limit=800)
    (row,) = await Embedding(node, "http://a", "all-minilm:22m").embed(["lamp " * 300])
    assert len(node.asked) > 1
    assert sum(value * value for value in row) == pytest.approx(1.0)


async def test_a_node_without_the_model_is_told() -> None:
    with pytest.raises(BadInput, match="holds no model all-minilm:22m"):
        await Embedding(FakeEmbedder(holds=False), "http://a", "all-minilm:22m").digest()
