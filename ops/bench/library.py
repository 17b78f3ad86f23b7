"""What documents are read in by in a measurement: an embedder, the stores, a replica and a worker."""

import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import httpx
import msgspec

from app.inference.wire.bodies import embed_body
from ops.bench import cpu, parts
from ops.bench.points import Unmeasured
from ops.bench.world import World, make_key, started
from ops.drill.calls import Calls
from ops.local.layout import Layout
from ops.local.parts import migration
from ops.local.parts.part import Part
from ops.local.parts.probes import http_ok
from ops.local.problems import LocalProblem
from ops.local.process import REPOSITORY
from ops.local.weights import ensure_store

TENANT, EMBEDDER = "bench", "bench-embedder"
SLOTS = 2
PACE_TOKENS_PER_S = 3000
"""What the packaged model does on two cores, about: the double's pace where there is none."""
NUM_CTX, KEEP_ALIVE = 512, "30m"
LIMIT_S = 600.0
LOOK_EVERY_S, LOOKS = 0.02, 25
"""How far looks at the processes are apart, and how many there are until jobs are asked for: each question takes one of
the processors from the embedder, whose threads wait for one another."""
LINE_CHARACTERS = 84
SAMPLES = REPOSITORY / "samples"
SENTENCE = re.compile(r"[A-Z][^.!?#|]{30,200}[.!?]")

CATALOGUE = """
[[models]]
name = "{chat}"
tiers = ["simple", "medium", "complex"]
num_ctx = [4096]
[[models]]
name = "{embed}"
kind = "embed"
num_ctx = [{num_ctx}]
[[nodes]]
name = "chat"
url = "http://{chat_at}"
slots = 2
price_usd_per_hour = 0.36
models = ["{chat}"]
[[nodes]]
name = "embedder"
url = "http://{embedder_at}"
slots = {slots}
price_usd_per_hour = 0.36
models = ["{embed}"]
"""


@dataclass(frozen=True, slots=True)
class Embedder:
    """What embeds: its name for the report, and its program."""

    name: str
    part: Callable[[Layout], Part]


def packaged(say: Callable[[str], None]) -> Embedder:
    """Return the packaged model over llama.cpp, or a double of its pace where it cannot be had."""
    try:
        with tempfile.TemporaryDirectory(prefix="switchyard-bench-") as folder:
            ensure_store((parts.EMBED,), Path(folder), progress=lambda _: None)
    except LocalProblem as problem:
        say(f"bench: the packaged embedder cannot be had ({problem}): a double takes its place\n")
        return double(PACE_TOKENS_PER_S)
    return Embedder(f"{parts.EMBED} over llama.cpp", _packaged_part)


def double(tokens_per_s: int) -> Embedder:
    """Return a double that embeds at a pace, 0 for as fast as it can."""
    pace = f"{tokens_per_s:,} tokens a second a call" if tokens_per_s else "as fast as it can"
    return Embedder(f"a node double, {pace}", lambda layout: _double_part(layout, tokens_per_s))


def _packaged_part(layout: Layout) -> Part:
    store = layout.directory / "models"
    return _node_part(
        layout,
        (sys.executable, "-m", "ops.local.ollama_node"),
        {
            "OLLAMA_HOST": layout.ports.address(EMBEDDER),
            "OLLAMA_MODELS": str(store),
            "OLLAMA_NUM_PARALLEL": str(SLOTS),
            "OMP_WAIT_POLICY": "PASSIVE",
        },
        lambda: ensure_store((parts.EMBED,), store, progress=lambda _: None),
    )


def _double_part(layout: Layout, tokens_per_s: int) -> Part:
    port = str(layout.ports.of(EMBEDDER))
    words = ("--port", port, "--slots", str(2 * SLOTS), "--chat", "", "--embed", parts.EMBED)
    command = (sys.executable, "-m", "tests.fakes.node_process", *words, "--embed-tokens-per-s", str(tokens_per_s))
    return _node_part(layout, command, {}, lambda: None)


def _node_part(layout: Layout, command: Sequence[str], environ: dict[str, str], prepare: Callable[[], None]) -> Part:
    port = layout.ports.of(EMBEDDER)
    return Part(
        name=EMBEDDER,
        command=tuple(command),
        environ=environ,
        address=layout.ports.address(EMBEDDER),
        prepare=prepare,
        is_ready=lambda: http_ok(port, "/api/version"),
        ready_within_s=60.0,
        port_names=(EMBEDDER,),
    )


class _Embedded(msgspec.Struct):
    prompt_eval_count: int
    embeddings: list[list[float]]


