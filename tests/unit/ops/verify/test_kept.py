"""Answers are asked for once, and a run that was ended goes on where it stood."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from ops.drill.target import Target
from ops.verify import policies
from ops.verify.answers import Asked
from ops.verify.kept import Shelf, fingerprint
from ops.verify.policies import LIMIT_S, Asking, sample
from ops.verify.questions import Question, Tier
from ops.verify.stack import StackFailed

QUESTION = Question(id="q", tier=Tier.SIMPLE, ask="How many?", documents=("a.md",), facts=(("12",),))
OTHER = Question(id="r", tier=Tier.SIMPLE, ask="How long?", documents=("a.md",), facts=(("12",),))
ANSWER = Asked(QUESTION, "simple", "rated", "m", "12", ({"document": "a.md"},), 3, 1, 2.5, 0.001)


class Model:
    """Answers, and counts how often it was asked."""

    def __init__(self, answer: Asked = ANSWER) -> None:
        self.answer = answer
        self.asked = 0

    def __call__(self, *_: object, **__: object) -> Asked:
        """Answer."""
        self.asked += 1
        return self.answer


def test_a_model_is_asked_a_question_once_over_all_runs(tmp_path: Path) -> None:
    model, file = Model(), tmp_path / "verify" / "answers.jsonl"
    first = Shelf.open(file, "`abc`")
    assert not first.has(QUESTION, "small")
    assert first.answer(QUESTION, "small", model) == ANSWER
    again = Shelf.open(file, "`def`")
    assert again.answer(QUESTION, "small", model) == ANSWER
    assert (model.asked, again.said) == (1, 0)
    assert again.commits({again.key(QUESTION, "small"): None}) == ["`abc`"]
    for question, digest in ((QUESTION, "large"), (OTHER, "small")):
        again.answer(question, digest, model)
    assert model.asked == 3
    # To other prompts there are other answers.
    assert not replace(again, prompts="others").has(QUESTION, "small")


def test_what_failed_or_was_cut_short_is_asked_again(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    Shelf.open(file, "`abc`").answer(QUESTION, "small", Model(replace(ANSWER, error="timeout")))
    assert not Shelf.open(file, "`abc`").has(QUESTION, "small")
    Shelf.open(file, "`abc`").answer(QUESTION, "small", Model())
    file.write_bytes(file.read_bytes() + b'{"key": "cut')
    assert list(Shelf.open(file, "`abc`").found) == [Shelf.open(file, "`abc`").key(QUESTION, "small")]


def test_prompts_are_known_by_all_that_goes_into_them(tmp_path: Path) -> None:
    for folder in ("prompts", "samples/handbook"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "prompts" / "a.md").write_text("Answer.")
    before = fingerprint(tmp_path)
    (tmp_path / "samples" / "handbook" / "b.md").write_text("A tank holds 72 litres.")
    assert fingerprint(tmp_path) != before


def test_a_sample_is_spread_over_the_whole_list() -> None:
    questions = [msgspec.structs.replace(QUESTION, id=str(number)) for number in range(28)]
    assert [one.id for one in sample(questions, 4)] == ["0", "7", "14", "21"]
    assert sample(questions, 28) == questions
    assert sample(questions, 99) == questions


def asking(tmp_path: Path, said: list[str], now_s: float = 0.0) -> Asking:
    """Ask a stack that is not there."""
    target = Target("http://nowhere", "key", "", 2.0, tuple)
    shelf = Shelf.open(tmp_path / "answers.jsonl", "`abc`")
    return Asking(target, shelf, said.append, total=2, clock=lambda: now_s)


def test_each_answer_is_told_with_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(policies, "ask_one", Model())
    made = asking(tmp_path, said, now_s=60.0)
    assert made.pinned(QUESTION, Tier.SIMPLE, "small") == ANSWER
    assert made.chosen(QUESTION) is Tier.SIMPLE
    assert said == ["1 of 2 (60 s): simple: q: m, 2.5 GPU-s", "2 of 2 (60 s): routed: q: m, 2.5 GPU-s"]


def test_nothing_is_begun_after_the_time_and_what_is_kept_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "ask_one", Model())
    asking(tmp_path, []).pinned(QUESTION, Tier.SIMPLE, "small")
    late = asking(tmp_path, [], now_s=LIMIT_S + 1)
    assert late.pinned(QUESTION, Tier.SIMPLE, "small") == ANSWER
    with pytest.raises(StackFailed, match="run it again to go on"):
        late.pinned(OTHER, Tier.SIMPLE, "small")
