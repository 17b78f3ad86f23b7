"""Events: asked for in a sentence and accepted at once, listed, cancelled, and read by calendars."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from app.agents.scheduler.calendar import Wish
from app.agents.scheduler.records import BookingState
from app.errors import SessionBusy
from tests.fakes.asgi import Client
from tests.fakes.platform import TENANT_A, TENANT_B, FakePlatform

EVENTS = "/events"
ASKED = {"message": "Schedule soccer practice Saturday at 2pm"}


@pytest.mark.requirement(
    "FAM-03.takes", "FAM-03.at-once", "FAM-03.task", "FAM-03.address", "FAM-02.quick", "FAM-06.worker"
)
async def test_a_sentence_is_accepted_before_it_is_read(client: Client, platform: FakePlatform) -> None:
    platform.runner.holds = True
    reply = await client.post(EVENTS, {**ASKED, "time_zone": "America/New_York", "now": "2026-11-04T15:00:00Z"})
    told = reply.json()
    assert (reply.status, told["status"]) == (202, "processing")
    assert told["status_url"] == f"/tasks/{told['task_id']}" == reply.headers["location"]
    (ask,) = platform.runner.submitted
    assert (ask.question, ask.team) == (ASKED["message"], "scheduler")
    assert ask.context == {"time_zone": "America/New_York", "now": "2026-11-04T15:00:00+00:00"}
    assert told["task_id"] in {str(one) for one in platform.runner.runs}


async def test_the_same_key_brings_the_same_task(client: Client, platform: FakePlatform) -> None:
    first = await client.post(EVENTS, ASKED, ("idempotency-key", "k1"))
    again = await client.post(EVENTS, ASKED, ("idempotency-key", "k1"))
    assert first.json() | {"status": "complete"} == again.json()
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    assert len(platform.runner.runs) == 1


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone"),
        ({"now": "2026-11-04T15:00:00"}, "now"),
        ({"message": " "}, "message"),
        ({"where": "here"}, None),
    ],
)
async def test_what_cannot_be_meant_is_refused(client: Client, more: dict[str, object], field: str | None) -> None:
    reply = await client.post(EVENTS, {**ASKED, **more})
    assert (reply.status, reply.json()["code"]) == (422, "bad_input")
    if field is not None:
        assert reply.json()["field"] == field


async def test_a_session_with_a_run_is_busy(client: Client, platform: FakePlatform) -> None:
    platform.runner.refusal = SessionBusy("a run is under way")
    assert (await client.post(EVENTS, ASKED)).status == 409


async def test_events_are_listed_page_by_page_each_tenants_own(client: Client, platform: FakePlatform) -> None:
    titles = ["one", "two", "three"]
    for title in titles:
        platform.calendar.add(TENANT_A, title)
    platform.calendar.add(TENANT_B, "theirs")
    first = (await client.get(f"{EVENTS}?limit=2")).json()
    second = (await client.get(f"{EVENTS}?limit=2&cursor={first['next_cursor']}")).json()
    assert [event["title"] for event in (*first["events"], *second["events"])] == titles
    assert second["next_cursor"] is None
    assert first["events"][0]["starts_at"] == "2026-11-07T14:00:00-05:00"


async def test_a_list_is_of_a_time_a_place_and_a_state(client: Client, platform: FakePlatform) -> None:
    query = "from=2026-11-07T14:00:00-05:00&to=2026-11-08T00:00:00Z&resource=Field%202&state=cancelled"
    assert (await client.get(f"{EVENTS}?{query}")).status == 200
    assert platform.calendar.wishes == [
        Wish(
            since=datetime(2026, 11, 7, 19, tzinfo=UTC),
            until=datetime(2026, 11, 8, tzinfo=UTC),
            place="Field 2",
            state=BookingState.CANCELLED,
        )
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [("from=saturday", "from"), ("to=2026-11-07T14:00:00", "to"), ("state=lost", "state"), ("cursor=x", "cursor")],
)
async def test_a_list_that_means_nothing_is_refused(client: Client, query: str, field: str) -> None:
    reply = await client.get(f"{EVENTS}?{query}")
    assert (reply.status, reply.json()["field"]) == (422, field)


async def test_an_event_is_looked_at_and_cancelled(client: Client, platform: FakePlatform) -> None:
    event = platform.calendar.add(TENANT_A, "one", attendees=("Ana",), place="Gym")
    told = (await client.get(f"{EVENTS}/{event.id}")).json()
    assert (told["event_id"], told["place"], told["attendees"], told["state"]) == (
        str(event.id),
        "Gym",
        ["Ana"],
        "booked",
    )
    reply = await client.send("DELETE", f"{EVENTS}/{event.id}")
    assert (reply.status, reply.json()["state"]) == (200, "cancelled")
    assert (await client.get(EVENTS)).json()["events"] == []


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_event_of_another_tenant_is_none(client: Client, platform: FakePlatform, method: str) -> None:
    theirs = platform.calendar.add(TENANT_B, "theirs")
    for name in (theirs.id, uuid4(), "x", f"{theirs.id}.ics"):
        reply = await client.send(method, f"{EVENTS}/{name}")
        assert (reply.status, reply.json()["code"]) == (404, "event_unknown")


async def test_events_are_read_as_a_calendar(client: Client, platform: FakePlatform) -> None:
    event = platform.calendar.add(TENANT_A, "one")
    platform.calendar.add(TENANT_A, "two")
    feed, single = (
        await client.get(f"{EVENTS}.ics?from=2026-01-01T00:00:00Z"),
        await client.get(f"{EVENTS}/{event.id}.ics"),
    )
    assert feed.headers["content-type"] == single.headers["content-type"] == "text/calendar; charset=utf-8"
    assert (feed.body.count(b"BEGIN:VEVENT"), single.body.count(b"BEGIN:VEVENT")) == (2, 1)
    assert f"UID:{event.id}\r\n".encode() in single.body


async def test_a_calendar_without_a_beginning_begins_a_month_ago(client: Client, platform: FakePlatform) -> None:
    before = datetime.now(UTC)
    assert (await client.get(f"{EVENTS}.ics")).status == 200
    since = platform.calendar.wishes[-1].since
    assert since is not None
    assert timedelta() <= since - (before - timedelta(days=31)) < timedelta(minutes=1)
