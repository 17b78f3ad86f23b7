"""However GPU time is spent, it leaves a row that says who pays, what for, and how much."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import msgspec
import procrastinate
import pytest
from redis.asyncio import Redis

from app.agents.life import RunState
from app.chores import Chores
from app.ids import KeyId, RunId, SessionId, TenantId
from app.inference.slots.lease import LeaseFacts
from app.inference.slots.register import DROPPED, ORPHANS_KEY
from app.inference.words.account import Account, Purpose
from app.inference.words.records import CallKind
from app.job_calls import purpose_of
from app.retrieval.states import JobKind
from app.wiring import Platform
from tests.fakes.node import FakeNode
from tests.fakes.words import count_tokens
from tests.integration.platforms import (
    CHAT,
    EMBED,
    END_S,
    Servers,
    add_caller,
    answered,
    ask,
    opened,
    rows,
    settings_for,
)

pytestmark = pytest.mark.integration

SELECT_ALL = "SELECT * FROM usage WHERE tenant_id IS NOT DISTINCT FROM %s ORDER BY started_at"
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
LEASED_US = 1_772_323_201_000_000
"""A second later, in microseconds since 1970."""


async def body(text: str) -> AsyncIterator[bytes]:
    """Yield a file's content."""
    yield text.encode()


async def spent(platform: Platform, tenant_id: TenantId | None) -> list[dict[str, Any]]:
    """Return the rows of a tenant, or of the installation."""
    await platform.book.flush()
    async with platform.database.connection("test") as conn:
        return await (await conn.execute(SELECT_ALL, [tenant_id])).fetchall()


def of(row: Mapping[str, Any], *names: str) -> tuple[object, ...]:
    """Return some of a row's columns."""
    return tuple(row[name] for name in names)


WHOSE = ("tenant_id", "key_id", "session_id", "run_id", "purpose")


