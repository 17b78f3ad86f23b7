"""Tools: what they bring and refuse is stored once; what they write is kept with it or not at all."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

import msgspec
import pytest

from app.agents.event_log import Called
from app.agents.tools import Reading, Writing
from app.agents.work import Work
from app.errors import ToolFailed, ToolRefused
from app.ids import TenantId
from app.postgres import Connection, Database
from tests.fakes.runs import CLAIM, KeptEffects
from tests.fakes.work import attempt


class Named(msgspec.Struct, frozen=True):
    """Which policy."""

    number: str


class Premium(msgspec.Struct, frozen=True):
    """What it costs."""

    cents: int
    parts: tuple[int, ...] = ()


class Ledger:
    """A database that notes what happens to its transactions, and tools over it."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.denied: list[str] = []

    @asynccontextmanager
    async def transaction(self, operation: str = "savepoint") -> AsyncGenerator["Ledger"]:
        """Note how it ends."""
        try:
            yield self
        except BaseException:
            self.told.append(f"{operation} undone")
            raise
        self.told.append(f"{operation} kept")

    @asynccontextmanager
    async def connection(self, operation: str) -> AsyncGenerator["Ledger"]:
        """Give itself."""
        assert operation == "tools.denied"
        yield self

    async def execute(self, statement: str, given: dict[str, object]) -> "Ledger":
        """Take the one statement."""
        assert ("denied_tools" in statement, given) == (True, {"tenant_id": CLAIM.tenant_id})
        return self

    async def fetchone(self) -> dict[str, object]:
        """Return what the tenant may not use."""
        return {"denied_tools": self.denied}

    async def premium(self, database: Database, tenant_id: TenantId, named: Named) -> Premium:
        """Read."""
        assert cast("object", database) is self
        assert tenant_id == CLAIM.tenant_id
        self.told.append(f"read {named.number}")
        if named.number == "none":
            raise ToolRefused("there is no such policy")
        if named.number == "slow":
            await asyncio.Event().wait()
        return Premium(4200, (4000, 200))

    async def file(self, conn: Connection, tenant_id: TenantId, named: Named) -> Premium:
        """Write."""
        assert cast("object", conn) is self
        assert tenant_id == CLAIM.tenant_id
        self.told.append(f"wrote {named.number}")
        if named.number == "none":
            raise ToolRefused("there is no such policy")
        if named.number == "slow":
            await asyncio.Event().wait()
        return Premium(1)


def bench(ledger: Ledger, effects: KeptEffects | None = None) -> tuple[Work, KeptEffects, Reading[Named, Premium]]:
    """Return a step's work, its effects, and the tool that reads."""
    effects = effects or KeptEffects(cast("Database", ledger))
    work = attempt(effects=effects, database=ledger).work()
    reads = Reading(name="premium", description="", arguments=Named, result=Premium, act=ledger.premium, limit_s=0.01)
    return work, effects, reads


def writes(ledger: Ledger) -> Writing[Named, Premium]:
    """Return the tool that writes."""
    return Writing(name="file", description="", arguments=Named, result=Premium, act=ledger.file, limit_s=0.01)


async def test_what_a_tool_brought_is_the_same_in_every_attempt_and_looked_up_once() -> None:
    ledger = Ledger()
    work, effects, premium = bench(ledger)
    assert await work.use(premium, Named("P-1"), agent="billing") == Premium(4200, (4000, 200))
    work, effects, _ = bench(ledger, effects.again())
    assert await work.use(premium, Named("P-1"), agent="billing") == Premium(4200, (4000, 200))
    assert (ledger.told, effects.reused) == (["read P-1"], 1)


async def test_readers_are_told_of_a_tool_call_once_in_a_run_not_in_each_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger, told = Ledger(), list[tuple[str, str]]()
    _, effects, premium = bench(ledger)

    def note(tool: str, agent: str) -> None:
        told.append((tool, agent))

    for number in ("P-1", "P-1", "P-2"):
        began = attempt(effects=effects, database=ledger)
        monkeypatch.setattr(began.live, "calls", note)
        await began.work().use(premium, Named("P-1"), agent="billing")
        if number == "P-2":
            await began.work().use(premium, Named(number), agent="claims")
        effects = effects.again()
    assert told == [("premium", "billing"), ("premium", "claims")]


