"""Two reports, compared question by question."""

import pytest

from app.errors import BadInput
from app.evaluation.comparison import compare
from app.evaluation.marks import Mark, Told
from app.evaluation.questions import Question
from app.evaluation.report import Report, Row, row_of, shares_of


def row(name: str, agent: float, *, file: str = "insurance", chosen_by: str = "", grounded: float | None = None) -> Row:
    return Row(id=name, file=file, marks={Mark.AGENT: agent}, chosen_by=chosen_by, groundedness=grounded)


def report(*rows: Row, team: str = "insurance") -> Report:
    return Report(team=team, questions="d", rows=rows)


def test_what_got_worse_blocks_and_its_questions_are_named() -> None:
    before = report(*(row(f"q{number}", 1) for number in range(10)))
    after = report(*(row(f"q{number}", number > 0) for number in range(10)))
    compared = compare(before, after)
    (change,) = compared.changes
    assert (change.before, change.after, change.worse, change.better) == (1, 0.9, ("q0",), ())
    assert change.low < -0.1 < change.high
    assert compared.blocking == (change,)
    assert compare(before, after, tolerance=0.1).blocking == ()
    assert compare(after, before).blocking == ()


def test_groundedness_is_compared_over_the_questions_that_have_it_twice() -> None:
    compared = compare(
        report(row("a", 1, grounded=0.9), row("b", 1)), report(row("a", 1, grounded=0.5), row("b", 1, grounded=0.1))
    )
    change = next(one for one in compared.changes if one.mark == "groundedness")
    assert (change.questions, change.before, change.after) == (1, 0.9, 0.5)
    assert change in compared.blocking


def test_a_question_of_one_report_only_is_told_and_counts_nowhere() -> None:
    compared = compare(report(row("a", 1), row("b", 1)), report(row("a", 1), row("c", 0)))
    assert compared.unpaired == ("b", "c")
    assert [change.questions for change in compared.changes] == [1]


def test_reports_of_two_teams_or_without_a_common_question_are_not_compared() -> None:
    with pytest.raises(BadInput, match="team"):
        compare(report(row("a", 1), team="finance"), report(row("a", 1)))
    with pytest.raises(BadInput, match="in common"):
        compare(report(row("a", 1)), report(row("b", 1)))


def test_shares_are_told_for_each_file_and_for_what_chose() -> None:
    rows = [
        row("a", 1, chosen_by="rule"),
        row("b", 0, chosen_by="model"),
        row("c", 1, chosen_by="rule", grounded=0.5),
        row("d", 1, file="insurance.paraphrases"),
    ]
    shares = {(one.group, one.mark): one for one in shares_of(rows)}
    assert shares["insurance", "agent"].share == pytest.approx(2 / 3)
    assert shares["insurance, chosen by rule", "agent"].share == 1
    assert shares["insurance, chosen by model", "agent"].share == 0
    assert shares["insurance.paraphrases", "agent"].questions == 1
    assert shares["insurance", "groundedness"].share == 0.5
    whole = shares["insurance, chosen by rule", "agent"]
    assert 0.3 < whole.low < whole.high == 1.0


def test_a_row_keeps_no_word_of_the_answer() -> None:
    made = row_of(Question(id="a", question="?", agent="x"), Told(message="my secret", agent="x", latency_ms=5))
    assert "secret" not in str(made)
    assert (made.wrong, made.latency_ms) == ((), 5)
