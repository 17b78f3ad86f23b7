"""What LiteLLM sends to a node is answered: the same bodies that the fake node is held to."""

import json

import pytest

from tests.contract import litellm_bodies
from tests.contract.ollama_server import Server, assert_metrics

pytest_plugins = ("tests.contract.ollama_fixtures",)
pytestmark = pytest.mark.integration


@pytest.mark.source("ollama: server/routes.go")
@pytest.mark.parametrize("what", litellm_bodies.chats(""))
def test_what_litellm_sends_to_chat_is_answered(ollama: Server, what: str) -> None:
    """server/routes.go, ChatHandler, which does not look at the content type (gin, ShouldBindJSON)."""
    body = litellm_bodies.chats(ollama.model)[what]
    reply = ollama.send("/api/chat", json.dumps(body).encode(), litellm_bodies.OCTETS)
    assert reply.status_code == 200, reply.text
    parts = [json.loads(line) for line in reply.text.splitlines()]
    assert (len(parts) == 1) is (body["stream"] is False)
    assert parts[-1]["done"] is True
    assert_metrics(parts[-1])


@pytest.mark.source("ollama: server/routes.go")
@pytest.mark.parametrize("what", litellm_bodies.generations(""))
def test_what_litellm_sends_to_generate_is_answered(ollama: Server, what: str) -> None:
    """server/routes.go, GenerateHandler."""
    body = litellm_bodies.generations(ollama.model)[what]
    reply = ollama.send("/api/generate", json.dumps(body).encode(), litellm_bodies.OCTETS)
    assert reply.status_code == 200, reply.text
    parts = [json.loads(line) for line in reply.text.splitlines()]
    assert (len(parts) == 1) is (body["stream"] is False)
    assert parts[-1]["done"] is True
