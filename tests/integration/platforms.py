"""Whole platforms in one process, over real stores and a scriptable node."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import httpx
from psycopg import AsyncConnection
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.agents.values import OnDisconnect, RunOptions, RunResult, StartRun
from app.configuration import with_files
from app.errors import StoreUnavailable
from app.ids import Caller, KeyId, RunId, SessionId, TenantId
from app.inference.fleet.catalogue import read_catalogue
from app.inference.slots.script import node_key
from app.postgres import Database
from app.settings import Settings
from app.wiring import Platform, open_platform
from app.worker import work
from tests.fakes.node import FakeNode
from tests.fakes.retrieval import Hashed
from tests.fakes.scripts import FakeCall, FakeModel

CHAT = "smollm2:135m"
EMBED = "all-minilm:22m"
END_S = 20.0

NODES = """
[[models]]
name = "smollm2:135m"
kind = "chat"
tiers = ["simple", "medium", "complex"]
num_ctx = [2048, 4096]
continues = {continues}
[[models]]
name = "all-minilm:22m"
kind = "embed"
tiers = []
num_ctx = [256]
"""
NODE = """
[[nodes]]
name = "{name}"
url = "{url}"
slots = 2
gpus = 1
price_usd_per_hour = 0.36
models = ["smollm2:135m", "all-minilm:22m"]
"""
WAITING = """
    SELECT count(*) AS waiting FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
HOLD_INSERTS = (
    "CREATE FUNCTION held_inserts() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END'",
    "CREATE TRIGGER held_inserts BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION held_inserts()",
)
DIED = "UPDATE runs SET lease_owner = 'dead', lease_until = now() - interval '1 second' WHERE id = %s RETURNING id"
"""Makes a run look as if the process that owned it had died."""


@dataclass(frozen=True)
class Servers:
    """Addresses of real stores."""

    database_url: str
    cache_url: str
    coordination_url: str
    qdrant_urls: tuple[str, ...]
    directory: Path

    @property
    def collections(self) -> str:
        """What the names of the test's collections begin with."""
        return f"test-{sha256(str(self.directory).encode()).hexdigest()[:16]}-"

    def remove_collections(self) -> None:
        """Remove them: each holds some hundred mapped files open, of which a process may have 65,530."""
        with httpx.Client(base_url=self.qdrant_urls[0], timeout=30.0, trust_env=False) as client:
            listed = client.get("/collections").raise_for_status().json()["result"]["collections"]
            for name in (one["name"] for one in listed):
                if name.startswith(self.collections):
                    client.delete(f"/collections/{name}").raise_for_status()


def fake_node(**more: int) -> FakeNode:
    """Return an unstarted node with a chat model of about 200 tokens a second and an embedder."""
    made = FakeNode([FakeModel(name=CHAT, tokens_per_s=200.0), FakeModel(name=EMBED, kind="embed")], **more)
    made.scripts_trials = False
    return made


def settings_for(servers: Servers, *nodes: FakeNode, continues: bool = True, **more: object) -> Settings:
    """Return settings of one process over these servers and nodes a, b, …; every run of a test has a short lease."""
    nodes_file = servers.directory / f"nodes-{uuid4()}.toml"
    declared = [NODE.format(name=name, url=node.url) for name, node in zip("abc", nodes, strict=False)]
    nodes_file.write_text(NODES.format(continues=str(continues).lower()) + "".join(declared))
    given: dict[str, object] = {
        "database_url": servers.database_url,
        "cache_url": servers.cache_url,
        "coordination_url": servers.coordination_url,
        "qdrant_urls": ",".join(servers.qdrant_urls),
        "nodes_file": str(nodes_file),
        "blobs_dir": str(servers.directory / "blobs"),
        "run_lease_s": 1.5,
        "slot_lease_s": 1.5,
        "probe_interval_s": 0.3,
        "drain_s": 0.5,
        # A busy machine is not an outage: what is away refuses connections at once.
        "redis_timeout_s": 5.0,
        "qdrant_collection": f"{servers.collections}{uuid4()}",
    }
    return Settings(**(given | more))  # pyright: ignore[reportArgumentType]


async def add_caller(platform: Platform) -> Caller:
    """Add a tenant and return a caller of it."""
    return await caller_in(platform.database)


async def caller_in(database: Database) -> Caller:
    """Add a tenant to a database and return a caller of it."""
    caller = Caller(TenantId(uuid4()), KeyId(uuid4()), f"tenant-{uuid4()}")
    async with database.connection("test") as conn:
        await conn.execute("INSERT INTO tenants (id, name) VALUES (%s, %s)", [caller.tenant_id, caller.tenant])
    return caller


