"""POST /api/chat and POST /chat: the assistant in few words, and Ollama's own body where it came to the wrong door."""

from typing import Any

import msgspec
import pytest

from app.agents.values import RunResult
from tests.fakes.asgi import Client
from tests.fakes.models import Line
from tests.fakes.platform import FakePlatform

OLLAMA: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]}


def in_mode(mode: str) -> "Any":  # noqa: ANN401 - what a fake calls
    def ending(result: RunResult) -> RunResult:
        return msgspec.structs.replace(result, agent_used=f"{mode}_agent", details={"mode": mode, "chosen_by": "rule"})

    return ending


@pytest.mark.requirement("ORC-15.takes", "ORC-15.reply", "ORC-17.role")
async def test_a_message_is_answered_with_a_message_its_agent_and_its_mode(
    client: Client, platform: FakePlatform
) -> None:
    platform.runner.ending = in_mode("rag")
    reply = await client.post("/api/chat", {"message": "May I return a lamp?"})
    assert reply.status == 200
    told = reply.json()
    assert (told["message"], told["agent"], told["mode"]) == ("Returns are free for 30 days.", "rag_agent", "rag")
    assert [one["document"] for one in told["citations"]] == ["handbook.md"]
    again = await client.post("/api/chat", {"message": "And a chair?", "session_id": told["session_id"]})
    assert again.json()["session_id"] == told["session_id"]
    asked = [(ask.question, ask.team, ask.context) for ask in platform.runner.started]
    assert asked == [("May I return a lamp?", "assistant", {}), ("And a chair?", "assistant", {})]


async def test_a_message_may_say_the_mode_and_no_field_that_is_not_there(
    client: Client, platform: FakePlatform
) -> None:
    assert (await client.post("/api/chat", {"message": "a", "mode": "guide"})).status == 200
    assert platform.runner.started[0].context == {"mode": "guide"}
    for wrong in (
        {"message": "a", "mode": "fast"},
        {"message": "a", "team": "insurance"},
        {"text": "a"},
        {"message": ""},
    ):
        refused = await client.post("/api/chat", wrong)
        assert (refused.status, refused.json()["code"]) == (422, "bad_input")


@pytest.mark.parametrize("path", ["/api/chat", "/chat"])
async def test_a_body_that_is_no_json_is_refused_by_its_media_type(client: Client, path: str) -> None:
    refused = await client.send("POST", path, body=b'{"message": "a"}', headers=[("content-type", "text/plain")])
    assert (refused.status, refused.json()["code"]) == (415, "media_type_unknown")
    assert (await client.send("POST", path, body=b"{", headers=[("content-type", "application/json")])).status == 422


@pytest.mark.requirement("ORC-15.ollama")
async def test_a_conversation_of_an_ollama_client_is_answered_in_its_words(
    client: Client, platform: FakePlatform
) -> None:
    platform.dispatcher.lines.append(Line(("Hel", "lo.")))
    reply = await client.post("/api/chat", {**OLLAMA, "stream": False})
    assert reply.status == 200
    assert reply.json()["message"]["content"] == "Hello."
    refused = await client.post("/api/chat", {**OLLAMA, "messages": 5})
    assert (refused.status, list(refused.json())) == (400, ["error"])
    assert platform.runner.started == []


@pytest.mark.requirement("UPL-12.path", "UPL-12.documents")
async def test_a_chat_on_documents_searches_them_and_names_its_sources(client: Client, platform: FakePlatform) -> None:
    platform.runner.ending = in_mode("rag")
    reply = await client.post("/chat", {"message": "May I return a lamp?"})
    told = reply.json()
    assert (told["message"], told["has_context"]) == ("Returns are free for 30 days.", True)
    assert [(one["document"], one["quote"]) for one in told["sources"]] == [("handbook.md", "Returns are free.")]
    (ask,) = platform.runner.started
    assert (ask.question, ask.context) == ("May I return a lamp?", {"mode": "rag"})


async def test_both_may_be_streamed_and_end_in_their_own_shape(client: Client, platform: FakePlatform) -> None:
    platform.runner.ending = in_mode("direct")
    for path, field in (("/api/chat", "mode"), ("/chat", "has_context")):
        reply = await client.post(path, {"message": "a", "stream": True})
        _, kind, told = reply.events()[-1]
        assert (kind, field in told) == ("done", True)


async def test_a_request_without_a_key_is_refused(stranger: Client) -> None:
    for path in ("/api/chat", "/chat"):
        assert (await stranger.post(path, {"message": "a"})).status == 401
