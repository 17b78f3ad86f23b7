"""Whoever works on a run of several steps is killed or frozen, as real processes are: nothing of the run shows it.

A sample of what `python -m ops.verify --only steps` does at every boundary and at many more moments.
"""

import os
from collections.abc import Callable, Iterator
from random import Random
from uuid import uuid4

import pytest

from ops.drill.application import Stores
from ops.drill.steps import life, tasks
from ops.drill.steps.drill import Drill, Signal, open_drill
from ops.drill.steps.scenarios import OF_INSURANCE, OF_OTHERS
from ops.drill.steps.series import Case, boundaries, moments, records_of, strike

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def drill(
    new_database: Callable[[], str],
    valkey_urls: tuple[str, str],
    qdrant_urls: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Drill]:
    """Two replicas, two workers and a node as processes, over a database of their own."""
    stores = Stores(new_database(), *valkey_urls, qdrant_urls)
    named = {"QDRANT_COLLECTION": f"struck-{uuid4()}"}
    with open_drill(
        tmp_path_factory.mktemp("struck"), os.environ, stores, replicas=2, workers=2, told=named
    ) as running:
        yield running


def drawn(rng: Random, cases: list[Case], signals: set[Signal]) -> Case:
    """Return one of the cases whose only blow is one of these."""
    return rng.choice([case for case in cases if len(case.blows) == 1 and case.blows[0].signal in signals])


def test_whoever_works_on_a_run_is_struck_at_a_boundary_and_at_a_moment(
    drill: Drill, seeded: Callable[..., Random]
) -> None:
    rng = seeded(4, of=340)
    records, durations = records_of(drill, [rng.choice(OF_INSURANCE), rng.choice(OF_OTHERS)])
    met, at_moments = boundaries(records, rng), moments(durations, rng, 40)
    for signals in ({Signal.KILLED}, {Signal.FROZEN, Signal.FROZEN_LONG}):
        for cases in (met, at_moments):
            assert strike(drill, records, drawn(rng, cases, signals)).struck is not None
    assert drill.crew.errors() == []


def test_a_replica_that_is_stopped_ends_what_is_short_and_hands_the_rest_over(drill: Drill) -> None:
    life.drains(drill)


def test_of_two_processes_at_one_run_the_one_that_lost_it_gives_up_silently(drill: Drill) -> None:
    life.two_at_once(drill)
    assert drill.crew.errors() == []


def test_accepted_tasks_survive_the_end_of_every_process_and_are_done_once(drill: Drill) -> None:
    tasks.survive(drill, lambda: None, count=40)
    assert drill.crew.errors() == []
