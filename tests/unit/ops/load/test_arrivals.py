"""Who comes when is random, fixed by a seed, and waits for nobody."""

from collections import Counter
from itertools import pairwise

import pytest

from ops.load.arrivals import DIALECT_SHARE, DIALECTS, UPLOADS_SHARE, Persona, schedule, source_of
from ops.load.clock import RunClock
from ops.load.percentiles import Statistic, take


def test_a_seed_fixes_who_comes_when() -> None:
    assert schedule(60, 300, 7) == schedule(60, 300, 7)
    assert schedule(60, 300, 7) != schedule(60, 300, 8)


def test_visits_come_in_order_within_the_run() -> None:
    visits = schedule(600, 60, 1)
    times_s = [visit.intended_s for visit in visits]
    assert times_s == sorted(times_s)
    assert 0 < times_s[0] < times_s[-1] < 60
    assert [visit.number for visit in visits] == list(range(len(visits)))


def test_gaps_are_exponential_with_the_mean_that_the_rate_asks_for() -> None:
    times_s = [visit.intended_s for visit in schedule(6000, 100, 3)]
    gaps_s = [after - before for before, after in pairwise(times_s)]
    assert take(Statistic.MEAN, gaps_s) == pytest.approx(0.01, rel=0.05)
    # Of an exponential distribution the median is ln 2 of the mean; evenly spaced visits would have the mean itself.
    assert take(Statistic.P50, gaps_s) == pytest.approx(0.00693, rel=0.08)


def test_some_visitors_bring_a_document() -> None:
    counted = Counter(visit.persona for visit in schedule(6000, 60, 5))
    assert counted[Persona.UPLOAD] / counted.total() == pytest.approx(UPLOADS_SHARE, abs=0.02)
    for persona in DIALECTS:
        assert counted[persona] / counted.total() == pytest.approx(DIALECT_SHARE, abs=0.02)


def test_who_somebody_is_tells_nothing_about_what_they_do() -> None:
    chats = [visit for visit in schedule(6000, 60, 5) if visit.persona is Persona.CHAT]
    follow_ups = Counter(source_of(5, visit.number).randint(1, 3) for visit in chats)
    for count in (1, 2, 3):
        assert follow_ups[count] / follow_ups.total() == pytest.approx(1 / 3, abs=0.03)


def test_a_run_is_over_after_its_time() -> None:
    assert RunClock(0.0).is_over()
    assert not RunClock(60.0).is_over()