async def test_of_a_tool_call_the_log_tells_before_what_it_brought_can_be_stored() -> None:
    ledger, logged = Ledger(), list[list[str]]()
    _, effects, _ = bench(ledger)
    began = attempt(effects=effects, database=ledger)

    async def look(*_: object) -> Premium:
        logged.append([entry.tool for entry in began.log.entries if isinstance(entry, Called)])
        return Premium(1)

    reads = Reading(name="premium", description="", arguments=Named, result=Premium, act=look)
    writes = Writing(name="file", description="", arguments=Named, result=Premium, act=look)
    await began.work().use(reads, Named("P-1"), agent="billing")
    await began.work().use(writes, Named("P-1"), agent="claims")
    assert logged == [["premium"], ["premium", "file"]]


async def test_what_a_tool_came_to_is_counted_when_it_is_done_and_not_when_it_is_replayed() -> None:
    ledger = Ledger()
    files = Writing(
        name="file",
        description="",
        arguments=Named,
        result=Premium,
        act=ledger.file,
        outcomes=("filed",),
        outcomes_of=lambda filed: {"filed": filed.cents},
    )
    effects = KeptEffects(cast("Database", ledger))
    for times in (1, 0):
        began = attempt(effects=effects, database=ledger)
        await began.work().use(files, Named("P-1"), agent="claims")
        named = {"tool_name": "file", "outcome": "filed"}
        counted = began.metrics.registry.get_sample_value("switchyard_tool_outcomes_total", named)
        assert (counted or 0) == times
        effects = effects.again()


async def test_what_a_tool_refuses_is_refused_in_every_attempt() -> None:
    ledger = Ledger()
    work, effects, premium = bench(ledger)
    for _ in range(2):
        with pytest.raises(ToolRefused) as refused:
            await work.use(premium, Named("none"), agent="billing")
        assert (refused.value.detail, refused.value.facts) == ("there is no such policy", {"tool": "premium"})
        work, _, _ = bench(ledger, effects.again())
    assert ledger.told == ["read none"]


async def test_what_a_tool_writes_is_kept_with_its_result_in_one_transaction() -> None:
    ledger = Ledger()
    work, effects, _ = bench(ledger)
    assert await work.use(writes(ledger), Named("P-1"), agent="claims") == Premium(1)
    work, effects, _ = bench(ledger, effects.again())
    assert await work.use(writes(ledger), Named("P-1"), agent="claims") == Premium(1)
    assert ledger.told == ["wrote P-1", "savepoint kept", "effects.commit kept"]


async def test_of_a_tool_that_refuses_only_the_refusal_is_kept() -> None:
    ledger = Ledger()
    work, effects, _ = bench(ledger)
    with pytest.raises(ToolRefused):
        await work.use(writes(ledger), Named("none"), agent="claims")
    assert ledger.told == ["wrote none", "savepoint undone", "effects.commit kept"]
    assert effects.keys == ["respond/use:0"]


async def test_of_a_tool_that_is_not_done_in_its_time_nothing_is_kept() -> None:
    ledger = Ledger()
    work, effects, premium = bench(ledger)
    with pytest.raises(ToolFailed) as failed:
        await work.use(writes(ledger), Named("slow"), agent="claims")
    assert (failed.value.code, failed.value.facts) == ("tool_failed", {"tool": "file"})
    assert ledger.told == ["wrote slow", "savepoint undone", "effects.commit undone"]
    with pytest.raises(ToolFailed):
        await work.use(premium, Named("slow"), agent="claims")
    assert effects.keys == []


@pytest.mark.parametrize(("number", "success"), [("P-1", "true"), ("none", "false"), ("slow", "false")])
async def test_a_tool_is_counted_by_its_success(number: str, success: str) -> None:
    ledger = Ledger()
    effects = KeptEffects(cast("Database", ledger))
    began = attempt(effects=effects, database=ledger)
    _, _, premium = bench(ledger, effects)
    try:
        await began.work().use(premium, Named(number), agent="billing")
    except (ToolRefused, ToolFailed):
        assert success == "false"
    counted = began.metrics.registry.get_sample_value
    assert counted("tool_calls_total", {"tool_name": "premium", "success": success}) == 1
    assert counted("tool_duration_seconds_count", {"tool_name": "premium"}) == 1
