"""A worker has a model judge runs that ended: each once, by nobody's leave to wait, and at the installation's cost."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from structlog.testing import capture_logs

from app.errors import NoNodeAvailable, SwitchyardError
from app.evaluation.judgement_rows import JudgementRows
from app.evaluation.plan import Plan
from app.ids import RunId
from app.wiring import Platform
from tests.fakes.node import FakeNode
from tests.integration.platforms import Servers, add_caller, answered, ask, opened, rows, settings_for

pytestmark = pytest.mark.integration

ROW = """
    SELECT groundedness, groundedness_judged, relevance, completeness, model, error_code, claims,
        created_at IS NOT NULL AS done, length(prompt_sha256) AS prompt FROM run_judgements WHERE run_id = %s
"""
USAGE = "SELECT tenant_id, run_id, agent, outcome FROM usage WHERE purpose = 'judge' AND %s::uuid IS NOT NULL"
LATE = "UPDATE run_judgements SET claimed_at = now() - interval '1 hour' WHERE run_id = %s RETURNING run_id"
JUDGES = "You check whether"


@pytest.fixture
def own(servers: Servers, new_database: Callable[[], str]) -> Servers:
    """The stores, with a database that holds the runs of one test."""
    return replace(servers, database_url=new_database())


def says(node: FakeNode, text: str, times: int = 100, **more: object) -> None:
    """Have the judge's model say that."""
    node.script(asks=JUDGES, text=text, times=times, **more)


def judged(node: FakeNode) -> int:
    """How often the judge's model was asked."""
    return sum(JUDGES in msgspec.json.encode(call.body).decode() for call in node.calls)


def observed(platform: Platform, metric_type: str) -> tuple[float, float]:
    """How many scores were observed, and their sum."""
    found = [
        platform.metrics.registry.get_sample_value(f"response_quality_score_{part}", {"metric_type": metric_type})
        for part in ("count", "sum")
    ]
    return found[0] or 0.0, found[1] or 0.0


@pytest.mark.requirement("FIN-67.judge", "FIN-67.kind")
async def test_two_workers_judge_a_run_once_and_what_is_said_is_kept_and_observed(own: Servers, node: FakeNode) -> None:
    both = (settings_for(own, node, judge_share=100.0), settings_for(own, node, judge_share=100.0))
    async with opened(*both) as (first, second):
        caller = await add_caller(first)
        run = await answered(first, caller, ask("How long is the warranty, my dear?"))
        says(node, '{"verdict": "partly"}')
        with capture_logs() as lines:
            took = await asyncio.gather(first.judging.turn(), second.judging.turn())
        assert sorted(took) == [False, True]
        assert [await platform.judging.turn() for platform in (first, second)] == [False, False]
        (row,) = await rows(first, ROW, run.run_id)
        assert (row["relevance"], row["completeness"], row["groundedness_judged"]) == (0.5, 0.5, None)
        assert (row["done"], row["error_code"], row["prompt"], row["model"]) == (True, None, 32, "smollm2:135m")
        # Without passages nobody says whether they say it.
        assert judged(node) == 2
        assert sorted([observed(first, "relevance"), observed(second, "relevance")]) == [(0.0, 0.0), (1.0, 0.5)]
        assert "my dear" not in str(lines)
        await first.book.flush()
        await second.book.flush()
        paid = await rows(first, USAGE, run.run_id)
        assert [(one["tenant_id"], one["run_id"], one["agent"], one["outcome"]) for one in paid] == [
            (None, None, "judge", "done")
        ] * 2


async def test_a_judge_that_stays_unclear_leaves_no_score_and_is_not_asked_again(own: Servers, node: FakeNode) -> None:
    async with opened(settings_for(own, node, judge_share=100.0)) as (platform,):
        run = await answered(platform, await add_caller(platform), ask())
        says(node, "I like it.")
        assert await platform.judging.turn()
        (row,) = await rows(platform, ROW, run.run_id)
        assert (row["done"], row["error_code"], row["relevance"]) == (True, "judge_unclear", None)
        assert not await platform.judging.turn()
        assert observed(platform, "relevance") == (0.0, 0.0)


