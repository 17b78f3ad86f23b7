"""A canary stands in every secret, well and badly written; no output of any process holds it."""

import asyncio
import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from prometheus_client import CollectorRegistry

from app.errors import SwitchyardError
from app.postgres import Database, make_pool
from app.redis import open_redis
from app.retrieval.qdrant import QdrantPeers
from app.retrieval.shape import Shape
from app.settings import PREFIX
from app.telemetry.logs import configure, plain_text, render_exception
from app.telemetry.metrics import Metrics
from app.telemetry.secrets import mask_of
from ops.local.stack import Stack
from tests.integration.test_start import NODES

CANARY = "C4nary-0451"
SPECIAL = f"p@ss:w/ord%{CANARY}#é"
END_S = 60.0

# What is between the scheme and the path, where somebody may have made a mistake.
BROKEN = (
    f"u:{CANARY}@127.0.0.1:1",
    f"u:{SPECIAL}@127.0.0.1:1",
    f"u:{quote(SPECIAL, safe='')}@127.0.0.1:1",
    f"u:%zz{CANARY}@127.0.0.1:1",
    f"u:{CANARY} @127.0.0.1:1",
    f"u:{CANARY}\r\n@127.0.0.1:1",
    f"u:{CANARY}@127.0.0.1:99999",
    f"u:{CANARY}@127.0.0.1:port",
    f"u:{CANARY}@no-such-host.invalid:1",
    f"u@127.0.0.1:1:{CANARY}@127.0.0.1:1",
    f"u:{CANARY}@",
)
SCHEMES = ("postgresql://", "postgresql+psycopg://", "rediss://", "https:/", "")


def holds_canary(text: str) -> list[str]:
    """Return the lines with a piece of the canary."""
    return [line for line in text.splitlines() if "c4nary" in line.lower() or "0451" in line]


async def _ask_database(url: str, metrics: Metrics) -> None:
    pool = make_pool(url, size=1, wait_s=0.2)
    try:
        await pool.open(wait=False)
        async with Database(pool, metrics).connection("test") as conn:
            await conn.execute("SELECT 1")
    finally:
        await pool.close(timeout=1)


async def _ask_redis(url: str, metrics: Metrics) -> None:
    store = open_redis(url, name="cache", metrics=metrics, timeout_s=0.2)
    async with store.use("test") as client:
        await client.get("x")
    await store.close()


async def _ask_qdrant(url: str, metrics: Metrics) -> None:
    peers = QdrantPeers(
        [url],
        api_key=f"{CANARY}\r\n",
        collection="x",
        shape=Shape(4, 1, 1),
        metrics=metrics,
        timeout_s=0.2,
    )
    await peers.ensure_collection()


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_no_client_tells_a_secret_whatever_is_wrong_with_its_address(scheme: str) -> None:
    metrics = Metrics(CollectorRegistry())
    told = io.StringIO()
    for rest in BROKEN:
        url = f"{scheme}{rest}/x"
        mask = mask_of({f"{PREFIX}DATABASE_URL": url, f"{PREFIX}QDRANT_API_KEY": f"{CANARY}\r\n"}, PREFIX)
        lines = configure("DEBUG", stream=told, mask=mask, caches=False)
        for ask in (_ask_database, _ask_redis, _ask_qdrant):
            try:
                await asyncio.wait_for(ask(url, metrics), 10)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it is, it must tell nothing
                told.write(mask.text(f"{error}\n{error!r}\n{plain_text(error)}\n{render_exception(error)}\n"))
                if isinstance(error, SwitchyardError):
                    told.write(mask.text(error.detail))
        await asyncio.to_thread(lines.close)
    assert told.getvalue().count("\n") > len(BROKEN)
    assert holds_canary(told.getvalue()) == []


class Running:
    """A process of ours with everything that it writes."""

    def __init__(
        self, command: tuple[str, ...], environ: Mapping[str, str], output: Path, fds: tuple[int, ...]
    ) -> None:
        self._output = output
        with output.open("wb") as file:
            self._process = subprocess.Popen(  # noqa: S603 - our own modules
                [sys.executable, "-m", *command], env=dict(environ), stdout=file, stderr=subprocess.STDOUT, pass_fds=fds
            )

    def text(self) -> str:
        """Return what it wrote so far."""
        return self._output.read_text(errors="replace")

    def wait_for(self, is_there: Callable[[str], bool]) -> None:
        """Wait until it wrote that, or ended."""
        until = time.monotonic() + END_S
        while self._process.poll() is None and not is_there(self.text()) and time.monotonic() < until:
            time.sleep(0.05)

    def end(self) -> str:
        """Stop it, and return all that it wrote."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        return self.text()


@pytest.fixture
def environ(data_stack: Stack, tmp_path: Path) -> dict[str, str]:
    """Settings with a canary in each secret: servers that refuse it, cannot be reached or have no such name."""
    (tmp_path / "nodes.toml").write_text(NODES)
    (tmp_path / "key").write_text(f"{CANARY}\n")
    # A bundled address, with another password.
    wrong = {
        "DATABASE_URL": data_stack.layout.database_url.replace(data_stack.layout.secrets.database, CANARY),
        "CACHE_URL": data_stack.layout.cache_url.replace(data_stack.layout.secrets.valkey, CANARY),
        "COORDINATION_URL": f"redis://someone:{quote(SPECIAL, safe='')}@no-such-host.invalid:6379/0",
        "QDRANT_URLS": ",".join(data_stack.layout.qdrant_urls),
        "QDRANT_API_KEY_FILE": str(tmp_path / "key"),
        "NODES_FILE": str(tmp_path / "nodes.toml"),
        "BLOBS_DIR": str(tmp_path / "blobs"),
        "LOG_LEVEL": "DEBUG",
        "DRAIN_S": "0",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return kept | {f"{PREFIX}{name}": value for name, value in wrong.items()}


@contextlib.contextmanager
def running(command: tuple[str, ...], environ: Mapping[str, str], output: Path, *fds: int) -> Generator[Running]:
    """Run a process beside the test."""
    process = Running(command, environ, output, fds)
    try:
        yield process
    finally:
        process.end()


def test_a_replica_a_worker_and_the_command_line_tell_no_secret(environ: dict[str, str], tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        running(
            ("app.main", "--fd", str(listening.fileno())), environ, tmp_path / "replica.log", listening.fileno()
        ) as replica,
        running(("app.worker",), environ, tmp_path / "worker.log") as worker,
        running(("app.cli", "tenants", "list"), environ, tmp_path / "cli.log") as command,
    ):
        command.wait_for(lambda _: False)
        for process in (replica, worker):
            process.wait_for(lambda text: "password authentication failed" in text and "redis" in text.lower())
        texts = [process.end() for process in (replica, worker, command)]
    for text in texts:
        assert text
        assert holds_canary(text) == []
    # They had something to tell.
    assert "password authentication failed" in texts[0]
    assert "password authentication failed" in texts[1]
