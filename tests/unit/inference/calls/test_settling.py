"""How long an attempt may take, and what is left of a call that has ended."""

import asyncio
from typing import cast

import pytest
from prometheus_client import CollectorRegistry

from app.errors import NoNodeAvailable
from app.inference.calls.attempts import Attempts, Limits
from app.inference.estimates import Reported
from app.inference.fleet.catalogue import Catalogue, Model, Node
from app.inference.fleet.nodes import Fleet, Look
from app.inference.slots.admission import Admission, Held
from app.inference.slots.lease import Ending, Lease
from app.inference.slots.patience import Patience
from app.inference.slots.register import LeaseRegister
from app.inference.wire.ollama import Waits
from app.inference.words.failures import CallBroke, Failure
from app.inference.words.records import Outcome, Usage
from app.inference.words.tiers import Tier
from app.telemetry.metrics import Metrics
from tests.fakes.held import held_on
from tests.fakes.queue import FakeQueue

CATALOGUE = Catalogue(
    models=(Model(name="m", tiers=(Tier.SIMPLE,)),), nodes=(Node(name="a", url="http://a", slots=2, models=("m",)),)
)
TWO_NODES = Catalogue(
    models=CATALOGUE.models, nodes=(*CATALOGUE.nodes, Node(name="b", url="http://b", slots=2, models=("m",)))
)
REPORTED = Reported(input_tokens=30, output_tokens=20, load_us=0, prefill_us=1000, decode_us=4000)


class FakeLeases:
    """Leases whose release never hears from Redis, unless it `answers`; each call has used 9 ms of GPU time."""

    def __init__(self, *, answers: bool) -> None:
        self._answers = answers
        self.released: list[Lease] = []

    def gpus(self) -> dict[str, int]:
        """Every node has one."""
        return {}

    def gpu_us(self, _lease: Lease) -> int:
        """Return what was metered here."""
        return 9000

    async def release(self, lease: Lease) -> int:
        """Give the slot back."""
        self.released.append(lease)
        if not self._answers:
            await asyncio.Event().wait()
        return 9000


class Bench:
    """Attempts over one node and these leases, and the records that it hands over."""

    def __init__(self, *, answers: bool) -> None:
        self.metrics = Metrics(CollectorRegistry())
        self.fleet = Fleet(CATALOGUE, self.metrics, clock=lambda: 0.0)
        self.fleet.looked("a", Look("0.33.0", {"m:latest": "d"}, {"m:latest": 4096}))
        self.leases = cast("LeaseRegister", FakeLeases(answers=answers))
        self.usages: list[Usage] = []

    @property
    def attempts(self) -> Attempts:
        """What makes attempts, two seconds after the leases."""
        return Attempts(self.fleet, self.leases, self.metrics, Limits(), clock=lambda: 2.0)

    @property
    def endings(self) -> list[Ending]:
        """How the queue was told that each call ended."""
        return [lease.ending for lease in cast("FakeLeases", self.leases).released]

    async def call(self, held: Held, first_token_us: int = 500) -> Usage:
        """Make an attempt that ends well."""
        attempt = self.attempts.at(held, self.usages.append)
        async with attempt:
            attempt.seen.first_token_us, attempt.seen.reported = first_token_us, REPORTED
        return attempt.usage


async def test_a_call_that_ended_well_is_recorded_though_it_is_cancelled_while_its_slot_is_given_back() -> None:
    bench = Bench(answers=False)
    ending = asyncio.create_task(bench.call(held_on()))
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    (usage,) = bench.usages
    assert (usage.outcome, usage.output_tokens, usage.first_token_us) == (Outcome.DONE, 20, 500)
    # What was metered, but no more than the node says that it worked.
    assert (usage.gpu_us, usage.cost_usd_micro) == (5000, 5)


async def test_a_call_that_ended_well_is_handed_over_once() -> None:
    bench = Bench(answers=True)
    usage = await bench.call(held_on())
    assert (usage.outcome, usage.gpu_us, bench.usages) == (Outcome.DONE, 5000, [usage])


