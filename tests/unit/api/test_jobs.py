"""Jobs: listed, followed, cancelled."""

import asyncio

import msgspec
import pytest

from app.jobs import following
from app.jobs.states import JobState
from app.retrieval.states import DocumentState
from tests.fakes.asgi import Client
from tests.fakes.platform import TENANT_A, TENANT_B, FakePlatform

JOBS = "/api/v2/jobs"
NEW_STREAM = b"retry: "


def running(platform: FakePlatform) -> str:
    """A job that a worker has."""
    job_id = platform.jobs.add(TENANT_A)
    platform.jobs.rows[job_id] = msgspec.structs.replace(
        platform.jobs.rows[job_id], state=JobState.RUNNING, step=DocumentState.CHUNKED, progress=0.375, finished_at=None
    )
    return str(job_id)


def go_on(platform: FakePlatform, job_id: str, **changes: object) -> None:
    """Have a job go on."""
    platform.jobs.change(next(one for one in platform.jobs.rows if str(one) == job_id), **changes)


async def test_jobs_are_listed_by_state_page_by_page(client: Client, platform: FakePlatform) -> None:
    done, failed = str(platform.jobs.add(TENANT_A)), str(platform.jobs.add(TENANT_A, "no_text"))
    theirs = str(platform.jobs.add(TENANT_B))
    at_work = running(platform)
    first = (await client.get(f"{JOBS}?limit=2")).json()
    second = (await client.get(f"{JOBS}?limit=2&cursor={first['next_cursor']}")).json()
    assert [job["job_id"] for job in (*first["jobs"], *second["jobs"])] == [at_work, failed, done]
    assert theirs not in {job["job_id"] for job in (await client.get(JOBS)).json()["jobs"]}
    two = (await client.get(f"{JOBS}?state=done&state=failed")).json()["jobs"]
    assert [job["job_id"] for job in two] == [failed, done]
    of_one = (await client.get(f"{JOBS}?document_id={two[0]['document_id']}")).json()["jobs"]
    assert [job["job_id"] for job in of_one] == [failed]


@pytest.mark.parametrize(("query", "field"), [("state=ended", "state"), ("limit=0", "limit"), ("cursor=x", "cursor")])
async def test_a_list_of_jobs_that_means_nothing_is_refused(client: Client, query: str, field: str) -> None:
    reply = await client.get(f"{JOBS}?{query}")
    assert (reply.status, reply.json()["code"], reply.json()["field"]) == (422, "bad_input", field)


async def test_who_follows_a_job_hears_of_each_change_and_of_its_end(client: Client, platform: FakePlatform) -> None:
    job_id = running(platform)
    async with client.open("GET", f"{JOBS}/{job_id}/events") as (reply, _, task):
        await reply.until(b'"chunks_done":null')
        go_on(platform, job_id, progress=0.5, counts={"pages": 3, "chunks": 64, "chunks_done": 32})
        await reply.until(b'"chunks_done":32')
        go_on(platform, job_id, state=JobState.DONE, progress=1.0, step=DocumentState.READY)
        await asyncio.wait({task})
    assert reply.headers["content-type"].startswith("text/event-stream")
    events = reply.events()
    assert [(kind, job["status"], job["percent"]) for _, kind, job in events] == [
        ("progress", "running", 37),
        ("progress", "running", 50),
        ("end", "done", 100),
    ]
    assert (events[1][2]["step"], events[1][2]["pages"], events[1][2]["chunks"]) == ("chunked", 3, 64)
    assert len({event_id for event_id, _, _ in events}) == 3
    assert reply.ended


async def test_a_reader_that_comes_back_hears_only_what_is_new(client: Client, platform: FakePlatform) -> None:
    job_id = running(platform)
    async with client.open("GET", f"{JOBS}/{job_id}/events") as (reply, gone, task):
        await reply.until(b"event: progress")
        gone.set()
        await asyncio.wait({task})
    last_id = reply.events()[0][0]
    async with client.open("GET", f"{JOBS}/{job_id}/events", headers=[("last-event-id", last_id)]) as (again, _, task):
        await again.until(NEW_STREAM)
        go_on(platform, job_id, state=JobState.FAILED, error_code="no_text")
        await asyncio.wait({task})
    assert [(kind, job["status"]) for _, kind, job in again.events()] == [("end", "failed")]
    last_id = again.events()[0][0]
    over = await client.get(f"{JOBS}/{job_id}/events?after={last_id}")
    assert (over.status, over.body) == (204, b"")
    whole = await client.get(f"{JOBS}/{job_id}/events")
    assert [(event_id, kind) for event_id, kind, _ in whole.events()] == [(last_id, "end")]


@pytest.mark.parametrize("after", ["x", "-1", "1" * 21, "\u0663"])
async def test_an_event_id_that_no_job_gives_out_is_refused(client: Client, platform: FakePlatform, after: str) -> None:
    job_id = platform.jobs.add(TENANT_A)
    reply = await client.get(f"{JOBS}/{job_id}/events?after={after}")
    assert (reply.status, reply.json()["code"], reply.json()["field"]) == (422, "bad_input", "after")


async def test_more_followers_than_a_tenant_may_have_are_sent_away(
    client: Client, other: Client, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "FOLLOWERS_OF_TENANT", 1)
    job_id = running(platform)
    theirs = platform.jobs.add(TENANT_B)
    async with client.open("GET", f"{JOBS}/{job_id}/events") as (reply, gone, task):
        await reply.until(b"event: progress")
        refused = await client.get(f"{JOBS}/{job_id}/events")
        assert (refused.status, refused.json()["code"], refused.headers["retry-after"]) == (503, "followers_full", "5")
        assert (await other.get(f"{JOBS}/{theirs}/events")).events()[0][1] == "end"
        gone.set()
        await asyncio.wait({task})


async def test_a_job_that_waits_is_cancelled_at_once_and_one_at_work_is_asked(
    client: Client, platform: FakePlatform
) -> None:
    job_id = running(platform)
    asked = await client.send("POST", f"{JOBS}/{job_id}/cancel")
    assert (asked.status, asked.json()["status"], asked.json()["is_stopping"]) == (202, "running", True)
    go_on(platform, job_id, state=JobState.ACCEPTED, is_stopping=False)
    ended = await client.send("POST", f"{JOBS}/{job_id}/cancel")
    assert (ended.status, ended.json()["status"], ended.json()["error"]["code"]) == (200, "cancelled", "cancelled")
    late = await client.send("POST", f"{JOBS}/{job_id}/cancel")
    assert (late.status, late.json()["code"], late.json()["retryable"]) == (409, "job_not_cancellable", False)


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "/events"), ("POST", "/cancel")])
async def test_a_job_of_another_tenant_is_not_there(
    client: Client, platform: FakePlatform, method: str, path: str
) -> None:
    theirs = platform.jobs.add(TENANT_B)
    for one in (theirs, "no-id", "00000000-0000-4000-8000-000000000000"):
        reply = await client.send(method, f"{JOBS}/{one}{path}")
        assert (reply.status, reply.json()["code"]) == (404, "job_unknown")
