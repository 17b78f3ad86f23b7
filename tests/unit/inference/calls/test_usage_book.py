"""Usage is written soon and together, waits while PostgreSQL is away, and is never lost unseen."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import msgspec
import pytest
import structlog
from prometheus_client import CollectorRegistry

from app.errors import StatementWrong, StoreUnavailable
from app.ids import TenantId
from app.inference.calls import usage_book
from app.inference.calls.usage_book import Loss, UsageBook
from app.inference.words.account import Account, Purpose
from app.inference.words.records import CallKind, Outcome, Usage
from app.postgres import Database
from app.telemetry.metrics import Metrics

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TENANT = TenantId(UUID(int=99))


def used(number: int) -> Usage:
    """Return the usage of call `number`."""
    return Usage(
        id=UUID(int=number), account=Account(purpose=Purpose.INGEST, tenant_id=TENANT), kind=CallKind.EMBED,
        agent="ingest", route=None, tier=None, node="a", model="m", digest="d", input_tokens=3, output_tokens=0,
        wait_us=0, load_us=0, prefill_us=9, decode_us=0, first_token_us=0, gpu_us=9, cost_usd_micro=2,
        outcome=Outcome.DONE, started_at=NOW, ended_at=NOW,
    )  # fmt: skip


class Rows:
    """What a statement without a result leaves to be read."""

    async def fetchone(self) -> None:
        """Return no row."""


class Table:
    """A database that keeps the ids of the rows of each statement, or is away, or refuses some."""

    def __init__(self) -> None:
        self.is_away = False
        self.refused: set[int] = set()
        self.statements: list[list[int]] = []

    @asynccontextmanager
    async def connection(self, operation: str) -> AsyncGenerator["Table"]:
        """Lend itself."""
        assert operation == "usage.write"
        if self.is_away:
            raise StoreUnavailable("nobody there", store="postgres")
        yield self

    async def execute(self, _statement: str, given: Mapping[str, Any]) -> Rows:
        """Keep the rows, or none of them."""
        numbers = [UUID(row["id"]).int for row in msgspec.json.decode(given["usages"])]
        if self.refused.intersection(numbers):
            raise StatementWrong("it does not fit")
        self.statements.append(numbers)
        return Rows()


class Bench:
    """A book over such a table."""

    def __init__(self) -> None:
        self.table = Table()
        self.metrics = Metrics(CollectorRegistry())
        self.book = UsageBook(cast("Database", self.table), self.metrics)

    def take(self, *numbers: int) -> None:
        """Take the usage of these calls."""
        for number in numbers:
            self.book.take(used(number))

    @property
    def waiting(self) -> float | None:
        """What the metric says that waits."""
        return self.metrics.registry.get_sample_value("switchyard_usage_waiting")

    def lost(self, why: Loss) -> float | None:
        """What the metric says that is lost."""
        return self.metrics.registry.get_sample_value("switchyard_usage_lost_total", {"reason": why.value})


async def test_what_came_together_is_written_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_book, "FLUSH_S", 0.0)
    bench = Bench()
    writing = asyncio.create_task(bench.book.keep_writing())
    for numbers in ((1, 2), (3,)):
        bench.take(*numbers)
        for _ in range(9):
            await asyncio.sleep(0)
    writing.cancel()
    assert (bench.table.statements, bench.waiting) == ([[1, 2], [3]], 0)


async def test_at_most_so_many_rows_are_written_in_one_statement() -> None:
    bench = Bench()
    bench.take(*range(450))
    await bench.book.flush()
    assert [len(rows) for rows in bench.table.statements] == [200, 200, 50]


@pytest.mark.requirement("ORC-50.lost")
async def test_usage_waits_for_as_long_as_postgresql_is_away() -> None:
    bench = Bench()
    bench.take(1, 2)
    bench.table.is_away = True
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await bench.book.flush()
    assert bench.waiting == 2
    bench.table.is_away = False
    await bench.book.flush()
    assert (bench.table.statements, bench.waiting) == ([[1, 2]], 0)


async def test_a_row_that_is_refused_keeps_no_other_from_being_written_and_is_told() -> None:
    bench = Bench()
    bench.take(1, 2, 3)
    bench.table.refused = {2}
    with structlog.testing.capture_logs() as lines:
        await bench.book.flush()
    assert bench.table.statements == [[1], [3]]
    assert (bench.waiting, bench.lost(Loss.REFUSED)) == (0, 1)
    (line,) = lines
    assert (line["event"], line["reason"], line["detail"]) == ("usage.lost", "refused", "it does not fit")
    assert (line["call_id"], line["tenant_id"], line["gpu_us"]) == (str(UUID(int=2)), str(TENANT), 9)


@pytest.mark.requirement("ORC-50.lost")
async def test_what_is_too_much_to_keep_is_told_and_counted() -> None:
    bench = Bench()
    bench.table.is_away = True
    with structlog.testing.capture_logs() as lines:
        bench.take(*range(10_002))
    assert (bench.waiting, bench.lost(Loss.FULL)) == (10_000, 2)
    assert [line["call_id"] for line in lines] == [str(UUID(int=10_000)), str(UUID(int=10_001))]


async def test_the_end_of_a_process_writes_what_waits_or_says_what_is_lost() -> None:
    bench = Bench()
    bench.take(1)
    await bench.book.close()
    assert bench.table.statements == [[1]]
    bench.table.is_away = True
    bench.take(2, 3)
    with structlog.testing.capture_logs() as lines:
        await bench.book.close()
    assert [(line["reason"], line["call_id"]) for line in lines] == [
        ("closed", str(UUID(int=2))),
        ("closed", str(UUID(int=3))),
    ]
    assert bench.lost(Loss.CLOSED) == 2
