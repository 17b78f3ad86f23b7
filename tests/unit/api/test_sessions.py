"""Sessions: read, list, clear."""

import base64

import msgspec
import pytest

from app.api.sessions import SessionPage
from tests.fakes.asgi import Client
from tests.fakes.platform import FakePlatform

CHAT = "/api/v1/chat"
PATH = "/api/v1/sessions"


@pytest.mark.requirement("INS-22.shape")
async def test_a_session_has_its_messages_and_its_facts(client: Client) -> None:
    context = {"customer_id": "CUST00001", "policy_number": "POL000004"}
    session_id = (await client.post(CHAT, {"message": "hello", "context": context})).json()["session_id"]
    session = (await client.get(f"{PATH}/{session_id}")).json()
    assert {"session_id", "created_at", "last_activity", "messages", "state"} <= session.keys()
    assert session["session_id"] == session_id
    assert session["state"] == context
    assert {"role", "content"} <= session["messages"][0].keys()
    assert (session["messages"][0]["role"], session["messages"][0]["content"]) == ("user", "hello")
    assert session["created_at"] == "2026-03-01T12:00:00Z"
    assert session["last_activity"] == "2026-03-01T12:00:00Z"


@pytest.mark.requirement("INS-23.answers")
async def test_a_cleared_session_is_gone(client: Client, platform: FakePlatform) -> None:
    session_id = (await client.post(CHAT, {"message": "hello"})).json()["session_id"]
    cleared = await client.send("DELETE", f"{PATH}/{session_id}")
    assert (cleared.status, cleared.body) == (204, b"")
    assert [str(removed) for removed in platform.sessions.removed] == [session_id]
    assert (await client.get(f"{PATH}/{session_id}")).status == 404
    assert (await client.send("DELETE", f"{PATH}/{session_id}")).status == 404


async def test_pages_hold_every_session_once(client: Client, other: Client) -> None:
    made = [(await client.post(CHAT, {"message": "hello"})).json()["session_id"] for _ in range(5)]
    await other.post(CHAT, {"message": "not yours"})
    found: list[str] = []
    path = f"{PATH}?limit=2"
    for _ in range(4):
        page = msgspec.json.decode((await client.get(path)).body, type=SessionPage)
        found.extend(str(session.session_id) for session in page.sessions)
        if page.next_cursor is None:
            break
        path = f"{PATH}?limit=2&cursor={page.next_cursor}"
    assert found == made[::-1]


@pytest.mark.parametrize("limit", ["1", "100"])
async def test_the_smallest_and_the_largest_page_are_given(client: Client, limit: str) -> None:
    assert (await client.get(f"{PATH}?limit={limit}")).status == 200


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", "1e1", "", "\u0661", "9999"])
async def test_a_page_has_one_to_a_hundred_rows(client: Client, limit: str) -> None:
    reply = await client.get(f"{PATH}?limit={limit}")
    assert (reply.status, reply.json()["field"]) == (422, "limit")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "!!!!",
        "\u00e9",
        base64.urlsafe_b64encode(b"[]").decode(),
        base64.urlsafe_b64encode(b'["2026-03-01T12:00:00","00000000-0000-4000-8000-000000000000"]').decode(),
        base64.urlsafe_b64encode(b'["\x00"]').decode(),
        "A" * 5000,
    ],
)
async def test_a_cursor_that_was_not_given_out_is_refused(client: Client, cursor: str) -> None:
    reply = await client.get(f"{PATH}?cursor={cursor}")
    assert (reply.status, reply.json()["field"]) == (422, "cursor")
