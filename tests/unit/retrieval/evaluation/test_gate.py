"""A change that loses questions is blocked, by name; one that does not may go live."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BadInput
from app.retrieval.evaluation.gate import judge
from app.retrieval.evaluation.golden import Golden
from app.retrieval.evaluation.measures import Among, Metric, Seen, row_of
from app.retrieval.evaluation.report import Report


def report(ranks: Sequence[int | None], *, k: int = 5) -> Report:
    """A report whose questions have their page at these ranks."""
    rows = [
        row_of(
            Golden(id=f"q{number}", question="?", documents=("a.pdf",), pages=(1,)),
            Among.ALL,
            []
            if rank is None
            else [*(Seen("a.pdf", 100 + n, "", 0.5) for n in range(rank - 1)), Seen("a.pdf", 1, "", 0.5)],
        )
        for number, rank in enumerate(ranks)
    ]
    return Report(questions="", k=k, rows=tuple(rows))


def test_a_lost_page_blocks_and_is_named() -> None:
    verdict = judge(report([1, 2, 9, 1]), report([1, 9, 2, None]))
    assert not verdict.may_go_live
    (page,) = [change for change in verdict.blocking if change.metric is Metric.PAGE_HIT]
    assert (page.before, page.after, page.worse, page.better) == (0.75, 0.5, ("q1", "q3"), ("q2",))


def test_what_becomes_no_worse_may_go_live() -> None:
    assert judge(report([1, 2, 9, None]), report([1, 1, 5, None])).may_go_live
    assert judge(report([1, 2]), report([1, 2])).blocking == ()


def test_a_fall_within_the_tolerance_passes() -> None:
    before, after = report([1] * 100), report([1] * 98 + [None, None])
    assert judge(before, after, tolerance=0.02).may_go_live
    assert not judge(before, after, tolerance=0.01).may_go_live


def test_only_common_questions_are_compared_and_the_others_are_named() -> None:
    before, after = report([1, 1, 1]), report([1, 1])
    verdict = judge(before, after)
    assert (verdict.may_go_live, verdict.unpaired) == (True, ("q2",))
    assert {change.questions for change in verdict.changes} == {2}


def test_a_question_that_is_asked_in_other_words_is_another() -> None:
    other = report([1])
    reworded = msgspec.structs.replace(other, rows=tuple(msgspec.structs.replace(r, question="!") for r in other.rows))
    with pytest.raises(BadInput):
        judge(other, reworded)


def test_the_interval_is_wide_where_questions_are_few_also_when_none_changed() -> None:
    def width(count: int) -> float:
        change = judge(report([1] * count), report([1] * count)).changes[0]
        return change.high - change.low

    assert width(10) > 0.25 > width(30) > width(300) > 0


# Two questions of thirty lost: Agresti and Min (2005), with N + 2 = 32, one half added to gains and to losses.
def test_the_interval_is_that_of_the_paper() -> None:
    change = judge(report([1] * 30), report([1] * 28 + [None] * 2)).changes[0]
    mean = -2 / 32
    half = 1.96 * ((3 / 32 - mean**2) / 32) ** 0.5
    assert (change.low, change.high) == pytest.approx((mean - half, mean + half))


@given(st.lists(st.tuples(st.none() | st.integers(1, 9), st.none() | st.integers(1, 9)), min_size=1, max_size=40))
def test_the_difference_lies_in_its_interval_and_its_questions_are_told(
    pairs: list[tuple[int | None, int | None]],
) -> None:
    verdict = judge(report([before for before, _ in pairs]), report([after for _, after in pairs]))
    for change in verdict.changes:
        assert change.low <= change.difference * len(pairs) / (len(pairs) + 2) <= change.high
        assert bool(change.difference < 0) <= bool(change.worse)
        assert not set(change.worse) & set(change.better)
