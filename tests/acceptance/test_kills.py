"""Whoever answers is ended in mid-answer: the client's text equals the stored one, and nothing is done twice."""

from collections.abc import Callable
from random import Random

import pytest

from ops.drill.kills import Kill, kill_replica, kill_replica_and_worker, series, stop_replica
from ops.drill.target import Limits, Target, target_of
from tests.acceptance.local import RUN_LEASE_S, LocalStack

KILLS = 10
ALL_KILLS = 200
LIMIT_S = 90
"""What one kill may take on a loaded machine of two cores; about 12 s on an idle one."""


@pytest.fixture
def target(stack: LocalStack) -> Target:
    """The shared stack; all that a drill ended is back when its test is over."""
    return target_of(stack.env, lease_s=RUN_LEASE_S, limits=Limits())


def hold(drill: Callable[[Target, Random], Kill | None], target: Target, rng: Random, kills: int) -> tuple[Kill, ...]:
    """Repeat a drill; nothing may fail, and the stack is whole afterwards."""
    lines = list[str]()
    done = series(drill, target, rng, kills=kills, within_s=LIMIT_S * kills, tell=lines.append)
    assert done.failures == (), "\n".join(lines)
    assert len(done.kills) == kills
    target.wait_until_whole()
    return done.kills


@pytest.mark.requirement("UPL-48.failures", "FAM-08.any-worker", "FAM-12.run", "FIN-08.takeover")
@pytest.mark.timeout(LIMIT_S * ALL_KILLS)  # `hold` limits a smaller number
def test_kill_9_of_the_answering_replica_loses_nothing(
    target: Target, seeded: Callable[..., Random], *, is_full: bool
) -> None:
    kills = ALL_KILLS if is_full else KILLS
    done = hold(kill_replica, target, seeded(kills, of=ALL_KILLS), kills)
    # Whoever had seen text had its passages: there was an effect to repeat, and the drill saw that it was not.
    assert all(kill.effects_kept for kill in done if kill.seen_at)
    assert all(kill.attempts >= 2 for kill in done)


@pytest.mark.requirement("FAM-08.any-worker", "FAM-12.run")
@pytest.mark.timeout(LIMIT_S * 2)
def test_kill_9_of_the_worker_in_its_takeover_still_ends_with_the_whole_answer(
    target: Target, seeded: Callable[..., Random]
) -> None:
    (done,) = hold(kill_replica_and_worker, target, seeded(1, of=1), 1)
    assert done.parts[1] == "worker-1"
    assert done.attempts >= 3


@pytest.mark.timeout(LIMIT_S * 2)
def test_a_replica_that_is_stopped_hands_its_run_over(target: Target, seeded: Callable[..., Random]) -> None:
    (done,) = hold(stop_replica, target, seeded(1, of=1), 1)
    assert done.attempts >= 2
