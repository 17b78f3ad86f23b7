"""A reader meets few of our functions between a request and the node that answers it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from litestar import Litestar

from app.api.app import create_app
from tests.fakes.asgi import Client
from tests.fakes.node import FakeNode
from tests.integration.footsteps import Footsteps, own_names, watched
from tests.integration.platforms import CHAT, Servers, opened, settings_for

pytestmark = pytest.mark.integration

MOST = 7
MOST_IN_A_TEAM = 8
"""A step may have a function of its own for what it asks."""
TEAM = "a run that asks"
AROUND = ["api/middleware.py Edge.__call__", "api/heads.py Heads.__call__"]
"""What stands around every path, whatever it does: it is met once, not once for each."""
SAID = [{"role": "user", "content": "Hello there"}]
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "a run, streamed": ("/api/v1/chat", {"message": "Hello there", "stream": True}),
    "a run, whole": ("/api/v1/chat", {"message": "Hello there"}),
    f"{TEAM} before it answers": ("/api/v1/chat", {"message": "Gardens under hail", "team": "insurance"}),
    "a direct call of OpenAI's": ("/v1/chat/completions", {"model": CHAT, "messages": SAID, "stream": True}),
    "a direct call of OpenAI's, whole": ("/v1/chat/completions", {"model": CHAT, "messages": SAID}),
    "a direct call of Ollama's": ("/ollama/api/chat", {"model": CHAT, "messages": SAID}),
}


@asynccontextmanager
async def open_watched(
    servers: Servers, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[tuple[Litestar, Client, Footsteps]]:
    """Open a whole application whose requests to nodes are watched, and a client of it."""
    with watched(monkeypatch) as steps:
        async with opened(settings_for(servers, node)) as (platform,):
            tenant = await platform.tenants.add(f"tenant-{uuid4()}")
            app = create_app(platform)
            yield app, Client(app, (await platform.keys.add(tenant.id, "x")).key), steps


def handler_of(app: Litestar, path: str) -> Any:  # noqa: ANN401 - a function
    """Return the function of a path."""
    found = app.get_handler_index_by_name(f"POST {path}")
    assert found is not None
    return found["handler"].fn


async def test_seven_functions_or_fewer_lie_between_a_request_and_its_node(
    servers: Servers, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_watched(servers, node, monkeypatch) as (app, client, steps):
        met: dict[str, list[str]] = {}
        for name, (path, body) in WAYS.items():
            with steps.followed():
                assert (await client.post(path, body)).status == 200
            for number, led in enumerate(steps.to("/api/chat"), start=1):
                around, met[f"{name}, call {number}"] = own_names(led, handler_of(app, path).__code__)
                assert around == AROUND
    assert met.keys() >= {f"{name}, call 1" for name in WAYS}
    told = "\n".join(f"{name}: {len(behind)}\n  " + "\n  ".join(behind) for name, behind in met.items())
    assert [name for name, behind in met.items() if len(behind) > (MOST_IN_A_TEAM if TEAM in name else MOST)] == [], (
        told
    )