async def test_what_no_model_can_judge_now_is_judged_later(own: Servers, node: FakeNode) -> None:
    async with opened(settings_for(own, node, judge_share=100.0)) as (platform,):
        run = await answered(platform, await add_caller(platform), ask())
        says(node, "", status=500)
        with pytest.raises(SwitchyardError) as raised:
            await platform.judging.turn()
        assert raised.value.code in {NoNodeAvailable.code, "node_failed"}
        (row,) = await rows(platform, ROW, run.run_id)
        assert (row["done"], row["claims"]) == (False, 0)
        # In its hour it is nobody's again, then it is tried once more.
        assert not await platform.judging.turn()
        assert await rows(platform, LATE, run.run_id)
        with pytest.raises(SwitchyardError):
            await platform.judging.turn()


async def test_the_hours_bound_is_of_all_workers_and_of_what_was_begun_whatever_came_of_it(
    own: Servers, node: FakeNode
) -> None:
    bounded = [settings_for(own, node, judge_share=100.0, judge_per_hour=1, replica=name) for name in ("one", "two")]
    async with opened(*bounded) as (first, second):
        caller = await add_caller(first)
        for _ in range(3):
            await answered(first, caller, ask())
        says(node, "", status=500)
        took = await asyncio.gather(first.judging.turn(), second.judging.turn(), return_exceptions=True)
        assert sorted(isinstance(one, SwitchyardError) for one in took) == [False, True]
        asked = judged(node)
        assert [await platform.judging.turn() for platform in (first, second)] == [False, False]
        assert judged(node) == asked


async def test_a_judge_stops_asking_when_somebody_waits_for_the_models(
    own: Servers, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [True, False]

    async def is_free(_rows: JudgementRows, _plan: Plan) -> bool:
        return free.pop(0)

    monkeypatch.setattr(JudgementRows, "is_free", is_free)
    async with opened(settings_for(own, node, judge_share=100.0)) as (platform,):
        run = await answered(platform, await add_caller(platform), ask())
        says(node, '{"verdict": "yes"}')
        assert await platform.judging.turn()
        (row,) = await rows(platform, ROW, run.run_id)
        assert (judged(node), row["done"], row["claims"], row["relevance"]) == (1, False, 0, None)


async def test_the_run_of_a_worker_that_died_is_judged_by_another(own: Servers, node: FakeNode) -> None:
    async with opened(settings_for(own, node, judge_share=100.0)) as (platform,):
        run = await answered(platform, await add_caller(platform), ask())
        says(node, '{"verdict": "yes"}', times=1, hang_after=0)
        dying = asyncio.create_task(platform.judging.turn())
        while not judged(node):  # noqa: ASYNC110 - the fake's calls have no event to wait for
            await asyncio.sleep(0.01)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        assert not await platform.judging.turn()
        says(node, '{"verdict": "yes"}')
        assert await rows(platform, LATE, run.run_id)
        assert await platform.judging.turn()
        (row,) = await rows(platform, ROW, run.run_id)
        assert (row["claims"], row["relevance"]) == (2, 1.0)


async def test_nothing_is_judged_that_is_not_asked_for_exempt_erased_or_over_the_bound(
    own: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(own, node)) as (silent,):
        caller = await add_caller(silent)
        run = await answered(silent, caller, ask())
        assert not await silent.judging.turn()
    exempt = settings_for(own, node, judge_share=100.0, judge_exempt=f"other, {caller.tenant}")
    async with opened(exempt, settings_for(own, node, judge_share=100.0, judge_per_hour=1)) as (platform, bounded):
        says(node, '{"verdict": "yes"}')
        assert not await platform.judging.turn()
        assert await bounded.judging.turn()
        await answered(bounded, caller, ask())
        assert not await bounded.judging.turn()
        assert await rows(bounded, ROW, run.run_id)
        await bounded.sessions.remove(caller.tenant_id, run.session_id)
        assert await rows(bounded, ROW, RunId(run.run_id)) == []


async def test_while_a_run_is_under_way_nothing_is_judged_unless_an_hour_says_so(own: Servers, node: FakeNode) -> None:
    now = datetime.now(UTC).hour
    idle = settings_for(own, node, judge_share=100.0)
    always = settings_for(own, node, judge_share=100.0, judge_hours=f"{now}-{(now + 2) % 24}")
    async with opened(idle, always) as (platform, other):
        caller = await add_caller(platform)
        await answered(platform, caller, ask())
        says(node, '{"verdict": "yes"}')
        node.script(asks="Take your time", hang_after=1)
        handle = await platform.runner.start(caller, ask("Take your time."))
        assert not await platform.judging.turn()
        assert await other.judging.turn()
        await platform.runner.cancel(caller, handle.run_id)
