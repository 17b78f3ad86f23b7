"""What nginx says itself to clients of OpenAI's and Ollama's interfaces is in their own shapes."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.nginx_fixtures import LIMITED, Edge, running

OPENAI, OLLAMA = "/v1/chat/completions", "/ollama/api/chat"
ABOVE_BURST = 40


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncGenerator[Edge]:
    """nginx in front of two replicas, with a small limit of bodies."""
    async with running(tmp_path, BODY_LIMIT="1m") as edge:
        yield edge


def said(reply: httpx.Response) -> tuple[int, str, Any]:
    """Return the status, the type, and the value of what nginx said."""
    return reply.status_code, reply.headers["content-type"], reply.json()


async def test_a_body_that_is_too_large_is_refused_in_the_shape_of_the_path(edge: Edge) -> None:
    async with edge.client() as client:
        openai, ollama = [await client.post(path, content=b"x" * 2_000_000) for path in (OPENAI, OLLAMA)]
    text = "The body is over the limit of this address."
    fault = {"message": text, "type": "invalid_request_error", "param": None, "code": "body_too_large"}
    assert said(openai) == (413, "application/json", {"error": fault})
    assert said(ollama) == (413, "application/json", {"error": text})


async def flooded(edge: Edge, path: str) -> httpx.Response:
    """Return the first refusal of more requests at once than one address may send."""
    async with edge.client(LIMITED) as client:
        replies = await asyncio.gather(*(client.get(path) for _ in range(ABOVE_BURST)))
    return next(reply for reply in replies if reply.status_code == 429)


async def test_a_flood_is_refused_in_the_shape_of_the_path(edge: Edge) -> None:
    openai, ollama = await flooded(edge, OPENAI), await flooded(edge, OLLAMA)
    assert openai.json()["error"]["type"] == "rate_limit_error"
    assert ollama.json()["error"].startswith("At most 10 requests a second")
    assert {reply.headers["content-type"] for reply in (openai, ollama)} == {"application/json"}
    assert {reply.headers["retry-after"] for reply in (openai, ollama)} == {"1"}


async def test_replicas_that_are_away_are_told_of_in_the_shape_of_the_path(edge: Edge) -> None:
    for replica in edge.replicas:
        await replica.kill()
    async with edge.client() as client:
        openai, ollama, own = [await client.post(path, json={}) for path in (OPENAI, OLLAMA, "/api/v1/chat")]
    assert [reply.status_code for reply in (openai, ollama, own)] == [503, 503, 503]
    assert openai.json()["error"]["code"] == "unavailable"
    assert openai.json()["error"]["type"] == "server_error"
    assert ollama.json()["error"].startswith("No replica could be reached")
    assert own.json()["code"] == "unavailable"
    assert {reply.headers["retry-after"] for reply in (openai, ollama)} == {"2"}