@pytest.mark.requirement("ORC-50.embeddings")
async def test_the_embedding_of_a_question_is_charged_to_who_asked_it(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        result = await answered(platform, caller, ask())
        searched, answer = await spent(platform, caller.tenant_id)
        run = (caller.tenant_id, caller.key_id, result.session_id, result.run_id)
        assert of(searched, *WHOSE, "kind", "model", "outcome") == (*run, "search", "embed", EMBED, "done")
        assert of(answer, *WHOSE, "kind", "model", "outcome") == (*run, "chat", "chat", CHAT, "done")
        assert searched["gpu_us"] > 0
        assert searched["cost_usd_micro"] == round(searched["gpu_us"] * 0.36 / 3600)
        assert searched["input_tokens"] == count_tokens(["How long is the warranty?"])


@pytest.mark.requirement("ORC-50.ingestion")
async def test_the_embeddings_of_a_document_are_charged_to_its_tenant_also_when_the_job_breaks_off(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        tenant_id = caller.tenant_id
        kiln = await platform.documents.add(tenant_id, "kiln.md", "", body("Kilns are hot."))
        await platform.workers.run(kiln.job_id)
        (done,) = await spent(platform, tenant_id)
        assert of(done, *WHOSE, "kind", "agent") == (tenant_id, None, None, None, "ingest", "embed", "ingest")
        assert of(done, "node", "model", "digest", "outcome") == ("a", EMBED, node.models[EMBED].sha, "done")
        assert done["gpu_us"] > 0
        node.script(model=EMBED, status=400, error="no", times=-1)
        pot = await platform.documents.add(tenant_id, "pot.md", "", body("Pots are round."))
        await platform.workers.run(pot.job_id)
        before, broken = await spent(platform, tenant_id)
        assert before == done
        assert of(broken, "purpose", "outcome", "model") == ("ingest", "failed", EMBED)


def test_the_embeddings_of_a_document_that_is_indexed_again_are_told_apart() -> None:
    assert {kind: purpose_of(kind) for kind in JobKind} == {
        JobKind.INGEST: Purpose.INGEST,
        JobKind.REINDEX: Purpose.REINDEX,
        JobKind.RESTORE: Purpose.REINDEX,
    }


def is_trial(row: Mapping[str, Any], since: datetime) -> bool:
    """Whether the row is of a trial of the chat model, made since then."""
    return row["model"] == CHAT and row["started_at"] >= since


@pytest.mark.requirement("ORC-50.probes")
async def test_the_platforms_own_calls_are_charged_to_the_installation(servers: Servers, node: FakeNode) -> None:
    node.loaded |= {CHAT: 4096}
    # Trials of other tests' nodes have rows too.
    began = datetime.now(UTC)
    async with Redis.from_url(servers.coordination_url) as redis:
        # One replica of several makes a trial: of another test's it may just have been made.
        await redis.delete(f"sy:probe:a:{CHAT}")
    async with opened(settings_for(servers, node)) as (platform,):
        async with asyncio.timeout(END_S):
            while not (probes := [row for row in await spent(platform, None) if is_trial(row, began)]):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert of(probes[0], *WHOSE, "agent") == (None, None, None, None, "probe", "probe")
        assert of(probes[0], "node", "model", "outcome", "output_tokens") == ("a", CHAT, "done", 1)
        assert probes[0]["gpu_us"] > 0


def facts(account: Account | None, run_id: RunId | None) -> LeaseFacts:
    """Return what a process that died left of a chat call at node a."""
    return LeaseFacts(
        id=uuid4(), account=account, kind=CallKind.CHAT, agent="assistant", run_id=run_id, tier=None, node="a",
        model=CHAT, digest="d", input_tokens=7, wait_us=0, price_usd_micro_per_hour=3_600_000, started_at=BEGAN,
    )  # fmt: skip


async def leave(servers: Servers, *died: LeaseFacts) -> None:
    """Leave calls in Redis as `register.lua` does when their leases run out."""
    async with Redis.from_url(servers.coordination_url) as redis:
        for one in died:
            lost = {"facts": msgspec.json.encode(one).decode(), "gpu": 500_000, "tokens": 5, "ended": LEASED_US}
            await redis.hset(ORPHANS_KEY, str(one.id), msgspec.msgpack.encode(lost))


def chores(platform: Platform) -> Chores:
    """Return what the worker does."""
    return Chores(platform, cast("procrastinate.App", None))


@pytest.mark.requirement("ORC-50.died")
async def test_a_call_whose_process_died_is_charged_to_its_account(servers: Servers, node: FakeNode) -> None:
    account = Account(
        purpose=Purpose.SEARCH,
        tenant_id=TenantId(uuid4()),
        key_id=KeyId(uuid4()),
        session_id=SessionId(uuid4()),
        run_id=RunId(uuid4()),
    )
    async with opened(settings_for(servers, node)) as (platform,):
        await leave(servers, facts(account, account.run_id))
        await chores(platform).store_orphans()
        (row,) = await spent(platform, account.tenant_id)
        assert of(row, *WHOSE) == tuple(msgspec.structs.asdict(account)[name] for name in WHOSE)
        assert of(row, "outcome", "gpu_us", "cost_usd_micro", "output_tokens") == ("lost", 500_000, 500, 5)
        assert row["ended_at"] == datetime.fromtimestamp(LEASED_US / 1_000_000, UTC)


async def test_a_call_that_an_older_version_left_is_charged_to_the_account_of_its_run(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        result = await answered(platform, caller, ask())
        assert result.state is RunState.DONE
        await leave(servers, facts(None, result.run_id))
        await chores(platform).store_orphans()
        found = await rows(platform, "SELECT * FROM usage WHERE run_id = %s AND outcome = 'lost'", result.run_id)
        run = (caller.tenant_id, caller.key_id, result.session_id, result.run_id)
        assert [of(row, *WHOSE) for row in found] == [(*run, "chat")]


async def test_what_a_dead_process_left_that_cannot_be_stored_is_counted(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        async with Redis.from_url(servers.coordination_url) as redis:
            await redis.hset(ORPHANS_KEY, mapping={str(UUID(int=1)): b"garbage", DROPPED: b"3"})
        await chores(platform).store_orphans()
        lost = platform.metrics.registry.get_sample_value
        assert [lost("switchyard_usage_lost_total", {"reason": why}) for why in ("unreadable", "dropped")] == [1, 3]
