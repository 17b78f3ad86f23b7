"""The two vector stores of which one has a single shard and the other three: started here, or the user's own."""

import asyncio
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

import httpx
from prometheus_client import CollectorRegistry

from app.retrieval.qdrant import QdrantPeers
from app.retrieval.shape import Shape, copies_for
from app.telemetry.metrics import Metrics
from ops.bench.clustered import SIZE
from ops.bench.points import Unmeasured
from ops.bench.world import started
from ops.local.layout import Layout
from ops.local.parts.part import Part
from ops.local.parts.probes import http_ok
from ops.local.ports import HOST

ONE_URL, SHARDS_URL = "SWITCHYARD_BENCH_QDRANT_URL", "SWITCHYARD_BENCH_QDRANT_SHARDS_URL"
COLLECTION = "switchyard-bench-shards"
PEERS = 3
DOUBLE, SERVER = "the local stack's double over Qdrant Edge, not a Qdrant server", "Qdrant as it was given"
ANSWER_S = 10.0
"""One answer of one peer; the application waits 2 s, and a busy machine is no wrong answer."""
CHANGE_S = 10.0
INDEXED_POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class Store:
    """Peers with the collection of the measurement; `is_double` if they can be told to build indexes or to be lost."""

    urls: tuple[str, ...]
    shards: int
    is_double: bool

    @property
    def copies(self) -> int:
        """Copies of each shard: as many as the application makes where nobody says."""
        return copies_for(len(self.urls))

    def open(self) -> QdrantPeers:
        """Return the application's own client of it."""
        return QdrantPeers(
            self.urls,
            api_key=None,
            collection=COLLECTION,
            shape=Shape(SIZE, self.shards, self.copies),
            metrics=Metrics(CollectorRegistry()),
            timeout_s=ANSWER_S,
        )

    async def build_indexes(self) -> None:
        """Return once every index is built; takes minutes. Raises Unmeasured."""
        async with httpx.AsyncClient(timeout=None, trust_env=False) as client:  # noqa: S113 - the row has a limit
            if self.is_double:
                _check(await client.put(f"{self.urls[0]}/double/indexes"))
            while True:
                reply = _check(await client.get(f"{self.urls[0]}/collections/{COLLECTION}"))
                if reply.json()["result"]["status"] == "green":
                    return
                await asyncio.sleep(INDEXED_POLL_S)

    async def change_last(self, *, lost: bool) -> None:
        """Have the last peer die, or be there again. Raises Unmeasured."""
        async with httpx.AsyncClient(timeout=CHANGE_S, trust_env=False) as client:
            url = f"{self.urls[0]}/double/peers/{len(self.urls)}"
            _check(await client.put(url, json={"lost": lost}))


def _check(reply: httpx.Response) -> httpx.Response:
    if reply.status_code != HTTPStatus.OK:
        raise Unmeasured(f"the vector store: {reply.status_code} {reply.text[:200]}")
    return reply


@contextmanager
def open_stores(environ: Mapping[str, str]) -> Generator[tuple[Store, Store]]:
    """Give the store with one shard and that with three. Raises Unmeasured, WorldBroken, LocalProblem."""
    alone, together = (_urls(environ.get(name, "")) for name in (ONE_URL, SHARDS_URL))
    if bool(alone) != bool(together):
        raise Unmeasured(f"{ONE_URL} and {SHARDS_URL} are given together or not at all")
    if alone:
        yield Store(alone, 1, is_double=False), Store(together, PEERS, is_double=False)
        return
    names = _names("bench-qdrant-one", 1), _names("bench-qdrant-three", PEERS)
    builders = tuple(partial(_part, of) for of in names)
    with started((builders,)) as stack:
        address: Callable[[str], str] = stack.layout.ports.address
        one, three = (tuple(f"http://{address(name)}" for name in of) for of in names)
        yield Store(one, 1, is_double=True), Store(three, PEERS, is_double=True)


def _urls(given: str) -> tuple[str, ...]:
    return tuple(url.strip().rstrip("/") for url in given.split(",") if url.strip())


def _names(name: str, peers: int) -> tuple[str, ...]:
    return tuple(f"{name}-{number}" for number in range(1, peers + 1))


def _part(names: tuple[str, ...], layout: Layout) -> Part:
    """Return a double with one peer for each name."""
    ports = [layout.ports.of(name) for name in names]
    return Part(
        name=names[0],
        command=(sys.executable, "-m", "ops.local.qdrant_node", "--ports", ",".join(map(str, ports))),
        environ={"QDRANT__SERVICE__HOST": HOST, "QDRANT__STORAGE__STORAGE_PATH": str(layout.directory / names[0])},
        address=", ".join(map(layout.ports.address, names)),
        is_ready=lambda: all(http_ok(port, "/readyz") for port in ports),
        port_names=names,
    )
