"""In what order a worker cares for the runs of processes that died, and what an outage of its queue is to it."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import procrastinate
import psycopg
import pytest
from procrastinate.exceptions import ConnectorException

from app.chores import Chores
from app.errors import StatementWrong, StoreUnavailable
from app.ids import RunId, TenantId
from app.inference.slots.lease import Orphan
from app.inference.words.account import Account, Purpose
from app.inference.words.records import CallKind, Outcome, Usage
from app.inference.words.tiers import Tier
from app.wiring import Platform
from app.worker import consume, task_queue

RUN = RunId(UUID(int=7))
AT = datetime(2026, 3, 1, tzinfo=UTC)
LOST = Usage(
    id=UUID(int=3),
    account=Account(purpose=Purpose.CHAT, tenant_id=TenantId(UUID(int=1)), run_id=RUN),
    kind=CallKind.CHAT,
    agent="assistant",
    route=None,
    tier=Tier.SIMPLE,
    node="a",
    model="m",
    digest="d",
    input_tokens=7,
    output_tokens=5,
    wait_us=0,
    load_us=0,
    prefill_us=0,
    decode_us=0,
    first_token_us=0,
    gpu_us=1000,
    cost_usd_micro=1,
    outcome=Outcome.LOST,
    started_at=AT,
    ended_at=AT,
    thinking_tokens=3,
)


class Died:
    """A platform of which one process died: it owned a run, and made a call that is an orphan now."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.is_redis_away = False

    def chores(self) -> Chores:
        """Return what a worker does there; this object stands in for each part that it uses."""
        platform = SimpleNamespace(runs=self, leases=self, book=self)
        return Chores(cast("Platform", platform), cast("procrastinate.App", self))

    async def expired(self) -> list[RunId]:
        """The run that nobody owns."""
        return [RUN]

    async def take_orphans(self) -> AsyncGenerator[Orphan]:
        """The call that nobody makes any more."""
        if self.is_redis_away:
            raise StoreUnavailable("Redis does not answer", store="coordination")
        yield Orphan(LOST)

    async def take_dropped(self) -> int:
        """No call was too many."""
        return 0

    async def write(self, usages: Sequence[Usage]) -> None:
        """Note the rows."""
        self.did += [f"stored {usage.outcome} {usage.thinking_tokens}" for usage in usages]

    def configure_task(self, name: str, **_options: object) -> "Died":
        """The queue."""
        assert name == "take_over"
        return self

    async def defer_async(self, *, run_id: str) -> None:
        """Note the takeover."""
        self.did.append(f"queued {run_id}")


async def test_the_lost_calls_of_a_run_are_stored_before_it_is_taken_over() -> None:
    died = Died()
    await died.chores().take_over_expired()
    assert died.did == ["stored lost 3", f"queued {RUN}"]


async def test_a_run_is_taken_over_though_its_lost_calls_cannot_be_read() -> None:
    died = Died()
    died.is_redis_away = True
    with pytest.raises(StoreUnavailable):
        await died.chores().take_over_expired()
    assert died.did == [f"queued {RUN}"]


class QueueAway:
    """A queue whose PostgreSQL does not answer, as procrastinate says so (sync_psycopg_connector.py)."""

    def __init__(self, error: psycopg.Error) -> None:
        self.error = error
        self.job_manager = self

    def chores(self) -> Chores:
        """Return what a worker does with it; a run waits to be taken over, and no session is stale."""
        platform = SimpleNamespace(
            runs=self, sessions=self, settings=SimpleNamespace(session_days=30, job_lease_s=90.0)
        )
        return Chores(cast("Platform", platform), cast("procrastinate.App", self))

    async def expired(self) -> list[RunId]:
        """No run: what was lost with one is not asked for."""
        return []

    async def remove_stale(self, *, days: int) -> int:
        """No session."""
        assert days == 30
        return 0

    async def fail(self, **_given: object) -> None:
        """Tell it as procrastinate does."""
        try:
            raise self.error
        except psycopg.Error as error:
            raise ConnectorException from error

    get_stalled_jobs = delete_old_jobs = run_worker_async = fail


USES: list[Callable[[QueueAway], Awaitable[None]]] = [
    lambda queue: queue.chores().end_stalled(),
    lambda queue: queue.chores().remove_old(),
    lambda queue: consume(cast("procrastinate.App", queue), "runs", 1, 60.0),
]


@pytest.mark.parametrize("use", USES, ids=["stalled", "old", "consume"])
async def test_an_outage_that_the_queue_meets_is_the_fact_that_it_is_everywhere(
    use: Callable[[QueueAway], Awaitable[None]],
) -> None:
    away = QueueAway(psycopg.OperationalError('connection to server at "127.0.0.1" failed: Connection refused'))
    with pytest.raises(StoreUnavailable) as told:
        await use(away)
    assert told.value.facts["store"] == "postgres"


async def test_a_wrong_statement_of_the_queue_is_no_outage() -> None:
    with pytest.raises(StatementWrong):
        await QueueAway(psycopg.errors.SyntaxError("syntax error")).chores().end_stalled()


async def test_a_takeover_that_postgresql_cuts_off_ends_without_an_error_since_the_runs_row_is_found_again() -> None:
    asked = list[RunId]()

    async def resume(run_id: RunId) -> None:
        asked.append(run_id)
        raise StoreUnavailable("PostgreSQL does not answer", store="postgres")

    platform = SimpleNamespace(runner=SimpleNamespace(resume=resume))
    await task_queue(cast("Platform", platform)).tasks["take_over"].func(str(RUN))
    assert asked == [RUN]


async def test_a_delivery_that_postgresql_cuts_off_ends_without_an_error_since_its_row_is_found_again() -> None:
    asked = list[UUID]()

    async def deliver(delivery_id: UUID, _tell: object) -> None:
        asked.append(delivery_id)
        raise StoreUnavailable("PostgreSQL does not answer", store="postgres")

    platform = SimpleNamespace(deliveries=SimpleNamespace(deliver=deliver))
    await task_queue(cast("Platform", platform)).tasks["deliver"].func(str(RUN))
    assert asked == [RUN]


async def test_errands_are_those_of_a_dead_worker_once_it_was_silent_for_the_lease_of_jobs() -> None:
    class Queue(QueueAway):
        """A queue in which nothing has stalled."""

        silent_s: float | None = None

        async def get_stalled_jobs(self, *, queue: str, seconds_since_heartbeat: float) -> list[object]:
            """Note what was asked."""
            assert queue
            self.silent_s = seconds_since_heartbeat
            return []

    queue = Queue(psycopg.OperationalError())
    await queue.chores().end_stalled()
    assert queue.silent_s == 90.0


async def test_an_errand_of_a_dead_worker_that_another_worker_has_ended_is_no_error() -> None:
    class Queue(QueueAway):
        """A queue whose one stalled errand is ended by another worker meanwhile."""

        async def get_stalled_jobs(self, *, queue: str, seconds_since_heartbeat: float) -> list[object]:
            """One in each queue."""
            assert queue, seconds_since_heartbeat
            return [SimpleNamespace(id=7)]

        async def finish_job(self, *_given: object, **_named: object) -> None:
            """Raise as procrastinate does (procrastinate/sql/schema.sql: procrastinate_finish_job_v1)."""
            await self.fail()

    await Queue(psycopg.errors.RaiseException("Job was not found")).chores().end_stalled()
    with pytest.raises(StoreUnavailable):
        await Queue(psycopg.OperationalError("connection refused")).chores().end_stalled()