@asynccontextmanager
async def opened(*settings: Settings) -> AsyncGenerator[tuple[Platform, ...]]:
    """Open one platform for each of the settings, and wait until each can search."""
    for one in settings:
        await _forget_other_nodes(one)
    async with AsyncExitStack() as stack:
        platforms = tuple([await stack.enter_async_context(open_platform(with_files(one))) for one in settings])
        for platform in platforms:
            await _until_searchable(platform)
        yield platforms


async def _forget_other_nodes(settings: Settings) -> None:
    """Have nodes be those of the test's own file: tests share stores, rows win over a file, and Redis notes loads."""
    file = await asyncio.to_thread(read_catalogue, Path(settings.nodes_file))
    wanted = {(node.name, node.url) for node in file.nodes}
    async with await AsyncConnection.connect(settings.database_url, autocommit=True) as conn:
        rows = await (await conn.execute("SELECT name, url FROM nodes WHERE removed_at IS NULL")).fetchall()
        if set(rows) == wanted:
            return
        await conn.execute("TRUNCATE nodes")
    # Some tests have Redis away, or refuse them.
    with suppress(RedisError):
        async with Redis.from_url(settings.coordination_url, socket_timeout=2, socket_connect_timeout=2) as redis:
            await redis.delete(*(node_key(name) for name, _ in wanted))


async def _until_searchable(platform: Platform) -> None:
    async def embed(_model: str, texts: Sequence[str]) -> Hashed:
        return Hashed([[1.0] * platform.settings.embed_size for _ in texts])

    async with asyncio.timeout(END_S):
        while True:
            try:
                await platform.search.find(TenantId(uuid4()), "anything", embed=embed, limit=1)
                return
            except StoreUnavailable:
                await asyncio.sleep(0.1)


def ask(
    question: str = "How long is the warranty?",
    *,
    session_id: SessionId | None = None,
    on_disconnect: OnDisconnect = OnDisconnect.CANCEL,
    idempotency_key: str | None = None,
    temperature: float = 0.8,
) -> StartRun:
    """Return a question to the assistant."""
    return StartRun(
        question=question,
        request_id="test",
        session_id=session_id,
        on_disconnect=on_disconnect,
        idempotency_key=idempotency_key,
        options=RunOptions(temperature=temperature),
    )


async def answered(platform: Platform, caller: Caller, start: StartRun) -> RunResult:
    """Start a run and wait for its end."""
    handle = await platform.runner.start(caller, start)
    return await platform.runner.result(caller, handle.run_id, END_S)


def chat_of(node: FakeNode) -> FakeCall:
    """Return the newest chat call of a run; the probe's trials, of one token, do not count."""
    chats = [call for call in node.calls if call.path == "/api/chat" and _limit(call) > 1]
    return chats[-1] if chats else FakeCall(path="", model="", body={})


def _limit(call: FakeCall) -> int:
    options = call.body["options"]
    assert isinstance(options, dict)
    return int(options["num_predict"])  # pyright: ignore[reportUnknownArgumentType]


async def until(is_true: Callable[[], bool], limit_s: float = END_S) -> None:
    """Wait until `is_true`, with a limit."""
    async with asyncio.timeout(limit_s):
        while not is_true():  # noqa: ASYNC110 - the fake's counters have no event to wait for
            await asyncio.sleep(0.02)


async def until_locked(database: Database, statements: int = 1, *, unless: asyncio.Task[Any] | None = None) -> None:
    """Wait until so many statements of this database wait for a lock, or `unless` has ended."""
    async with asyncio.timeout(END_S), database.connection("test") as conn:
        while unless is None or not unless.done():
            row = await (await conn.execute(WAITING)).fetchone()
            if row is not None and row["waiting"] >= statements:
                return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def held_inserts(database: Database, table: LiteralString) -> AsyncGenerator[None]:
    """Have every row that is inserted into `table` wait until the block ends, with all that its statement holds."""
    async with database.connection("test") as conn:
        for statement in HOLD_INSERTS:
            await conn.execute(statement.format(table=table).encode())
    try:
        async with database.transaction("test") as conn:
            await conn.execute("SELECT pg_advisory_xact_lock(1)")
            yield
    finally:
        async with database.connection("test") as conn:
            await conn.execute("DROP FUNCTION held_inserts CASCADE")


async def rows(platform: Platform, query: str, run_id: RunId) -> list[dict[str, object]]:
    """Return the rows of a query with one parameter, the run."""
    async with platform.database.connection("test") as conn:
        found = await conn.execute(query.encode(), [run_id])
        return await found.fetchall()


@asynccontextmanager
async def worked(platform: Platform) -> AsyncGenerator[None]:
    """Do a worker's work on a platform beside the block."""
    stopped = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(work(platform, stopped))
        try:
            yield
        finally:
            stopped.set()
