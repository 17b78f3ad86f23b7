"""A run that asks a person, as its client meets it."""

from uuid import uuid4

import pytest

from tests.fakes.asgi import Client
from tests.fakes.platform import FakePlatform
from tests.fakes.runner import ASKED, waiting

CHAT = "/api/v1/chat"
OPEN = {
    "interrupt_id": "clerk/interrupt:0",
    "kind": "approval",
    "agent": "clerk",
    "text": "May it?",
    "options": ["yes", "no"],
    "asked_at": "2026-03-01T12:00:00Z",
}


@pytest.fixture
async def run_id(client: Client, platform: FakePlatform) -> str:
    """Return a run that waits."""
    platform.runner.ending = waiting
    return (await client.post(CHAT, {"message": "hello"})).json()["metadata"]["run_id"]


async def test_a_run_that_asks_answers_with_what_it_asks(client: Client, platform: FakePlatform) -> None:
    platform.runner.ending = waiting
    reply = await client.post(CHAT, {"message": "hello"})
    body = reply.json()
    assert (reply.status, body["state"], body["message"]) == (200, "waiting", "May it?")
    assert (body["requires_clarification"], body["interrupts"]) == (True, [OPEN])


async def test_its_stream_ends_with_what_it_asks(client: Client, platform: FakePlatform) -> None:
    platform.runner.ending = waiting
    events = (await client.post(CHAT, {"message": "hello", "stream": True})).events()
    assert events[-1][1:] == ("interrupt", {"interrupts": [OPEN]})


async def test_it_shows_what_is_open_and_takes_the_answer(client: Client, platform: FakePlatform, run_id: str) -> None:
    view = (await client.get(f"/api/v1/runs/{run_id}")).json()
    assert (view["state"], view["ended"], view["answer"], view["interrupts"]) == ("waiting", False, None, [OPEN])
    reply = await client.post(f"/api/v1/runs/{run_id}/resume", {"answer": "Yes", "interrupt_id": ASKED.id})
    assert (reply.status, reply.json()["interrupts"]) == (202, [])
    ((answered, _),) = platform.runner.answers
    assert (answered.text, answered.option) == ("Yes", "yes")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"answer": "perhaps"}, 422, "bad_input"),
        ({"answer": " "}, 422, "bad_input"),
        ({"answer": "yes", "more": 1}, 422, "bad_input"),
        ({"answer": "yes", "interrupt_id": "other"}, 409, "interrupt_unknown"),
    ],
)
async def test_what_is_no_answer_is_refused_and_the_run_waits_on(
    client: Client, platform: FakePlatform, run_id: str, body: dict[str, object], status: int, code: str
) -> None:
    reply = await client.post(f"/api/v1/runs/{run_id}/resume", body)
    assert (reply.status, reply.json()["code"]) == (status, code)
    assert platform.runner.answers == []


async def test_a_run_that_does_not_wait_or_is_not_there_takes_no_answer(client: Client) -> None:
    done = (await client.post(CHAT, {"message": "hello"})).json()["metadata"]["run_id"]
    reply = await client.post(f"/api/v1/runs/{done}/resume", {"answer": "yes"})
    assert (reply.status, reply.json()["code"], reply.json()["state"]) == (409, "run_not_waiting", "done")
    assert (await client.post(f"/api/v1/runs/{uuid4()}/resume", {"answer": "yes"})).status == 404
