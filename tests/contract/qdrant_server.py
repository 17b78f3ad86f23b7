"""A Qdrant server as the contract suite sees it, and processes of the local double."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

READY_WITHIN_S = 30.0
STOP_WITHIN_S = 15.0
PEERS = 3

# A body as it came: what the fields are is what the suite is about.
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered."""

    status: int
    content_type: str
    text: str
    json: Json

    @property
    def error(self) -> str:
        """The text of `status.error`."""
        return str(self.json["status"]["error"])

    def result(self) -> Json:
        """The `result` of a request that went well."""
        return self.json["result"]


@dataclass(slots=True)
class Server:
    """A cluster of peers, and what was made in it."""

    urls: tuple[str, ...]
    api_key: str | None
    client: httpx.Client
    made: list[str] = field(default_factory=list[str])

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        peer: int = 0,
        content: str | None = None,
        sent: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request to one peer, with the key unless `headers` are given; `sent` goes out without a content type."""
        own = {"api-key": self.api_key} if self.api_key else {}
        shown = dict(own if headers is None else headers)
        if content is not None:
            shown.setdefault("content-type", "application/json")
        url = self.urls[peer % len(self.urls)] + path
        answer = self.client.request(method, url, json=body, content=content if sent is None else sent, headers=shown)
        return self.reply(answer)

    def raw(
        self,
        method: str,
        path: str,
        *,
        peer: int = 0,
        headers: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
    ) -> httpx.Response:
        """One request with the key to one peer, its answer as it came; `files` are the parts of a form."""
        shown = {**({"api-key": self.api_key} if self.api_key else {}), **(headers or {})}
        return self.client.request(method, self.urls[peer] + path, headers=shown, files=files)

    @staticmethod
    def reply(answer: httpx.Response) -> Reply:
        """An answer, taken apart."""
        kind = answer.headers.get("content-type", "")
        parsed: Json = answer.json() if kind.startswith("application/json") else {}
        return Reply(answer.status_code, kind, answer.text, parsed)

    def name(self) -> str:
        """A new collection's name; what carries it is removed at the end."""
        name = f"switchyard-contract-{uuid4().hex}"
        self.made.append(name)
        return name

    def create(self, *, size: int = 4, shards: int = 3, **more: object) -> str:
        """A collection with the vectors `dense` (cosine) and `bm25` (sparse, IDF)."""
        name = self.name()
        body = {
            "vectors": {"dense": {"size": size, "distance": "Cosine"}},
            "sparse_vectors": {"bm25": {"modifier": "idf"}},
            "shard_number": shards,
            **more,
        }
        reply = self.ask("PUT", f"/collections/{name}", body)
        assert reply.status == 200, reply.text
        return name

    def upsert(self, collection: str, points: list[Json]) -> None:
        """Write points and wait for them."""
        reply = self.ask("PUT", f"/collections/{collection}/points?wait=true", {"points": points})
        assert reply.status == 200, reply.text

    def found(self, collection: str, body: Json) -> list[Json]:
        """The points of a query."""
        reply = self.ask("POST", f"/collections/{collection}/points/query", body)
        assert reply.status == 200, reply.text
        return reply.result()["points"]

    def minor(self) -> tuple[int, int]:
        """Major and minor version of the server."""
        major, minor, _ = str(self.ask("GET", "/").json["version"]).split(".", 2)
        return int(major), int(minor)

    def clean(self) -> None:
        """Remove every collection that was made, with its snapshots, which would outlive it."""
        for name in self.made:
            for peer in range(len(self.urls)):
                for one in self.ask("GET", f"/collections/{name}/snapshots", peer=peer).json.get("result", []):
                    self.ask("DELETE", f"/collections/{name}/snapshots/{one['name']}", peer=peer)
            self.ask("DELETE", f"/collections/{name}")
        self.made.clear()


def free_ports(count: int) -> tuple[int, ...]:
    """Ports of the loopback address that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return tuple(int(one.getsockname()[1]) for one in sockets)


class Double:
    """A process of the local double on its own storage; it can be killed and started again on the same ports."""

    def __init__(self, storage: Path, *, api_key: str | None, peers: int = PEERS) -> None:
        self.ports = free_ports(peers)
        self.urls = tuple(f"http://127.0.0.1:{port}" for port in self.ports)
        self._environ = {
            **os.environ,
            "QDRANT__SERVICE__HOST": "127.0.0.1",
            "QDRANT__STORAGE__STORAGE_PATH": str(storage),
            "QDRANT__SERVICE__API_KEY": api_key or "",
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.lost: set[int] = set()

    def start(self) -> None:
        """Start the process and wait until every peer is ready."""
        command = [sys.executable, "-m", "ops.local.qdrant_node", "--ports", ",".join(map(str, self.ports))]
        self.process = subprocess.Popen(command, env=self._environ, stderr=subprocess.DEVNULL)  # noqa: S603
        until = time.monotonic() + READY_WITHIN_S
        for url in self.urls:
            while not _ready(url):
                assert self.process.poll() is None, "the double ended while starting"
                assert time.monotonic() < until, "the double is not ready in time"
                time.sleep(0.05)

    def lose(self, number: int) -> None:
        """Have a peer die; numbers count from 1. At least one must stay."""
        self._change(number, lost=True)
        self.lost.add(number)

    def bring_back(self, *numbers: int) -> None:
        """Have these peers, or all that are lost, be there again."""
        for number in numbers or tuple(self.lost):
            self._change(number, lost=False)
            self.lost.discard(number)

    def _change(self, number: int, *, lost: bool) -> None:
        asked = next(n for n in range(1, len(self.ports) + 1) if n not in self.lost | {number})
        headers = {"api-key": self._environ["QDRANT__SERVICE__API_KEY"]}
        url = f"{self.urls[asked - 1]}/double/peers/{number}"
        httpx.put(url, json={"lost": lost}, headers=headers, timeout=10.0).raise_for_status()

    def kill(self) -> None:
        """End it as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_WITHIN_S)

    def stop(self) -> int:
        """End it as a supervisor would; the exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(STOP_WITHIN_S)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5.0).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def running_double(storage: Path, *, api_key: str | None = None, peers: int = PEERS) -> Generator[Double]:
    """A started double that is ended on the way out."""
    double = Double(storage, api_key=api_key, peers=peers)
    try:
        double.start()
        yield double
    finally:
        if double.process is not None and double.process.poll() is None:
            double.stop()