async def test_what_a_call_took_is_counted_and_its_speed_is_remembered_of_its_node() -> None:
    bench = Bench(answers=True)
    await bench.call(held_on(), first_token_us=500_000)
    labels = {"tier": "simple", "node": "a", "model": "m"}
    told = [
        bench.metrics.registry.get_sample_value(f"switchyard_{name}", labels)
        for name in ("input_tokens_total", "output_tokens_total")
    ]
    first = {"tier": "simple", "model": "m"}
    first_s = bench.metrics.registry.get_sample_value("switchyard_first_token_seconds_sum", first)
    # 20 tokens in 4 ms.
    assert (told, first_s, bench.fleet.view("a").speeds["m:latest"].tokens_per_s) == ([30.0, 20.0], 0.5, 5000.0)


@pytest.mark.requirement("ORC-05.tracked", "ORC-51.provider")
async def test_what_calls_cost_is_counted_by_node_model_and_tier() -> None:
    bench = Bench(answers=True)
    bench.fleet = Fleet(TWO_NODES, bench.metrics, clock=lambda: 0.0)
    for held in (held_on("a"), held_on("b"), held_on("b")):
        await bench.call(held)
    told = {
        (sample.labels["tier"], sample.labels["node"], sample.labels["model"]): round(sample.value, 6)
        for family in bench.metrics.registry.collect()
        for sample in family.samples
        if sample.name == "switchyard_cost_usd_total"
    }
    assert told == {("simple", "a", "m"): 0.000005, ("simple", "b", "m"): 0.00001}


@pytest.mark.parametrize(("resident", "first_s"), [(True, 60.0), (False, 180.0)])
def test_a_model_that_must_be_loaded_has_longer_for_its_first_token(*, resident: bool, first_s: float) -> None:
    bench = Bench(answers=True)
    assert bench.attempts.waits(held_on(resident=resident)) == Waits(first_s, 20.0)


async def test_a_call_that_has_its_slot_is_told_of_no_wait() -> None:
    bench = Bench(answers=True)
    told: list[object] = []
    patience = Patience(60.0, clock=lambda: 0.0, on_wait=lambda trouble, _since: told.append(trouble))
    admission = Admission(bench.fleet, FakeQueue(bench.leases).as_queue(), bench.metrics, clock=lambda: 0.0)
    held = await admission.admit(held_on().asked, 0.0, patience)
    for _ in range(3):
        await asyncio.sleep(0)
    assert (held.candidate.node, told) == ("a", [])


@pytest.mark.parametrize(("starved", "count"), [(False, 0.0), (True, 1.0)])
async def test_a_call_whose_turn_came_because_it_had_starved_is_counted_by_its_lane(
    *, starved: bool, count: float
) -> None:
    bench = Bench(answers=True)
    queue = FakeQueue(bench.leases, starved=starved).as_queue()
    admission = Admission(bench.fleet, queue, bench.metrics, clock=lambda: 0.0)
    await admission.admit(held_on().asked, 0.0, Patience(60.0, clock=lambda: 0.0))
    sample, where = bench.metrics.registry.get_sample_value, {"lane": "interactive"}
    assert (sample("switchyard_queue_promotions_total", where) or 0.0) == count
    assert sample("switchyard_slot_wait_seconds_count", {"tier": "simple", **where}) == 1.0


async def test_an_attempt_that_breaks_or_is_cancelled_is_settled_as_what_ended_it() -> None:
    bench = Bench(answers=True)
    for error in (CallBroke(Failure.GAP, "a", "m"), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            async with bench.attempts.at(held_on(), bench.usages.append):
                raise error
    await bench.call(held_on())
    assert bench.endings == [Ending.CUT, Ending.LEFT, Ending.DONE]
    del bench.usages[2:]
    assert [(usage.outcome, usage.gpu_us) for usage in bench.usages] == [
        (Outcome.FAILED, 9000), (Outcome.CANCELLED, 9000)
    ]  # fmt: skip
    broken = bench.metrics.registry.get_sample_value("switchyard_call_failures_total", {"node": "a", "failure": "gap"})
    assert broken == 1.0


async def test_a_call_that_only_a_resting_node_could_serve_is_told_to_come_back_in_a_second() -> None:
    bench = Bench(answers=True)
    bench.fleet.failed("a", "m", Failure.MODEL_MISSING, call="one", began_at=0.0)
    admission = Admission(bench.fleet, FakeQueue(bench.leases).as_queue(), bench.metrics, clock=lambda: 0.0)
    with pytest.raises(NoNodeAvailable) as refused:
        admission.place(held_on().asked.need)
    assert (refused.value.retry_after_s, refused.value.facts["nodes"]) == (1, "a: breaker_open")
