"""A promise is kept, breached or not measured; what went wrong is never left out."""

import msgspec
import pytest

from app.inference.words.tiers import Tier
from ops.load.histograms import Histogram
from ops.load.percentiles import Statistic
from ops.load.samples import Entry, Outcome, Sample
from ops.load.targets import Target
from ops.load.verdict import Quality, Rate, Standing, endings, figures, judge, models, overall, quality, rates


def answer(seconds: float, outcome: Outcome = Outcome.DONE, *, tier: str = "simple", cost_usd: float = 0.01) -> Sample:
    """Return the sample of one whole answer."""
    return Sample(Entry.END_TO_END, 0.0, seconds, outcome, tier=tier, model="m", cost_usd=cost_usd)


def target(
    of: str, statistic: Statistic = Statistic.P99, *, below: float | None = None, at_most: float | None = None
) -> Target:
    """Return a target."""
    return Target(name=of, promises=("X-1",), of=of, statistic=statistic, below=below, at_most=at_most)


def standing(one: Target, samples: list[Sample], retrieval: Histogram | None = None) -> Standing:
    """Return what becomes of one target."""
    return judge([one], samples, retrieval)[0].standing


def test_a_latency_below_its_limit_is_met_and_at_it_is_not() -> None:
    assert standing(target("end to end", below=2.0), [answer(1.999)]) is Standing.MET
    assert standing(target("end to end", below=2.0), [answer(2.0)]) is Standing.BREACHED
    assert standing(target("end to end", at_most=2.0), [answer(2.0)]) is Standing.MET


def test_a_tier_is_judged_alone() -> None:
    only = Target(name="s", promises=(), of="end to end", statistic=Statistic.P95, tier=Tier.SIMPLE, below=3.0)
    assert standing(only, [answer(1.0), answer(9.0, tier="complex")]) is Standing.MET


def test_an_answer_that_was_cut_off_counts_with_its_time_so_far() -> None:
    assert (
        standing(target("end to end", below=10.0), [answer(1.0), answer(60.0, Outcome.UNFINISHED)]) is Standing.BREACHED
    )


def test_a_failure_that_came_quickly_makes_nothing_faster() -> None:
    samples = [answer(5.0), *[answer(0.001, Outcome.FAILED)] * 9]
    assert standing(target("end to end", Statistic.P50, below=2.0), samples) is Standing.BREACHED


@pytest.mark.parametrize(
    "bad",
    [
        answer(1.0, Outcome.FAILED),
        answer(1.0, Outcome.UNFINISHED),
        Sample(Entry.REFUSED, 0.0, 0.1, Outcome.REFUSED),
        Sample(Entry.NOT_STARTED, 0.0, 0.0, Outcome.NOT_STARTED),
        Sample(Entry.UPLOAD, 0.0, 0.0, Outcome.FAILED),
    ],
)
def test_everything_that_did_not_end_well_is_an_error(bad: Sample) -> None:
    errors = target("errors", Statistic.MEAN, below=0.01)
    assert standing(errors, [*[answer(1.0)] * 99, bad]) is Standing.BREACHED
    assert standing(errors, [*[answer(1.0)] * 100, bad]) is Standing.MET


def checked(outcome: Outcome) -> Sample:
    """Return an answer that had to cite a document."""
    return msgspec.structs.replace(answer(1.0, outcome), must_cite=True)


def test_an_answer_without_its_citation_is_no_error_but_a_figure_of_its_own() -> None:
    missed, cited = checked(Outcome.UNCITED), checked(Outcome.DONE)
    samples = [missed, cited, cited, cited, checked(Outcome.FAILED), *[answer(1.0)] * 6]
    assert quality(samples) == Quality(checked=4, uncited=1)
    assert standing(target("errors", Statistic.MEAN, at_most=0.0), [missed, cited]) is Standing.MET
    assert standing(target("uncited", Statistic.MEAN, at_most=0.25), samples) is Standing.MET
    assert standing(target("uncited", Statistic.MEAN, below=0.25), samples) is Standing.BREACHED
    assert standing(target("uncited", Statistic.MEAN, below=0.25), [answer(1.0)]) is Standing.NOT_MEASURED


