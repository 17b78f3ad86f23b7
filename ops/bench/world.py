"""The servers of a measurement: started, told apart by process, asked, stopped."""

import io
import os
import tempfile
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import msgspec

from app import cli
from app.console import Console
from ops.bench import parts
from ops.local.layout import Layout
from ops.local.process import poll_until
from ops.local.stack import Stack
from ops.local.supervised import Builder

DOCUMENT = """# Returns

A lamp may be returned within thirty days in its box. The money comes back within a week.

# Delivery

A plan for a team of twelve costs less over three years than twelve single ones, and support is part of it.
"""
Stages: TypeAlias = tuple[tuple[Builder, ...], ...]
TENANT = "bench"
INGEST_LIMIT_S = 30.0
REQUEST_LIMIT_S = 10.0


class WorldBroken(Exception):
    """A server of the measurement did not do its part."""


class _Key(msgspec.Struct, frozen=True):
    key: str


class _Upload(msgspec.Struct, frozen=True):
    status_url: str


class _Job(msgspec.Struct, frozen=True):
    status: str


class World:
    """A running stack with a tenant, its key and one searchable document."""

    def __init__(self, stack: Stack, key: str) -> None:
        self.stack = stack
        self.key = key

    def url(self, part: str) -> str:
        """Return the address of a part."""
        return f"http://{self.stack.layout.ports.address(part)}"

    def pid(self, part: str) -> int:
        """Return the process of a part; what it starts is below it. Raises WorldBroken when it has ended."""
        child = self.stack.get(part).child
        if child is None or child.status() is not None:
            raise WorldBroken(f"{part} has ended; its log is gone with the run")
        return child.id.pid


@contextmanager
def started(stages: Stages, ports: Mapping[str, int] | None = None) -> Generator[Stack]:
    """Start parts in a directory of their own, and end and remove it all. Raises WorldBroken, LocalProblem."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHYARD_")}
    with tempfile.TemporaryDirectory(prefix="switchyard-bench-") as directory:
        if ports:
            Path(directory, "ports.json").write_bytes(msgspec.json.encode(ports))
        layout = Layout.open(Path(directory), environ)
        for name, port in (ports or {}).items():
            if layout.ports.of(name) != port:
                raise WorldBroken(f"port {port} is taken")
        with Stack(layout, stages) as stack:
            yield stack


@contextmanager
def open_world(*, node_port: int | None) -> Generator[World]:
    """Start all that one call after another needs. Raises WorldBroken, LocalProblem."""
    with started(parts.stages(), None if node_port is None else {parts.NODE: node_port}) as stack:
        world = World(stack, make_key(stack.layout, TENANT))
        _make_searchable(world)
        worker = stack.get(parts.WORKER)
        worker.ask_to_stop()
        worker.stop()
        yield world


def make_key(layout: Layout, tenant: str) -> str:
    """Add a tenant and return a key of it, as the application's own command does. Raises WorldBroken."""
    environ = {**layout.environ, **parts.environ(layout)}
    told = io.StringIO()
    for words in (("tenants", "add", tenant), ("keys", "add", tenant)):
        told, notes = io.StringIO(), io.StringIO()
        given = cli.build_parser().parse_args([*words, "--json"])
        if cli.run(given, environ, Console(told), Console(notes)) != 0:
            raise WorldBroken(f"`switchyard {' '.join(words)}` failed: {notes.getvalue()[-300:]}")
    return msgspec.json.decode(told.getvalue(), type=_Key).key


def _make_searchable(world: World) -> None:
    """Upload one document through the replica and wait until the worker has ingested it."""
    boundary = "switchyard-bench"
    body = (
        f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="returns.md"\r\n'
        f"content-type: text/markdown\r\n\r\n{DOCUMENT}\r\n--{boundary}--\r\n"
    ).encode()
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    upload = msgspec.json.decode(_ask(world, "/api/v2/upload", headers, body), type=_Upload)

    def is_done() -> bool:
        job = msgspec.json.decode(_ask(world, upload.status_url, {}), type=_Job)
        if job.status == "failed":
            raise WorldBroken("the sample document could not be ingested")
        return job.status == "done"

    if not poll_until(is_done, INGEST_LIMIT_S, 0.1):
        raise WorldBroken(f"the sample document was not ingested within {INGEST_LIMIT_S:.0f} s")


def _ask(world: World, path: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
    asked = urllib.request.Request(  # noqa: S310 - our own process on loopback
        world.url(parts.REPLICA) + path, data=body, headers={**headers, "authorization": f"Bearer {world.key}"}
    )
    with parts.DIRECTLY.open(asked, timeout=REQUEST_LIMIT_S) as reply:
        return reply.read()
