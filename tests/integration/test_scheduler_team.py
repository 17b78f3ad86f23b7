"""The scheduler team behind its HTTP surface, on real stores: a worker reads, books, and proposes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.agents.scheduler import seed
from app.agents.scheduler.tools import BookingOutcome
from app.agents.values import StartRun
from app.api.app import create_app
from app.ids import Caller, KeyId, RunId, TenantId
from app.wiring import Platform
from tests.fakes.asgi import Client
from tests.fakes.node import FakeNode
from tests.integration.platforms import CHAT, DIED, END_S, Servers, chat_of, opened, rows, settings_for, until, worked

pytestmark = pytest.mark.integration

CLOCK = {"time_zone": "America/New_York", "now": "2026-11-30T15:00:00Z"}
ASKED = "Schedule soccer practice on Field 2 Saturday at 2pm"
CONFIRMED = (
    "Event confirmed! Soccer practice, Saturday, December 5, 2026, 14:00\u201315:00 (America/New_York), Field 2."
)
LONG = (
    "Saturday at 2pm we want to run the yearly friendly soccer tournament that my cousin keeps asking all of us about"
)
CALLS = "SELECT id FROM usage WHERE run_id = %s AND kind = 'chat'"
COUNT = "SELECT count(*) AS booked FROM bookings WHERE tenant_id = %s AND title <> ALL(%s)"
SEEDED = [title for title, *_ in seed.BOOKED]


@asynccontextmanager
async def clubhouse(servers: Servers, *nodes: FakeNode) -> AsyncGenerator[tuple[Platform, Client, Caller]]:
    """Open a platform that is its own worker, and a client of a new tenant with the club house."""
    async with opened(settings_for(servers, *nodes)) as (platform,):
        tenant = await platform.tenants.add(f"tenant-{uuid4()}")
        await seed.seed(platform.database, tenant.id)
        client = Client(create_app(platform), (await platform.keys.add(tenant.id, "x")).key)
        yield platform, client, Caller(tenant.id, KeyId(uuid4()), tenant.name)


async def ended(platform: Platform, client: Client, caller: Caller, task_id: str) -> dict[str, Any]:
    """Return a task as it ended."""
    await platform.runner.result(caller, RunId(UUID(task_id)), END_S)
    return (await client.get(f"/tasks/{task_id}")).json()


async def schedule(platform: Platform, client: Client, caller: Caller, message: str, **more: object) -> dict[str, Any]:
    """Ask for an event; return the task as it ended."""
    reply = await client.post("/events", {"message": message, **CLOCK, **more})
    assert reply.status == 202, reply.json()
    return await ended(platform, client, caller, reply.json()["task_id"])


async def booked(platform: Platform, tenant_id: TenantId) -> int:
    """Return how many events were booked beside the seeded ones."""
    async with platform.database.connection("test") as conn:
        row = await (await conn.execute(COUNT, [tenant_id, SEEDED])).fetchone()
    assert row is not None
    return row["booked"]


def counted(platform: Platform, outcome: BookingOutcome) -> float | None:
    """Return how often bookings came to that in this process."""
    named = {"tool_name": "book_event", "outcome": outcome.value}
    return platform.metrics.registry.get_sample_value("switchyard_tool_outcomes_total", named)


@pytest.mark.requirement(
    "FAM-03.at-once",
    "FAM-03.task",
    "FAM-03.address",
    "FAM-04.state",
    "FAM-04.result",
    "FAM-04.message",
    "FAM-06.worker",
)
async def test_a_worker_books_what_a_replica_accepted(servers: Servers, node: FakeNode) -> None:
    async with clubhouse(servers, node) as (platform, client, caller):
        reply = await client.post("/events", {"message": ASKED, **CLOCK})
        told = reply.json()
        assert (reply.status, told["status"], told["status_url"]) == (202, "processing", f"/tasks/{told['task_id']}")
        assert (await client.get(told["status_url"])).json()["status"] == "processing"
        assert await booked(platform, caller.tenant_id) == 0
        async with worked(platform):
            task = await ended(platform, client, caller, told["task_id"])
        assert (task["status"], task["result"]["message"]) == ("complete", CONFIRMED)
        event_id = task["result"]["event_id"]
        event = (await client.get(f"/events/{event_id}")).json()
        assert (event["title"], event["starts_at"], event["place"]) == (
            "soccer practice",
            "2026-12-05T14:00:00-05:00",
            "Field 2",
        )
        assert f"UID:{event_id}\r\n".encode() in (await client.get("/events.ics")).body
        assert await rows(platform, CALLS, told["task_id"]) == []


@pytest.mark.requirement("FAM-15.events", "FAM-15.found", "FAM-15.solved")
async def test_of_two_that_ask_for_a_field_at_once_one_has_it_and_the_other_is_offered_others(
    servers: Servers, node: FakeNode
) -> None:
    async with clubhouse(servers, node) as (platform, client, caller), worked(platform):
        tasks = await asyncio.gather(*(schedule(platform, client, caller, ASKED) for _ in range(2)))
        confirmed = [task for task in tasks if "event_id" in task["result"]]
        (refused,) = (task for task in tasks if "event_id" not in task["result"])
        assert len(confirmed) == 1
        assert "Field 2 is taken from 14:00 to 15:00 (soccer practice)." in refused["result"]["message"]
        assert [one["place"] for one in refused["result"]["alternatives"]] == ["Court 1", "Field 2", "Field 2"]
        assert await booked(platform, caller.tenant_id) == 1
        again = await schedule(platform, client, caller, "the second one", session_id=refused["session_id"])
        assert again["result"]["message"].startswith(
            "Event confirmed! Soccer practice, Saturday, December 5, 2026, 15:00"
        )
        assert await booked(platform, caller.tenant_id) == 2
        assert [counted(platform, one) for one in BookingOutcome] == [2, 1, 1]


async def test_what_is_lacking_is_asked_for_and_told_in_the_next_request(servers: Servers, node: FakeNode) -> None:
    async with clubhouse(servers, node) as (platform, client, caller), worked(platform):
        first = await schedule(platform, client, caller, "Schedule soccer practice on Field 2 on Saturday")
        assert (first["status"], first["result"]["message"]) == ("complete", "At what time is soccer practice?")
        assert first["result"]["lacks"] == ["time"]
        then = await schedule(platform, client, caller, "at 2pm", session_id=first["session_id"])
        assert then["result"]["message"] == CONFIRMED


async def test_a_chat_books_too(servers: Servers, node: FakeNode) -> None:
    async with clubhouse(servers, node) as (_, client, _):
        reply = await client.post("/api/v1/chat", {"message": ASKED, "team": "scheduler", "context": CLOCK})
        told = reply.json()
        assert (told["message"], told["agent_used"]) == (CONFIRMED, "event_agent")
        assert told["details"]["starts_at"] == "2026-12-05T14:00-05:00"


async def test_a_run_that_another_process_takes_over_books_once(servers: Servers, node: FakeNode) -> None:
    async with clubhouse(servers, node) as (first, _, caller):
        node.script(model=CHAT, hang_after=2)
        ask = StartRun(question=LONG, team="scheduler", context=CLOCK, request_id="test")
        handle = await first.runner.start(caller, ask)
        await until(lambda: chat_of(node).tokens >= 2)
        await first.runner.close(drain_s=0)
        await rows(first, DIED, handle.run_id)
        node.script(model=CHAT, text='{"title": "friendly soccer tournament"}', times=-1)
        async with opened(settings_for(servers, node, replica="second")) as (second,):
            result = await second.runner.resume(handle.run_id)
        assert result is not None
        assert result.message.startswith("Event confirmed! Friendly soccer tournament, Saturday, December 5, 2026")
        assert await booked(first, caller.tenant_id) == 1


async def test_whether_a_field_is_free_is_told_and_books_nothing(servers: Servers, node: FakeNode) -> None:
    async with clubhouse(servers, node) as (platform, client, caller), worked(platform):
        before = await booked(platform, caller.tenant_id)
        asked = "Is Field 1 free on Saturday at {}?"
        told = [(await schedule(platform, client, caller, asked.format(time)))["result"] for time in ("11am", "2pm")]
        assert [one["is_free"] for one in told] == [True, False], told
        assert await booked(platform, caller.tenant_id) == before
