"""The embedding model is changed by the command, under questions that never stop, and changed back."""

import asyncio
import io
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from app.api.app import create_app
from app.cli import build_parser, run
from app.console import Console
from app.ids import TenantId
from app.settings import Settings
from app.wiring import Platform
from tests.fakes.asgi import Client
from tests.fakes.node import FakeNode
from tests.fakes.retrieval import pieces
from tests.fakes.scripts import FakeModel
from tests.integration.platforms import CHAT, EMBED, Servers, opened, settings_for, worked

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

OTHER = "other-embed:1b"
OTHER_SIZE = 96
WITHIN_S = 60.0
"""A worker's round of the editions comes every five seconds."""
NODES = """
[[models]]
name = "smollm2:135m"
kind = "chat"
tiers = ["simple", "medium", "complex"]
num_ctx = [2048]
[[models]]
name = "all-minilm:22m"
kind = "embed"
tiers = []
num_ctx = [256]
[[models]]
name = "other-embed:1b"
kind = "embed"
tiers = []
num_ctx = [256]
[[nodes]]
name = "a"
url = "{url}"
slots = 4
gpus = 1
price_usd_per_hour = 0.36
models = ["smollm2:135m", "all-minilm:22m", "other-embed:1b"]
"""
QUESTION = "How many plates does the kiln hold?"


@pytest.fixture
def servers(servers: Servers, new_database: Callable[[], str]) -> Servers:
    """Stores with a database of the test's own: an edition is whole once it has every document there is."""
    return replace(servers, database_url=new_database())


@pytest.fixture
async def node() -> AsyncGenerator[FakeNode]:
    """A node with two embedding models of different lengths."""
    models = [
        FakeModel(name=CHAT),
        FakeModel(name=EMBED, kind="embed"),
        FakeModel(name=OTHER, kind="embed", vector_size=OTHER_SIZE),
    ]
    fake = FakeNode(models)
    fake.scripts_trials = False
    await fake.start()
    yield fake
    await fake.stop()


def settings(servers: Servers, node: FakeNode, collection: str) -> Settings:
    """Settings of one of several replicas over the same index."""
    file = servers.directory / f"nodes-{uuid4()}.toml"
    file.write_text(NODES.format(url=node.url))
    return settings_for(servers, node, nodes_file=str(file), qdrant_collection=collection)


@dataclass
class Asked:
    """What questions that never stop were answered."""

    clients: tuple[Client, ...]
    answers: int = 0
    wrong: list[str] = field(default_factory=list[str])

    async def ask(self) -> None:
        """Ask every replica, again and again."""
        while True:
            for client in self.clients:
                reply = await client.get(f"/api/v1/search?question={quote(QUESTION)}")
                self.answers += 1
                body = reply.json()
                if reply.status != 200 or "kiln.md" not in {one["document"] for one in body["passages"]}:
                    self.wrong.append(f"{reply.status} {body}")


@asynccontextmanager
async def under_load(asked: Asked) -> AsyncGenerator[None]:
    """Ask beside the block, and more often after each of its steps than before."""
    asking = asyncio.create_task(asked.ask())
    try:
        yield
    finally:
        asking.cancel()
        await asyncio.wait({asking})


def act(settings: Settings, *arguments: str) -> tuple[int, str, str]:
    """Run `switchyard retrieval`; return its status, output and notes."""
    environ = {
        "SWITCHYARD_DATABASE_URL": settings.database_url,
        "SWITCHYARD_QDRANT_URLS": settings.qdrant_urls,
        "SWITCHYARD_QDRANT_COLLECTION": settings.qdrant_collection,
    }
    out, notes = io.StringIO(), io.StringIO()
    status = run(build_parser().parse_args(["retrieval", *arguments]), environ, Console(out), Console(notes))
    return status, out.getvalue(), notes.getvalue()


async def acted(settings: Settings, *arguments: str) -> str:
    """Run a command that succeeds, beside everything; return what it says."""
    status, out, notes = await asyncio.to_thread(partial(act, settings, *arguments))
    assert status == 0, (arguments, out, notes)
    return out


