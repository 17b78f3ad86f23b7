"""A conversation over HTTP on real stores: what replies say, what its session remembers, and how it is cleared."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from uuid import uuid4

import pytest

from app.api.app import create_app
from app.wiring import Platform
from tests.fakes.asgi import Client
from tests.fakes.node import FakeNode
from tests.integration.platforms import CHAT, Servers, opened, settings_for

pytestmark = pytest.mark.integration

PATH = "/api/v1/chat"
LEFT = (
    "SELECT count(*) AS n FROM sessions WHERE id = %(session)s",
    "SELECT count(*) AS n FROM messages WHERE session_id = %(session)s",
    "SELECT count(*) AS n FROM runs WHERE session_id = %(session)s",
    "SELECT count(*) AS n FROM effects JOIN runs ON runs.id = effects.run_id WHERE runs.session_id = %(session)s",
    "SELECT count(*) AS n FROM checkpoints WHERE thread_id LIKE '%%:' || %(session)s",
)
# As a version before left it, or a team of several steps.
KEEP_STATE = """
    INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint)
    SELECT tenant_id || ':' || id, 'c', '{}' FROM sessions WHERE id = %(session)s
"""
USED = "SELECT sum(input_tokens + output_tokens)::int AS tokens FROM usage WHERE run_id = %s"


@asynccontextmanager
async def talking(servers: Servers, node: FakeNode) -> AsyncGenerator[tuple[Platform, Client]]:
    """Open a platform and a client with a key of a new tenant."""
    async with opened(settings_for(servers, node)) as (platform,):
        tenant = await platform.tenants.add(f"tenant-{uuid4()}")
        yield platform, Client(create_app(platform), (await platform.keys.add(tenant.id, "x")).key)


async def left(platform: Platform, session_id: str) -> list[int]:
    """Return how many rows of each kind a session has."""
    async with platform.database.connection("test") as conn:
        found = [await (await conn.execute(query.encode(), {"session": session_id})).fetchone() for query in LEFT]
    return [row["n"] for row in found if row is not None]


async def session_of(client: Client, session_id: str) -> dict[str, Any]:
    """Return a session as it is read over HTTP."""
    reply = await client.get(f"/api/v1/sessions/{session_id}")
    assert reply.status == 200
    return reply.json()


@pytest.mark.requirement("INS-21.tokens", "INS-21.milliseconds")
async def test_a_reply_says_how_many_tokens_and_milliseconds_it_took(servers: Servers, node: FakeNode) -> None:
    async with talking(servers, node) as (platform, client):
        for text in ("Two years.", "It is two years from the day of delivery."):
            node.script(model=CHAT, text=text, tokens_per_s=40.0)
            began_s = perf_counter()
            metadata = (await client.post(PATH, {"message": "How long is the warranty?"})).json()["metadata"]
            elapsed_ms = (perf_counter() - began_s) * 1000
            async with platform.database.connection("test") as conn:
                row = await (await conn.execute(USED, [metadata["run_id"]])).fetchone()
            assert row == {"tokens": metadata["tokens_used"]}
            # The node says a character a token.
            assert metadata["tokens_used"] > metadata["output_tokens"] == len(text)
            assert 900 * (len(text) - 1) / 40 <= metadata["processing_time_ms"] <= elapsed_ms + 1


@pytest.mark.requirement("INS-22.times", "INS-22.messages", "INS-22.state", "INS-22.created", "INS-22.last-activity")
@pytest.mark.requirement("INS-36.made", "INS-36.read", "INS-36.changed", "INS-37.customer", "INS-37.policy")
@pytest.mark.requirement("INS-37.messages", "INS-37.message-times", "INS-37.created", "INS-37.last-activity")
async def test_a_session_is_made_read_and_changed_by_questions(servers: Servers, node: FakeNode) -> None:
    async with talking(servers, node) as (_, client):
        node.script(model=CHAT, text="It is $197.88.")
        before = datetime.now(UTC)
        context = {"customer_id": "CUST00001", "policy_number": "POL000004"}
        made = (await client.post(PATH, {"message": "What is my premium?", "context": context})).json()
        first = await session_of(client, made["session_id"])
        assert first["state"] == context
        between = datetime.now(UTC)
        node.script(model=CHAT, text="It is $88.10.")
        changed = {"policy_number": "POL000005"}
        body = {"message": "And now?", "session_id": made["session_id"], "context": changed}
        assert (await client.post(PATH, body)).json()["session_id"] == made["session_id"]
        second = await session_of(client, made["session_id"])
        assert second["state"] == context | changed
        assert [(message["role"], message["content"]) for message in second["messages"]] == [
            ("user", "What is my premium?"),
            ("assistant", "It is $197.88."),
            ("user", "And now?"),
            ("assistant", "It is $88.10."),
        ]
        said = [message["created_at"] for message in second["messages"]]
        assert all(time.endswith("Z") for time in (second["created_at"], second["last_activity"], *said))
        times = [datetime.fromisoformat(time) for time in said]
        assert before <= times[0] <= times[1] <= between <= times[2] <= times[3] <= datetime.now(UTC)
        assert second["created_at"] == first["created_at"]
        assert before <= datetime.fromisoformat(first["created_at"]) <= between
        assert between <= datetime.fromisoformat(second["last_activity"]) <= datetime.now(UTC)


@pytest.mark.requirement("INS-23.rows", "INS-36.removed", "INS-36.made")
async def test_a_cleared_session_leaves_nothing_and_another_stays(servers: Servers, node: FakeNode) -> None:
    async with talking(servers, node) as (platform, client):
        gone, kept = [(await client.post(PATH, {"message": "hello"})).json()["session_id"] for _ in range(2)]
        async with platform.database.connection("test") as conn:
            for session in (gone, kept):
                await conn.execute(KEEP_STATE, {"session": session})
        had = await left(platform, gone)
        assert all(had), had
        assert (await client.send("DELETE", f"/api/v1/sessions/{gone}")).status == 204
        assert await left(platform, gone) == [0] * len(LEFT)
        assert (await client.get(f"/api/v1/sessions/{gone}")).status == 404
        assert (await client.post(PATH, {"message": "hello", "session_id": gone})).status == 404
        assert await left(platform, kept) == had