@dataclass(frozen=True, slots=True)
class Ingested:
    """How long an ingestion took, in seconds: its uploads, until all were read and cut, and until all were ready."""

    upload_s: float
    read_s: float
    took_s: float
    cpu_s: dict[str, float]
    """By process tree."""


class Library:
    """A running installation that documents are read into."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._calls = Calls(world.url(parts.REPLICA), world.key)
        self.trees = {
            "worker": world.pid(parts.WORKER),
            "replica": world.pid(parts.REPLICA),
            "embedder": world.pid(EMBEDDER),
            "vector store": world.pid("qdrant"),
            "postgres": world.pid("postgres"),
        }

    def ingest(self, files: Sequence[tuple[str, bytes]], look: Callable[[], None] = lambda: None) -> Ingested:
        """Upload files and wait until all are ready; `look` is called now and then. Raises Unmeasured, DrillFailed."""
        before, began = self._used(), time.perf_counter()
        jobs = [str(self._calls.upload(name, content, "application/octet-stream")["job_id"]) for name, content in files]
        upload_s = time.perf_counter() - began
        read_s = 0.0
        while True:
            for _ in range(LOOKS):
                look()
                time.sleep(LOOK_EVERY_S)
            found = [self._calls.job(job_id) for job_id in jobs]
            if any(job["status"] == "failed" for job in found):
                raise Unmeasured(f"a document could not be read in: {[job['error'] for job in found]}")
            now_s = time.perf_counter() - began
            read_s = read_s or (now_s if all(job["step"] not in {"received", "parsed"} for job in found) else 0.0)
            if all(job["status"] == "done" for job in found):
                break
            if now_s > LIMIT_S:
                raise Unmeasured(f"documents were not read in within {LIMIT_S:.0f} s")
        after = self._used()
        return Ingested(upload_s, read_s, now_s, {name: after[name] - before[name] for name in after})

    def embed(self, batches: Sequence[Sequence[str]]) -> tuple[float, int]:
        """Have the embedder alone embed batches, as many at a time as it takes; return seconds and tokens."""
        began = time.perf_counter()
        with ThreadPoolExecutor(SLOTS) as pool:
            tokens = sum(pool.map(self._embed, batches))
        return time.perf_counter() - began, tokens

    def _embed(self, texts: Sequence[str]) -> int:
        body = embed_body(tuple(texts), model=parts.EMBED, keep_alive=KEEP_ALIVE, num_ctx=NUM_CTX)
        with httpx.Client(timeout=LIMIT_S, trust_env=False) as client:
            reply = client.post(f"{self._world.url(EMBEDDER)}/api/embed", content=body)
        if reply.is_error:
            raise Unmeasured(f"the embedder: {reply.status_code} {reply.text[:200]}")
        embedded = msgspec.json.decode(reply.content, type=_Embedded)
        if len(embedded.embeddings) != len(texts):
            raise Unmeasured(f"the embedder gave {len(embedded.embeddings)} vectors for {len(texts)} texts")
        return embedded.prompt_eval_count

    def _used(self) -> dict[str, float]:
        return {name: cpu.tree_s(pid) for name, pid in self.trees.items()}


@contextmanager
def open_library(embedder: Embedder) -> Generator[Library]:
    """Start all that documents are read in by. Raises WorldBroken, LocalProblem."""

    def prepare(layout: Layout) -> None:
        at = layout.ports.address
        told = CATALOGUE.format(
            chat=parts.FAST, embed=parts.EMBED, num_ctx=NUM_CTX, slots=SLOTS, chat_at=at(parts.NODE),
            embedder_at=at(EMBEDDER),
        )  # fmt: skip
        parts.write_catalogue(layout, told)

    def replica(layout: Layout) -> Part:
        told = parts.environ(layout)
        return parts.replica_part(layout, parts.REPLICA, "app.main", environ=told, prepare=lambda: prepare(layout))

    def worker(layout: Layout) -> Part:
        return parts.worker_part(layout, prepare=lambda: prepare(layout))

    stages = ((*parts.stores(), parts.node, embedder.part), (migration.part,), (replica, worker))
    with started(stages) as stack:
        yield Library(World(stack, make_key(stack.layout, TENANT)))


def prose(rng: random.Random, lines: int) -> list[str]:
    """Return so many lines of plain English, shuffled sentences of the samples, no two of them alike."""
    told = sorted({found for path in sorted(SAMPLES.rglob("*.md")) for found in SENTENCE.findall(_flat(path))})
    found = list[str]()
    while len(found) < lines:
        paragraph = " ".join(f"{rng.choice(told)[:-1]} ({rng.randrange(10**6)})." for _ in range(5))
        found += wrap(paragraph, LINE_CHARACTERS)
    return found[:lines]


def _flat(path: Path) -> str:
    return " ".join(path.read_text(encoding="utf-8").split())
