"""What a fake node is told and asked by those that share no memory with it: scripts, its calls, to cut them."""

import asyncio
from collections import deque
from typing import Protocol

import msgspec
from aiohttp import web

from tests.fakes.scripts import FakeCall, Script


class Controlled(Protocol):
    """The node: its scripts, its calls, and the tasks of those under way."""

    scripts: deque[Script]
    calls: list[FakeCall]
    under_way: set[asyncio.Task[object]]


class Control:
    """POST /control, POST /control/cut, GET /control/calls."""

    def __init__(self, node: Controlled) -> None:
        self._node = node

    def add(self, router: web.UrlDispatcher) -> None:
        """Serve the three routes."""
        router.add_post("/control", self._script)
        router.add_post("/control/cut", self._cut)
        router.add_get("/control/calls", self._calls)

    async def _script(self, request: web.Request) -> web.Response:
        told = msgspec.json.decode(await request.read(), type=list[Script])
        self._node.scripts = deque(told if "only" in request.query else [*self._node.scripts, *told])
        return web.json_response({"scripts": len(self._node.scripts)})

    async def _cut(self, _request: web.Request) -> web.Response:
        """Break off the calls under way and those that wait, as if their clients had left; say how many there were."""
        cut = [task for task in self._node.under_way if task.cancel()]
        await asyncio.gather(*cut, return_exceptions=True)
        return web.json_response({"cut": len(cut)})

    async def _calls(self, request: web.Request) -> web.Response:
        calls = self._node.calls[int(request.query.get("after", "0")) :]
        return web.Response(body=msgspec.json.encode(calls), content_type="application/json")
