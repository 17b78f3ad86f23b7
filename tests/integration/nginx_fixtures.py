"""nginx, filled from the templates, in front of replicas that can be killed."""

import asyncio
import json
import os
import signal
import ssl
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ops.local.parts.nginx import LEFT_OUT, PID_FILE, user
from ops.local.ports import find_free
from ops.local.process import REPOSITORY
from tests.fakes.certificate import make_certificate
from tests.fakes.edge import command, read_environ, write_edge
from tests.integration.http_server import until

LIMIT_S = 30.0
NAME = "switchyard.test"
LIMITED, UNLIMITED = "127.0.0.1", "127.0.0.2"
"""Addresses to ask from: every address of 127.0.0.0/8 is this machine's own."""


@dataclass(frozen=True, slots=True)
class FakeReplica:
    """A process of tests/fakes/replica.py."""

    process: asyncio.subprocess.Process
    port: int
    journal: Path

    @property
    def seen(self) -> list[dict[str, Any]]:
        """The requests that reached it."""
        lines = self.journal.read_text(encoding="utf-8").splitlines() if self.journal.exists() else []
        return [json.loads(line) for line in lines]

    async def kill(self) -> None:
        """End it at once."""
        self.process.send_signal(signal.SIGKILL)
        async with asyncio.timeout(LIMIT_S):
            await self.process.wait()

    async def ask(self, path: str) -> None:
        """Ask the replica itself, past nginx."""
        async with httpx.AsyncClient() as client:
            (await client.get(f"http://127.0.0.1:{self.port}{path}", timeout=LIMIT_S)).raise_for_status()


@dataclass(frozen=True, slots=True)
class Edge:
    """A running nginx: its ports, its replicas, its access log, and the certificate that clients trust."""

    port: int
    plain_port: int
    replicas: tuple[FakeReplica, ...]
    folder: Path
    process: asyncio.subprocess.Process
    trust: ssl.SSLContext | None

    def client(self, address: str = UNLIMITED, *, http2: bool = False) -> httpx.AsyncClient:
        """Return a client that asks from `address`; over TLS, nginx is called by its name."""
        transport = httpx.AsyncHTTPTransport(local_address=address, verify=self.trust or True, http2=http2)
        return httpx.AsyncClient(
            transport=transport,
            base_url=f"{'https' if self.trust else 'http'}://127.0.0.1:{self.port}",
            headers={"host": NAME},
            timeout=LIMIT_S,
            event_hooks={"request": [_name_server]},
        )

    @property
    def seen(self) -> list[dict[str, Any]]:
        """The requests that reached a replica."""
        return [request for replica in self.replicas for request in replica.seen]

    def log(self) -> list[dict[str, Any]]:
        """Return the lines of the access log."""
        return [json.loads(line) for line in (self.folder / "access.log").read_text(encoding="utf-8").splitlines()]


async def _name_server(request: httpx.Request) -> None:
    """Name the server in TLS, whatever address is called."""
    request.extensions["sni_hostname"] = NAME


@asynccontextmanager
async def running(
    folder: Path, *, ports: Sequence[int] | None = None, is_tls: bool = False, **places: str
) -> AsyncGenerator[Edge]:
    """Run nginx in `folder` in front of the servers on `ports`, or of two fake replicas; `places` win."""
    async with AsyncExitStack() as stack:
        replicas = () if ports or "REPLICAS" in places else await stack.enter_async_context(start_replicas(folder))
        values = _values(folder, ports or [replica.port for replica in replicas])
        values |= _tls(folder) if is_tls else {}
        values |= {f"SWITCHYARD_NGINX_{name}": value for name, value in places.items()}
        await asyncio.to_thread(write_edge, folder, values)
        process = await asyncio.create_subprocess_exec(*command(folder))
        stack.push_async_callback(_end, process, signal.SIGTERM)
        await until(lambda: process.returncode is not None or (folder / PID_FILE).is_file())
        assert process.returncode is None
        trust = ssl.create_default_context(cafile=folder / "certificate.pem") if is_tls else None
        port, plain_port = (_port_of(values[f"SWITCHYARD_NGINX_{name}"]) for name in ("LISTEN", "LISTEN_PLAIN"))
        yield Edge(port, plain_port, replicas, folder, process, trust)


def _values(folder: Path, ports: Sequence[int]) -> dict[str, str]:
    servers = " ".join(f"server 127.0.0.1:{port} max_fails=3 fail_timeout=30s;" for port in ports)
    return {
        **read_environ("compose.env"),
        **LEFT_OUT,
        "SWITCHYARD_NGINX_USER": user(os.geteuid()),
        "SWITCHYARD_NGINX_LISTEN": f"listen 127.0.0.1:{find_free()};",
        "SWITCHYARD_NGINX_LISTEN_PLAIN": f"listen 127.0.0.1:{find_free()};",
        "SWITCHYARD_NGINX_NAMES": "_",
        "SWITCHYARD_NGINX_REPLICAS": servers,
        "SWITCHYARD_NGINX_UNLIMITED": f"{UNLIMITED} 1;",
        "SWITCHYARD_NGINX_PAGES": str(REPOSITORY / "nginx" / "pages"),
        "SWITCHYARD_NGINX_ACCESS_LOG": str(folder / "access.log"),
        "SWITCHYARD_NGINX_CERTIFICATE": str(folder / "certificate.pem"),
        "SWITCHYARD_NGINX_CERTIFICATE_KEY": str(folder / "key.pem"),
    }


def _tls(folder: Path) -> dict[str, str]:
    certificate, key = make_certificate(NAME, "localhost")
    (folder / "certificate.pem").write_text(certificate, encoding="ascii")
    (folder / "key.pem").write_text(key, encoding="ascii")
    compose = read_environ("compose.env")
    kept = ("SWITCHYARD_NGINX_EDGE", "SWITCHYARD_NGINX_TLS")
    own = {"SWITCHYARD_NGINX_LISTEN": f"listen 127.0.0.1:{find_free()} ssl;", "SWITCHYARD_NGINX_NAMES": NAME}
    return {**{name: compose[name] for name in kept}, **own}


def _port_of(listen: str) -> int:
    return int(listen.split(":")[1].split(" ")[0].rstrip(";"))


@asynccontextmanager
async def start_replicas(
    folder: Path, hosts: Sequence[str] = ("127.0.0.1", "127.0.0.1"), port: int = 0
) -> AsyncGenerator[tuple[FakeReplica, ...]]:
    """Run a fake replica on each of `hosts`, on a free port or on `port`; their journals are in `folder`."""
    program = REPOSITORY / "tests" / "fakes" / "replica.py"
    journals = [folder / f"replica-{number}.jsonl" for number, _ in enumerate(hosts, 1)]
    async with AsyncExitStack() as stack:
        processes: list[asyncio.subprocess.Process] = []
        for host, journal in zip(hosts, journals, strict=True):
            words = (sys.executable, str(program), host, str(port), str(journal))
            processes.append(await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE))
            stack.push_async_callback(_end, processes[-1], signal.SIGKILL)
        ports = [await _read_port(process) for process in processes]
        yield tuple(map(FakeReplica, processes, ports, journals))


async def _read_port(process: asyncio.subprocess.Process) -> int:
    assert process.stdout is not None
    async with asyncio.timeout(LIMIT_S):
        return int(await process.stdout.readline())


async def _end(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    if process.returncode is None:
        process.send_signal(number)
    async with asyncio.timeout(LIMIT_S):
        await process.wait()
