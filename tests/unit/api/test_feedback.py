"""What an asker says of an answer, over HTTP."""

from collections.abc import MutableMapping
from typing import Any
from uuid import uuid4

import pytest

from tests.fakes.asgi import Client

CHAT = "/api/v1/chat"


@pytest.fixture
async def path(client: Client) -> str:
    """The feedback of a run of tenant A's."""
    run_id = (await client.post(CHAT, {"message": "hello"})).json()["metadata"]["run_id"]
    return f"/api/v1/runs/{run_id}/feedback"


async def test_feedback_is_kept_shown_and_may_be_changed(client: Client, path: str) -> None:
    first = await client.post(path, {"rating": "up", "text": "Just right.", "score": 0.9})
    assert first.status == 201
    assert (await client.get(path)).json() == first.json()
    assert (first.json()["rating"], first.json()["text"], first.json()["score"]) == ("up", "Just right.", 0.9)
    again = await client.post(path, {"rating": "down"})
    assert again.status == 200
    assert (again.json()["rating"], again.json()["text"], again.json()["score"]) == ("down", "", None)
    assert (await client.get(path)).json()["rating"] == "down"


async def test_nobody_has_said_anything_of_a_run_at_first(client: Client, path: str) -> None:
    reply = await client.get(path)
    assert (reply.status, reply.json()["code"]) == (404, "feedback_unknown")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"rating": "good"},
        {"rating": "up", "text": "x" * 2001},
        {"rating": "up", "text": "a\0b"},
        {"rating": "up", "score": 1.5},
        {"rating": "up", "more": 1},
    ],
)
async def test_what_is_no_feedback_is_refused(client: Client, path: str, body: dict[str, object]) -> None:
    reply = await client.post(path, body)
    assert (reply.status, reply.json()["code"]) == (422, "bad_input")
    assert (await client.get(path)).status == 404


async def test_a_foreign_run_takes_no_feedback_and_shows_none(client: Client, other: Client, path: str) -> None:
    await client.post(path, {"rating": "up"})
    for reply in (
        await other.post(path, {"rating": "down"}),
        await other.get(path),
        await client.post(f"/api/v1/runs/{uuid4()}/feedback", {"rating": "up"}),
    ):
        assert (reply.status, reply.json()["code"]) == (404, "run_unknown")
    assert (await client.get(path)).json()["rating"] == "up"


async def test_another_key_of_the_tenant_says_its_own(client: Client, operator: Client, path: str) -> None:
    await client.post(path, {"rating": "up"})
    assert (await operator.post(path, {"rating": "down"})).status == 201
    assert (await client.get(path)).json()["rating"] == "up"


async def test_what_is_said_stands_in_no_line(
    client: Client, path: str, logged: list[MutableMapping[str, Any]]
) -> None:
    await client.post(path, {"rating": "down", "text": "my neighbour's name"})
    assert logged
    assert "neighbour" not in str(logged)
