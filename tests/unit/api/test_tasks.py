"""Tasks by HTTP: accepted, polled, followed, listed, stopped, begun again."""

from uuid import UUID, uuid4

import pytest

from app.agents.life import RunState
from app.agents.task_refusals import TooManyTasks
from app.agents.values import OnDisconnect, RunResult
from app.errors import NoSlotInTime, RunFailed, SessionBusy
from app.ids import RunId
from app.inference.words.priority import Priority
from tests.fakes.asgi import Client
from tests.fakes.platform import FakePlatform
from tests.fakes.runner import failed

TASKS = "/api/v1/tasks"


async def submit(client: Client, **more: object) -> str:
    """Submit a task and return its id."""
    reply = await client.post(TASKS, {"message": "Schedule soccer practice Saturday at 2pm"} | more)
    assert reply.status == 202
    return reply.json()["task_id"]


async def test_a_task_is_answered_with_where_to_ask_for_it(client: Client, platform: FakePlatform) -> None:
    platform.runner.holds = True
    reply = await client.post(TASKS, {"message": "Schedule soccer practice Saturday at 2pm", "deadline_s": 90_000})
    told = reply.json()
    assert (reply.status, told["status"]) == (202, "processing")
    assert told["status_url"] == f"/tasks/{told['task_id']}" == reply.headers["location"]
    (asked,) = platform.runner.started
    assert (asked.options.priority, asked.options.deadline_s) == (Priority.BATCH, 90_000)
    for path in (told["status_url"], f"{TASKS}/{told['task_id']}"):
        view = (await client.get(path)).json()
        assert (view["status"], view["result"], view["error"], view["finished_at"]) == ("processing", None, None, None)


@pytest.mark.requirement("FAM-04.state")
async def test_a_task_that_is_done_shows_its_result(client: Client) -> None:
    task_id = await submit(client)
    view = (await client.get(f"/tasks/{task_id}")).json()
    assert (view["status"], view["error"]) == ("complete", None)
    assert view["result"]["message"] == "Returns are free for 30 days."
    assert view["run_url"] == f"/api/v1/runs/{task_id}"
    assert (await client.get(view["run_url"])).json()["answer"]["message"] == view["result"]["message"]


async def test_a_task_that_failed_says_why(client: Client, platform: FakePlatform) -> None:
    platform.runner.ending = lambda result: failed(result, NoSlotInTime("every slot stayed taken"))
    view = (await client.get(f"/tasks/{await submit(client)}")).json()
    assert (view["status"], view["result"]) == ("failed", None)
    assert view["error"] == {"code": "no_slot_in_time", "detail": "every slot stayed taken"}


async def test_a_task_is_followed_from_any_event(client: Client) -> None:
    task_id = await submit(client)
    reply = await client.get(f"/tasks/{task_id}/events")
    assert [kind for _, kind, _ in reply.events()] == ["queued", "delta", "delta", "done"]
    later = await client.get(f"{TASKS}/{task_id}/events", ("last-event-id", f"{task_id}:1000:14"))
    assert [body["text"] for _, kind, body in later.events() if kind == "delta"] == ["ee for 30 days."]
    wrong = await client.get(f"/tasks/{task_id}/events", ("last-event-id", "never"))
    assert (wrong.status, wrong.json()["field"]) == (422, "Last-Event-ID")


async def test_the_same_key_names_the_same_task(client: Client, platform: FakePlatform) -> None:
    key = ("idempotency-key", "once")
    first = await client.post(TASKS, {"message": "hello"}, key)
    again = await client.post(TASKS, {"message": "hello"}, key)
    assert again.json()["task_id"] == first.json()["task_id"]
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    assert len(platform.runner.started) == 1
    assert platform.runner.started[0].on_disconnect is OnDisconnect.CONTINUE
    # It is told how that stands, as it was done meanwhile.
    assert [reply.json()["status"] for reply in (first, again)] == ["processing", "complete"]


async def test_a_tenant_with_as_many_open_tasks_as_it_may_have_is_told_when_to_come_again(
    client: Client, platform: FakePlatform
) -> None:
    platform.runner.refusal = TooManyTasks("2 tasks of this tenant have not ended", most=2)
    reply = await client.post(TASKS, {"message": "hello"})
    assert (reply.status, reply.json()["code"], reply.json()["retryable"]) == (429, "too_many_tasks", True)
    assert (reply.headers["retry-after"], reply.json()["most"]) == ("30", 2)