def test_answers_and_their_tokens_are_told_a_second_of_the_run_for_all_and_for_each_tier() -> None:
    samples = [
        msgspec.structs.replace(answer(1.0), output_tokens=30),
        msgspec.structs.replace(answer(1.0, Outcome.UNCITED, tier="complex"), output_tokens=90),
        msgspec.structs.replace(answer(1.0, Outcome.FAILED), output_tokens=500),
        Sample(Entry.UPLOAD, 0.0, 1.0),
    ]
    assert rates(samples, 4.0) == [
        Rate("answers", "all", 2, 0.5),
        Rate("output tokens", "all", 120, 30.0),
        Rate("answers", "complex", 1, 0.25),
        Rate("output tokens", "complex", 90, 22.5),
        Rate("answers", "simple", 1, 0.25),
        Rate("output tokens", "simple", 30, 7.5),
    ]


def test_parts_of_an_answer_do_not_water_down_the_errors() -> None:
    gaps = [Sample(Entry.GAP, 0.0, 0.1)] * 10_000
    errors = target("errors", Statistic.MEAN, below=0.01)
    assert standing(errors, [answer(1.0), answer(1.0, Outcome.FAILED), *gaps]) is Standing.BREACHED


def test_cost_is_per_answer() -> None:
    cost = target("cost", Statistic.MEAN, at_most=0.015)
    assert standing(cost, [answer(1, cost_usd=0.01), answer(1, cost_usd=0.02)]) is Standing.MET
    assert standing(cost, [answer(1, cost_usd=0.01), answer(1, cost_usd=0.03)]) is Standing.BREACHED


def test_retrieval_comes_from_the_replicas() -> None:
    one = target("retrieval", at_most=3.0)
    assert standing(one, [], Histogram(((3.0, 10.0), (float("inf"), 10.0)), 9.0)) is Standing.MET
    assert standing(one, [], Histogram(((3.0, 9.0), (float("inf"), 10.0)), 9.0)) is Standing.BREACHED
    assert standing(one, [], None) is Standing.NOT_MEASURED


def test_what_was_not_measured_is_no_pass_unless_it_may_be_missing() -> None:
    met, away = target("end to end", below=2.0), target("upload", below=30.0)
    optional = Target(name="r", promises=(), of="retrieval", statistic=Statistic.P99, at_most=3.0, optional=True)
    assert overall(judge([met], [answer(1)], None)) is Standing.MET
    assert overall(judge([met, away], [answer(1)], None)) is Standing.NOT_MEASURED
    assert overall(judge([met, optional], [answer(1)], None)) is Standing.MET
    assert overall(judge([met, away], [answer(3)], None)) is Standing.BREACHED


def test_figures_are_given_for_all_and_for_each_tier() -> None:
    rows = figures([answer(1.0), answer(3.0, tier="complex"), Sample(Entry.UPLOAD, 0.0, 2.0)])
    assert [(row.entry, row.tier, row.count, row.longest) for row in rows] == [
        ("end to end", "all", 2, 3.0),
        ("end to end", "complex", 1, 3.0),
        ("end to end", "simple", 1, 1.0),
        ("upload", "all", 1, 2.0),
    ]


def test_endings_say_why() -> None:
    refused = Sample(Entry.REFUSED, 0.0, 0.1, Outcome.REFUSED, code="rate_limited")
    rows = endings([refused, answer(1), answer(1), refused, Sample(Entry.GAP, 0.0, 0.1)])
    assert [(row.entry, row.outcome, row.code, row.count) for row in rows] == [
        (Entry.END_TO_END, Outcome.DONE, "", 2),
        (Entry.REFUSED, Outcome.REFUSED, "rate_limited", 2),
    ]


def test_who_answered_is_counted_by_tier() -> None:
    assert models([answer(1), answer(1), answer(1, tier="complex")]) == {"complex": {"m": 1}, "simple": {"m": 2}}
