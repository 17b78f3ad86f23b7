"""No series is born with its first event: work of every kind, on a whole platform, adds none."""

from collections.abc import AsyncIterator, Mapping

import pytest

from app.agents.life import RunState
from app.api.app import create_app
from app.ids import Caller
from app.wiring import Platform
from tests.fakes.asgi import Client
from tests.fakes.node import FakeNode
from tests.integration.platforms import (
    CHAT,
    EMBED,
    END_S,
    Servers,
    add_caller,
    answered,
    ask,
    chat_of,
    opened,
    settings_for,
    until,
)

pytestmark = pytest.mark.integration

COUNTED = frozenset({"counter", "histogram"})
HANDBOOK = b"# Kiln\n\nThe warranty of a kiln lasts five years.\n"
Series = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]


def series(platform: Platform) -> Series:
    """Return what is counted, but for what the tests themselves ask of the database."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in platform.metrics.registry.collect()
        for sample in family.samples
        if family.type in COUNTED and sample.labels.get("operation") != "test"
    }


async def body() -> AsyncIterator[bytes]:
    """Yield a document."""
    yield HANDBOOK


async def documents(platform: Platform, caller: Caller) -> None:
    """Add a document, ingest it, search it, remove it, and look for what was lost."""
    upload = await platform.documents.add(caller.tenant_id, "kiln.md", "", body())
    await platform.workers.run(upload.job_id)
    assert (await platform.jobs.get(caller.tenant_id, upload.job_id)).state == "done"
    await answered(platform, caller, ask())
    await platform.documents.remove(caller.tenant_id, upload.document_id)
    await platform.document_upkeep.lost.requeue()
    await platform.document_upkeep.reconciler.run()


async def failures(platform: Platform, caller: Caller, node: FakeNode) -> None:
    """Have one run be cancelled, one answer without passages and one fail."""
    node.script(model=CHAT, hang_after=2)
    handle = await platform.runner.start(caller, ask())
    await until(lambda: chat_of(node).tokens >= 2)
    await platform.runner.cancel(caller, handle.run_id)
    await platform.runner.result(caller, handle.run_id, END_S)
    # As long as retrieval waits for a node that embeds: one call alone opens no breaker.
    node.script(model=EMBED, times=-1, status=500)
    assert (await answered(platform, caller, ask("Whose vector is not kept?"))).degraded == ("retrieval",)
    node.scripts.clear()
    node.script(model=CHAT, status=400, error="invalid message")
    assert (await answered(platform, caller, ask())).state is RunState.FAILED


async def http(platform: Platform) -> None:
    """Make an api key, and ask rightly and wrongly with it."""
    tenant = await platform.tenants.add(f"series-{id(platform)}")
    client = Client(create_app(platform), (await platform.keys.add(tenant.id, "x")).key)
    for method, path in (("GET", "/health"), ("GET", "/readyz"), ("GET", "/api/v1/sessions"), ("PUT", "/api/v1/chat")):
        await client.send(method, path)
    for path in ("sessions", "runs", "routes", "documents"):
        await client.send("GET", f"/api/v1/{path}/00000000-0000-0000-0000-000000000000")
    headers = [("content-type", "application/json")]
    for sent in (b'{"message": "How long?"}', b"{}"):
        await client.send("POST", "/api/v1/chat", body=sent, headers=headers)


@pytest.mark.requirement("FIN-60.zero", "FIN-70.first")
async def test_work_of_every_kind_adds_no_series(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        create_app(platform)
        before = series(platform)
        await documents(platform, caller)
        await http(platform)
        await failures(platform, caller, node)
        after = series(platform)
    assert sorted(after.keys() - before.keys()) == []
    counted = {name for (name, labels), value in after.items() if value > before[name, labels]}
    assert {
        "http_requests_total", "switchyard_runs_total", "agent_errors_total", "switchyard_call_failures_total",
        "switchyard_degraded_total", "tool_calls_total", "switchyard_jobs_total", "switchyard_placements_total",
        "switchyard_model_calls_total", "switchyard_cost_usd_total", "switchyard_redis_request_seconds_count",
        "switchyard_qdrant_request_seconds_count", "db_query_duration_seconds_count",
    } <= counted  # fmt: skip