async def test_what_is_refused_is_refused_before_anything_is_stored(client: Client, platform: FakePlatform) -> None:
    for body in ({"message": " "}, {"message": "hello", "stream": True}, {"message": "hello", "deadline_s": 0}, {}):
        assert (await client.post(TASKS, body)).status == 422
    platform.runner.refusal = SessionBusy("busy")
    assert (await client.post(TASKS, {"message": "hello"})).json()["code"] == "session_busy"
    assert not platform.runner.started


async def test_another_tenants_task_is_unknown(client: Client, other: Client) -> None:
    task_id = await submit(client)
    for reply in (
        await other.get(f"/tasks/{task_id}"),
        await other.get(f"/tasks/{task_id}/events"),
        await other.post(f"{TASKS}/{task_id}/cancel", {}),
        await other.post(f"{TASKS}/{task_id}/requeue", {}),
        await client.get(f"/tasks/{uuid4()}"),
        await client.get("/tasks/never"),
    ):
        assert (reply.status, reply.json()["code"]) == (404, "run_unknown")
    assert (await other.get(TASKS)).json() == {"tasks": [], "next_cursor": None}


async def test_tasks_are_listed_newest_first_page_by_page_and_by_how_they_stand(
    client: Client, platform: FakePlatform
) -> None:
    ids = [await submit(client) for _ in range(3)]
    platform.runner.holds = True
    ids.append(await submit(client))
    first = (await client.get(f"{TASKS}?limit=3")).json()
    assert [task["task_id"] for task in first["tasks"]] == ids[:0:-1]
    second = (await client.get(f"{TASKS}?limit=3&cursor={first['next_cursor']}")).json()
    assert ([task["task_id"] for task in second["tasks"]], second["next_cursor"]) == (ids[:1], None)
    for status, wanted in (("processing", ids[3:]), ("complete", ids[2::-1]), ("dead", [])):
        listed = (await client.get(f"{TASKS}?status={status}")).json()["tasks"]
        assert [task["task_id"] for task in listed] == wanted
    since = first["tasks"][1]["created_at"]
    listed = (await client.get(f"{TASKS}?created_after={since}&team=assistant")).json()["tasks"]
    assert [task["task_id"] for task in listed] == ids[:1:-1]
    listed = (await client.get(f"{TASKS}?created_before={since}")).json()["tasks"]
    assert [task["task_id"] for task in listed] == ids[1::-1]


@pytest.mark.parametrize("query", ["status=done", "created_after=yesterday", "created_before=2026-03-01T12:00:00"])
async def test_a_filter_that_means_nothing_is_refused(client: Client, query: str) -> None:
    reply = await client.get(f"{TASKS}?{query}")
    assert (reply.status, reply.json()["field"]) == (422, query.split("=", maxsplit=1)[0])


async def test_a_task_is_stopped(client: Client, platform: FakePlatform) -> None:
    platform.runner.holds = True
    task_id = await submit(client)
    reply = await client.post(f"{TASKS}/{task_id}/cancel", {})
    assert (reply.status, reply.json()["status"]) == (202, "processing")
    assert platform.runner.cancelled == [RunId(UUID(task_id))]


async def test_a_task_that_was_given_up_is_begun_again_and_one_that_is_done_is_not(
    client: Client, platform: FakePlatform
) -> None:
    def dead(result: RunResult) -> RunResult:
        return failed(result, RunFailed("given up", reason="attempts"), RunState.DEAD)

    done = await submit(client)
    platform.runner.ending = dead
    given_up = await submit(client)
    assert (await client.get(f"/tasks/{given_up}")).json()["status"] == "dead"
    reply = await client.post(f"{TASKS}/{given_up}/requeue", {})
    assert (reply.status, reply.json()["status"]) == (202, "processing")
    reply = await client.post(f"{TASKS}/{done}/requeue", {})
    assert (reply.status, reply.json()["code"]) == (409, "task_not_requeuable")
