"""Visitors ask what the handbook answers; a note says what nothing else says."""

from collections import Counter
from pathlib import Path

import pytest

from app.inference.words.tiers import Tier
from ops.load.arrivals import source_of
from ops.load.notes import write_note
from ops.load.problems import LoadImpossible
from ops.load.questions import MIX, OWN, SAMPLES, read_questions


def test_questions_come_in_the_proportions_of_the_mix() -> None:
    questions, source = read_questions(), source_of(1, 0)
    tiers = {question.ask: question.tier for question in questions.first}
    counted = Counter(tiers[questions.draw(source)] for _ in range(5000))
    for tier in Tier:
        assert counted[tier] / 50 == pytest.approx(MIX[tier], abs=3)


def test_the_samples_are_asked_too() -> None:
    assert len(read_questions().first) > len(read_questions((OWN,)).first) > 0
    assert len(read_questions().draw_follow_ups(source_of(1, 0), 3)) == 3


@pytest.mark.parametrize("text", ["", "[[questions", '[[questions]]\ntier = "huge"\nask = "?"\n'])
def test_questions_that_cannot_be_read_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "questions.toml"
    path.write_text(text)
    with pytest.raises(LoadImpossible):
        read_questions((path,))
    with pytest.raises(LoadImpossible):
        read_questions((SAMPLES, tmp_path / "absent.toml"))


def test_a_note_tells_what_its_question_asks_for() -> None:
    note = write_note(source_of(4, 0), "1x2")
    locker = note.question.removeprefix("What is the pass phrase of locker ").removesuffix("?")
    assert f"The pass phrase of locker {locker} is ".encode() in note.content
    assert note.name == f"locker-{locker.lower()}.md"
    assert write_note(source_of(4, 0), "1x2") == note
    assert write_note(source_of(5, 0), "1x2").name != note.name
