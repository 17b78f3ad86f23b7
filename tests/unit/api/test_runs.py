"""Runs: look, follow, stop."""

from urllib.parse import quote
from uuid import UUID

import msgspec
import pytest

from app.agents.life import RunState
from app.api.shapes import RunView
from app.errors import NoSlotInTime, RunCancelled, RunFailed, SwitchyardError
from app.ids import RunId
from tests.fakes.asgi import Client
from tests.fakes.platform import FakePlatform
from tests.fakes.runner import failed

CHAT = "/api/v1/chat"


async def start(client: Client) -> str:
    """Run once; return the run's id."""
    return (await client.post(CHAT, {"message": "hello"})).json()["metadata"]["run_id"]


async def test_a_run_shows_its_answer_and_where_it_came_from(client: Client) -> None:
    answer = (await client.post(CHAT, {"message": "hello"})).json()
    reply = await client.get(f"/api/v1/runs/{answer['metadata']['run_id']}")
    view = msgspec.json.decode(reply.body, type=RunView)
    assert (view.state, view.ended, view.error) == (RunState.DONE, True, None)
    assert reply.json()["answer"] == answer
    assert reply.headers["x-route-node"] == "a"


async def test_a_run_that_failed_shows_why(client: Client, platform: FakePlatform) -> None:
    platform.runner.ending = lambda result: failed(result, NoSlotInTime("every slot stayed taken"))
    reply = await client.post(CHAT, {"message": "hello"})
    view = (await client.get(f"/api/v1/runs/{reply.json()['run_id']}")).json()
    assert view["state"] == "failed"
    assert view["answer"] is None
    assert view["error"] == {"code": "no_slot_in_time", "detail": "every slot stayed taken"}


@pytest.mark.parametrize("stored", [RunCancelled("stopped"), RunFailed("stopped", reason="cancelled")])
async def test_a_cancelled_run_says_so_also_one_of_an_earlier_version(
    client: Client, platform: FakePlatform, stored: SwitchyardError
) -> None:
    platform.runner.ending = lambda result: failed(result, stored, RunState.CANCELLED)
    reply = await client.post(CHAT, {"message": "hello"})
    assert (reply.status, reply.json()["code"]) == (409, "cancelled")
    view = (await client.get(f"/api/v1/runs/{reply.json()['run_id']}")).json()
    assert (view["state"], view["error"]) == ("cancelled", {"code": "cancelled", "detail": "stopped"})
    events = (await client.get(f"/api/v1/runs/{reply.json()['run_id']}/events")).events()
    assert [(kind, body["code"]) for _, kind, body in events if kind == "error"] == [("error", "cancelled")]


async def test_events_come_from_the_beginning(client: Client) -> None:
    reply = await client.get(f"/api/v1/runs/{await start(client)}/events")
    assert reply.status == 200
    assert [kind for _, kind, _ in reply.events()] == ["queued", "delta", "delta", "done"]


@pytest.mark.parametrize("how", ["header", "query"])
async def test_events_go_on_after_the_last_one_read(client: Client, how: str) -> None:
    run_id = await start(client)
    after = f"{run_id}:1000:14"
    path = f"/api/v1/runs/{run_id}/events"
    reply = (
        await client.get(path, ("last-event-id", after))
        if how == "header"
        else await client.get(f"{path}?after={after}")
    )
    deltas = [body["text"] for _, kind, body in reply.events() if kind == "delta"]
    assert "Returns are fr" + "".join(deltas) == "Returns are free for 30 days."


async def test_a_reader_of_events_that_leaves_never_stops_the_run(client: Client, platform: FakePlatform) -> None:
    run_id = await start(client)
    platform.runner.runs[RunId(UUID(run_id))].release.clear()
    async with client.open("GET", f"/api/v1/runs/{run_id}/events") as (reply, gone, task):
        await reply.until(b"30 days")
        gone.set()
        await task
    assert platform.runner.gone == []
    assert platform.runner.open_streams == 0


@pytest.mark.parametrize(
    "wrong",
    [
        "x",
        "x" * 5000,
        "{run}",
        "{run}:1000",
        "{run}:1000:-1",
        "{run}:1000:1:1:1",
        "{run}:1000: 1",
        "{run}:1000:9999999999999999",
        "{run}:\u0661:1",
        "00000000-0000-4000-8000-000000000000:1000:1",
        "{run}:1000:999",
        "{run}:7:1",
    ],
)
async def test_an_id_that_the_run_did_not_give_out_is_refused(
    client: Client, platform: FakePlatform, wrong: str
) -> None:
    run_id = await start(client)
    path, given = f"/api/v1/runs/{run_id}/events", wrong.replace("{run}", run_id)
    by_query = await client.get(f"{path}?after={quote(given)}")
    assert (by_query.status, by_query.json()["code"], by_query.json()["field"]) == (422, "bad_input", "after")
    if given.isascii():
        by_header = await client.get(path, ("last-event-id", given))
        assert (by_header.status, by_header.json()["field"]) == (422, "Last-Event-ID")
    assert platform.runner.open_streams == 0


async def test_every_id_that_was_given_out_is_taken_back(client: Client) -> None:
    path = f"/api/v1/runs/{await start(client)}/events"
    first = (await client.get(path)).events()
    for event_id, _, _ in first:
        assert (await client.get(path, ("last-event-id", event_id))).status == 200


async def test_an_empty_id_is_none(client: Client) -> None:
    path = f"/api/v1/runs/{await start(client)}/events"
    for reply in (await client.get(path, ("last-event-id", "")), await client.get(f"{path}?after=")):
        assert [kind for _, kind, _ in reply.events()] == ["queued", "delta", "delta", "done"]


async def test_a_browser_that_reconnects_says_where_it_stopped_beside_the_address_it_began_with(client: Client) -> None:
    run_id = await start(client)
    path = f"/api/v1/runs/{run_id}/events?after={run_id}:1000:0"
    reply = await client.get(path, ("last-event-id", f"{run_id}:1000:29"))
    assert [kind for _, kind, _ in reply.events()] == ["done"]


async def test_an_unknown_run_is_a_404_not_a_stream(client: Client) -> None:
    reply = await client.get("/api/v1/runs/00000000-0000-4000-8000-000000000000/events")
    assert (reply.status, reply.json()["code"]) == (404, "run_unknown")


async def test_a_run_is_stopped_once_asked(client: Client, platform: FakePlatform) -> None:
    run_id = await start(client)
    reply = await client.send("POST", f"/api/v1/runs/{run_id}/cancel")
    assert (reply.status, reply.json()["run_id"]) == (200, run_id)
    assert [str(each) for each in platform.runner.cancelled] == [run_id]


async def test_a_run_that_is_slow_to_stop_is_shown_as_it_stands(client: Client, platform: FakePlatform) -> None:
    platform.runner.ending = lambda result: msgspec.structs.replace(result, state=RunState.RUNNING)
    run_id = (await client.post(CHAT, {"message": "hello"})).json()["run_id"]
    reply = await client.send("POST", f"/api/v1/runs/{run_id}/cancel")
    assert (reply.status, reply.json()["state"], reply.json()["ended"]) == (202, "running", False)
