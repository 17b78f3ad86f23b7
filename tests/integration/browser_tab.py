"""A tab of a real browser, told what to do by the DevTools protocol (https://chromedevtools.github.io)."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from tests.programs import BROWSER_FLAGS, browser

LIMIT_S = 60.0
LOOK_S = 0.05


class Tab:
    """One tab: `evaluate` runs JavaScript in it, `until` waits for something to be true."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = count(1)

    async def ask(self, method: str, **params: object) -> dict[str, Any]:
        """Return the answer to one request of the protocol."""
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            said = json.loads((await self._socket.receive()).data)
            if said.get("id") == number:
                return said["result"]

    async def open(self, url: str) -> None:
        """Go to a page."""
        await self.ask("Page.navigate", url=url)

    async def reload(self) -> None:
        """Load the page anew."""
        await self.evaluate("window.isOld = true")
        await self.ask("Page.reload")
        await self.until("!window.isOld")

    async def evaluate(self, script: str) -> Any:  # noqa: ANN401 - whatever the page has
        """Return the value of an expression in the page."""
        return (await self.ask("Runtime.evaluate", expression=script, returnByValue=True))["result"].get("value")

    async def until(self, script: str) -> None:
        """Wait until an expression is true."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                if await self.evaluate(script) is True:
                    return
                await asyncio.sleep(LOOK_S)


class Browser:
    """A browser without windows; each `tab` is a new one of the same profile."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session = session
        self._address = address

    @asynccontextmanager
    async def tab(self) -> AsyncGenerator[Tab]:
        """Lend an empty tab."""
        async with self._session.put(f"{self._address}/json/new?about:blank") as reply:
            url = (await reply.json(content_type=None))["webSocketDebuggerUrl"]
        async with self._session.ws_connect(url, max_msg_size=0) as socket:
            yield Tab(socket)


@asynccontextmanager
async def open_browser(folder: Path) -> AsyncGenerator[Browser]:
    """Lend a browser whose profile is `folder`, an empty one."""
    flags = (*BROWSER_FLAGS, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"--user-data-dir={folder}")
    # Port 0: the browser takes a free one and writes which (content/browser/devtools/devtools_http_handler.cc).
    process = await asyncio.create_subprocess_exec(
        *(browser(), *flags, "--remote-debugging-port=0", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port = await _port(folder / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            yield Browser(session, f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        await process.wait()


async def _port(path: Path) -> int:
    async with asyncio.timeout(LIMIT_S):
        while True:
            if await asyncio.to_thread(path.exists) and "\n" in (written := await asyncio.to_thread(path.read_text)):
                return int(written.splitlines()[0])
            await asyncio.sleep(LOOK_S)
