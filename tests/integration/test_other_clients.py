"""Clients with an environment of their own, against a replica behind nginx: `make verify` installs and runs them."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeModel, Script
from tests.integration.platforms import CHAT, EMBED, Servers, opened, settings_for, until
from tests.integration.replica_fixtures import Behind, behind_nginx

FOLDER = os.environ.get("SWITCHYARD_TEST_CLIENTS", "")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not FOLDER, reason="SWITCHYARD_TEST_CLIENTS names no folder with their packages"),
]

PROGRAMS = Path(__file__).parents[1] / "clients"
LIMIT_S = 120.0
SAYS = {
    "say-tool": Script(text="", tool_calls=[{"function": {"name": "add", "arguments": {"a": 1}}}]),
    "say-json": Script(text='{"total": 3}'),
    "say-text": Script(text="Hello."),
    "say-long": Script(hang_after=3),
}
ALL = ("chat", "stream", "tools", "schema", "embeddings", "list", "cancel", "errors")
UNLISTED = tuple(did for did in ALL if did != "list")
"""What a client without a call for the list of models does."""
CLIENTS = {
    "langchain_openai_client.py": UNLISTED,
    "langchain_ollama_client.py": ALL,
    "llama_index_client.py": UNLISTED,
    "litellm_client.py": ALL,
    "openai_client.mjs": ALL,
}


class ObligingNode(FakeNode):
    """A node that says what the last message asks for."""

    def _take(self, model: str, raw: bytes) -> Script:
        asked = str(self.calls[-1].body.get("messages", ""))
        return next((script for word, script in SAYS.items() if word in asked), super()._take(model, raw))


@pytest.fixture
async def obliging() -> AsyncGenerator[ObligingNode]:
    """Such a node."""
    node = ObligingNode([FakeModel(name=CHAT, knows_tools=True), FakeModel(name=EMBED, kind="embed")])
    await node.start()
    yield node
    await node.stop()


@pytest.fixture
async def behind(servers: Servers, obliging: ObligingNode, tmp_path: Path) -> AsyncGenerator[Behind]:
    """A replica over that node, behind nginx."""
    async with opened(settings_for(servers, obliging)) as (platform,), behind_nginx(platform, tmp_path) as made:
        yield made


@pytest.mark.parametrize("program", CLIENTS)
async def test_a_client_of_its_own_environment_works(
    behind: Behind, obliging: ObligingNode, program: str, record_property: Callable[[str, object], None]
) -> None:
    folder = Path(FOLDER)
    runs = ["node"] if program.endswith(".mjs") else [str(folder / "venv" / "bin" / "python")]
    process = await asyncio.create_subprocess_exec(
        *runs,
        str(PROGRAMS / program),
        f"http://127.0.0.1:{behind.edge.port}",
        behind.key,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "CLIENT_FOLDER": str(folder / "node")},
    )
    async with asyncio.timeout(LIMIT_S):
        told, complaints = await process.communicate()
    record_property("did", told.decode())
    assert told.decode().split() == list(CLIENTS[program]), complaints.decode()[-3000:]
    assert process.returncode == 0
    left = [call for call in obliging.calls if "say-long" in str(call.body)]
    assert left
    await until(lambda: all(call.aborted for call in left))