async def until_switched(settings: Settings, command: str) -> str:
    """Have an edition serve as soon as that is not refused; return what the command says."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            status, out, _ = await asyncio.to_thread(partial(act, settings, command))
            if status == 0:
                return out


async def until_followed(platforms: tuple[Platform, ...], model: str) -> None:
    """Wait until every replica asks the edition of a model."""
    async with asyncio.timeout(WITHIN_S):
        while {(await one.editions.serving()).edition.model for one in platforms} != {model}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def until_answered(asked: Asked, more: int) -> None:
    """Wait until so many more questions are answered."""
    async with asyncio.timeout(WITHIN_S):
        wanted = asked.answers + more
        while asked.answers < wanted:  # noqa: ASYNC110 - a counter has no event to wait for
            await asyncio.sleep(0.02)


@dataclass
class Stack:
    """Replicas over one index, and a tenant's clients of each."""

    settings: Settings
    platforms: tuple[Platform, ...]
    tenant_id: TenantId
    clients: tuple[Client, ...]

    async def added(self, name: str, text: str) -> str:
        """Upload a document and wait until questions find it; return its id."""
        upload = await self.platforms[0].documents.add(self.tenant_id, name, "", pieces(text.encode()))
        async with asyncio.timeout(WITHIN_S):
            while (await self.platforms[0].jobs.get(self.tenant_id, upload.job_id)).state != "done":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return str(upload.document_id)

    async def documents(self, question: str) -> set[str]:
        """The documents that a question finds."""
        body = (await self.clients[0].get(f"/api/v1/search?question={quote(question)}")).json()
        return {one["document"] for one in body["passages"]}


@asynccontextmanager
async def running(servers: Servers, node: FakeNode, replicas: int) -> AsyncGenerator[Stack]:
    """So many replicas, one of them with a worker."""
    collection = f"swap-{uuid4()}"
    each = [settings(servers, node, collection) for _ in range(replicas)]
    async with opened(*each) as platforms, worked(platforms[0]):
        tenant = await platforms[0].tenants.add(f"tenant-{uuid4()}")
        key = (await platforms[0].keys.add(tenant.id, "x")).key
        clients = tuple(Client(create_app(platform), key) for platform in platforms)
        yield Stack(each[0], platforms, tenant.id, clients)


async def test_the_model_is_swapped_and_swapped_back_under_questions_without_an_error_or_an_empty_result(
    servers: Servers, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.edition_command.FOLLOWED_WITHIN_S", 2.5)
    async with running(servers, node, 2) as stack:
        await stack.added("kiln.md", "# Kiln\n\nThe kiln holds 48 plates.\n")
        gone = await stack.added("lathe.md", "# Lathe\n\nThe lathe turns bowls of walnut.\n")
        asked = Asked(stack.clients)
        async with under_load(asked):
            assert f"{OTHER}, {OTHER_SIZE} dimensions" in await acted(stack.settings, "swap", OTHER)
            await stack.added("anvil.md", "# Anvil\n\nThe anvil weighs 90 kilograms.\n")
            assert f"({OTHER}) serves" in await until_switched(stack.settings, "switch")
            await until_followed(stack.platforms, OTHER)
            await until_answered(asked, 20)
            assert "anvil.md" in await stack.documents("How much weighs the anvil?")
            await stack.clients[0].send("DELETE", f"/api/v1/documents/{gone}")
            await stack.added("loom.md", "# Loom\n\nThe loom has twelve shafts.\n")
            assert f"({EMBED}) serves" in await until_switched(stack.settings, "rollback")
            await until_followed(stack.platforms, EMBED)
            await until_answered(asked, 20)
            assert "loom.md" in await stack.documents("How many shafts has the loom?")
            assert "lathe.md" not in await stack.documents("What does the lathe turn?")
            assert "is removed" in await acted(stack.settings, "retire")
            await until_answered(asked, 20)
        assert asked.wrong == []
        assert "3 of 3 documents" in await acted(stack.settings, "show")


async def test_a_store_that_was_wiped_is_restored_by_one_command_and_answers_return(
    servers: Servers, node: FakeNode
) -> None:
    async with running(servers, node, 1) as stack:
        await stack.added("kiln.md", "# Kiln\n\nThe kiln holds 48 plates.\n")
        async with httpx.AsyncClient(base_url=servers.qdrant_urls[0]) as qdrant:
            name = await stack.platforms[0].editions.peers.target()
            assert (await qdrant.delete(f"/collections/{name}")).json()["result"] is True
        assert await acted(stack.settings, "reindex", "--wait") == "1 documents are embedded anew\n"
        assert await stack.documents(QUESTION) == {"kiln.md"}
