"""What reading documents in costs: beside the embedder alone, for a long PDF, and in memory."""

import asyncio
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from app.ids import DocumentId
from app.retrieval.chunks import embedded_text
from app.retrieval.media import MediaType
from app.retrieval.parser import Parser
from app.retrieval.vectors import sized
from app.retrieval.versions import StoredChunk, chunk_id
from ops.bench import cpu
from ops.bench.library import Embedder, Ingested, Library, double, open_library, packaged, prose
from ops.bench.plan import Plan, Sizes
from ops.drill.ingestion.corpus import PAGE_LINES, written

TYPES = {"pdf": MediaType.PDF, "txt": MediaType.TEXT, "csv": MediaType.CSV, "md": MediaType.MARKDOWN}
NOBODY = DocumentId(UUID(int=0))
STATUS_KB = 1024


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is read in: pages of each document of a round, of the long PDF, and kB of the least text for memory."""

    pages: int
    long_pages: int
    text_kb: int


EXTENTS = {Sizes.FULL: Extent(20, 200, 500), Sizes.QUICK: Extent(4, 200, 100), Sizes.SMOKE: Extent(1, 4, 20)}
TIMES = (1, 4, 16)
"""How many times as long as the least text those are whose memory is looked at."""


@dataclass(frozen=True, slots=True)
class Round:
    """The same documents read in, and embedded by the embedder alone."""

    ingested: Ingested
    alone_s: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Memory:
    """The most that a worker and its parsing processes held, in MiB, while they read in a text of so many kB."""

    kb: int
    worker_mib: float
    parsing_mib: float


@dataclass(frozen=True, slots=True)
class Read:
    """All that was measured, and what embedded."""

    embedder: str
    rounds: tuple[Round, ...]
    long_pages: int
    long: Ingested
    memory: tuple[Memory, ...]


def read_in(plan: Plan, say: Callable[[str], None]) -> Read:
    """Measure everything. Raises Unmeasured, WorldBroken, LocalProblem, DrillFailed."""
    rng, extent = random.Random(plan.seed), EXTENTS[plan.sizes]  # noqa: S311 - samples, not secrets
    embedder = double(0) if plan.sizes is Sizes.SMOKE else packaged(say)
    with open_library(embedder) as library:
        rounds = [_round(library, rng, extent, number) for number in range(plan.rounds)]
        say("bench: a long PDF\n")
        pdf = written(prose(rng, extent.long_pages * PAGE_LINES), MediaType.PDF)
        long = library.ingest([("long.pdf", pdf)])
    say("bench: memory\n")
    memory = _memory(double(0), rng, extent)
    return Read(embedder.name, tuple(rounds), extent.long_pages, long, tuple(memory))


def _round(library: Library, rng: random.Random, extent: Extent, number: int) -> Round:
    """Read documents in and embed their texts alone, in turns first one and first the other."""
    files = [
        (f"{number}.{ending}", written(prose(rng, extent.pages * PAGE_LINES), media_type), media_type)
        for ending, media_type in TYPES.items()
    ]
    batches = [batch for _, content, media_type in files for batch in batches_of(content, media_type)]
    named = [(name, content) for name, content, _ in files]
    if number % 2:
        ingested = library.ingest(named)
        alone_s, tokens = library.embed(batches)
    else:
        alone_s, tokens = library.embed(batches)
        ingested = library.ingest(named)
    return Round(ingested, alone_s, tokens)


def batches_of(content: bytes, media_type: MediaType) -> Iterator[list[str]]:
    """Yield the texts that an ingestion of the file embeds, call by call."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        parsed = asyncio.run(Parser().parse(file, media_type))
    chunks: Sequence[StoredChunk] = [
        StoredChunk(chunk_id(NOBODY, ordinal), ordinal, chunk.heading, chunk.text, chunk.lead)
        for ordinal, chunk in enumerate(parsed.chunks)
    ]
    while chunks:
        batch = sized(chunks)
        yield [embedded_text(chunk.heading, chunk.text, chunk.lead) for chunk in batch]
        chunks = chunks[len(batch) :]


def _memory(embedder: Embedder, rng: random.Random, extent: Extent) -> Iterator[Memory]:
    with open_library(embedder) as library:
        peak = Peak(library.trees["worker"])
        for times in TIMES:
            kb = extent.text_kb * times
            text = "\n".join(prose(rng, kb * 1000 // 80)).encode()
            peak.begin()
            library.ingest([(f"{times}.txt", text)], peak.look)
            yield Memory(len(text) // 1000, peak.worker_mib, peak.parsing_mib)


class Peak:
    """The most memory that a process and what it starts hold."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.worker_mib = self.parsing_mib = 0.0

    def begin(self) -> None:
        """Forget what was."""
        self.worker_mib = self.parsing_mib = 0.0

    def look(self) -> None:
        """Take note of what they hold, and a child of the most that it held."""
        own, *children = cpu.descendants(self._pid)
        self.worker_mib = max(self.worker_mib, held_mib(own, "VmRSS"))
        self.parsing_mib = max(self.parsing_mib, sum(held_mib(child, "VmHWM") for child in children))


def held_mib(pid: int, field: str) -> float:
    """Return a field of /proc/<pid>/status (proc(5)) in MiB; 0 of a process that has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return int(value.split()[0]) / STATUS_KB
    return 0.0
