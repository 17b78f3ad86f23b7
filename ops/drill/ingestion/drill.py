"""One ingestion of some documents with its blow: whoever has a job is killed or frozen, and nothing must show it."""

import random
import time
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import LiteralString, assert_never

import msgspec
from psycopg.rows import dict_row

from ops.drill.application import CHAT, COLLECTION, EMBED, Double, Stores
from ops.drill.calls import Calls, Json
from ops.drill.holds import Holds, Place, open_holds
from ops.drill.ingestion.corpus import Source, corpus
from ops.drill.ingestion.places import PLACES
from ops.drill.ingestion.stored import Places, Stored, differences, stored, strangers, usage
from ops.drill.rows import Conn
from ops.drill.steps.crew import NODE, Crew, open_crew
from ops.drill.target import DrillFailed
from ops.local.process import poll_until

LEASE_S = 2.0
ENDED_S = 180.0
SETTLED_S = 120.0
"""A frozen worker may hold rows for as long as PostgreSQL bears an idle transaction: 10 s."""
TOLD_S = 30.0
LOCKED = "a lock was not to be had in time"
AT_ONCE = 4
"""Jobs of a worker: so many calls may lose or gain their usage rows with it."""
DOUBLE = Double(NODE, (CHAT, EMBED), slots=4, told=("--control", "--embed-tokens-per-s", "20000"))
"""Fast enough not to be waited for, and slow enough to be met while it embeds."""

SELECT_OWNERS: LiteralString = """
    SELECT DISTINCT ON (c.job_id) c.job_id::text, c.worker FROM drill.claims c JOIN jobs j ON j.id = c.job_id
    WHERE c.job_id = ANY(%s) AND j.state = 'running' ORDER BY c.job_id, c.attempt DESC
"""
SELECT_LOST: LiteralString = """
    SELECT c.job_id::text AS job_id FROM drill.claims c JOIN jobs j ON j.id = c.job_id
    WHERE c.job_id = ANY(%s) AND c.worker = %s AND c.attempt < j.attempt
"""
SELECT_TENANT: LiteralString = "SELECT tenant_id::text AS id FROM documents LIMIT 1"


class Signal(StrEnum):
    """What happens to whoever has a job."""

    KILLED = "kill -9"
    FROZEN = "SIGSTOP, SIGCONT when others have ended its jobs"


@dataclass(frozen=True, slots=True)
class After:
    """A moment: so many seconds after the first upload."""

    wait_s: float

    def __str__(self) -> str:
        return f"after {self.wait_s:.2f} s"


@dataclass(frozen=True, slots=True)
class Case:
    """What is done to one ingestion, whose documents the seed draws."""

    signal: Signal
    where: Place | After
    seed: int

    def __str__(self) -> str:
        return f"{self.signal} {self.where}"


@dataclass(frozen=True, slots=True)
class Struck:
    """An ingestion that showed nothing: who was struck, the most attempts of a job, seconds, texts asked for twice."""

    whom: str
    attempts: int
    took_s: float
    chunks: int
    again: int


class Drill:
    """Strikes ingestions, one at a time."""

    def __init__(self, crew: Crew, holds: Holds, places: Places) -> None:
        self.crew = crew
        self._holds = holds
        self._places = places
        self._sources = list[Source]()
        self._client = Calls(crew.doors()[0], crew.key)

    def errors(self) -> list[str]:
        """Return the lines that tell of an error, but for whoever met a row that a frozen worker has locked.

        Such a claim ends after five seconds, before anything was done, and the job is found lost and queued again.
        """
        return [line for line in self.crew.errors() if LOCKED not in line]

    def undisturbed(self, seed: int) -> float:
        """Read documents in that nobody disturbs; return how many seconds that took. Raises DrillFailed."""
        return self._try(Case(Signal.KILLED, After(0.0), seed), is_struck=False).took_s

    def strike(self, case: Case) -> Struck | None:
        """Upload, strike, wait for the end, compare; None when all had ended before the blow. Raises DrillFailed."""
        struck = self._try(case)
        return struck if struck.whom else None

    def _try(self, case: Case, *, is_struck: bool = True) -> Struck:
        if case.signal is Signal.FROZEN:
            self.crew.await_all()
        else:
            self.crew.await_any_worker()
        sources = corpus(random.Random(case.seed))  # noqa: S311 - samples, not secrets
        asked, told, began = len(self.crew.calls()), usage(self._places), time.monotonic()
        if is_struck and isinstance(case.where, Place):
            self._holds.arm(case.where)
        whom = ""
        try:
            job_ids = [str(self._client.upload(one.name, one.content, one.media_type)["job_id"]) for one in sources]
            if is_struck:
                whom = self._blow(case, sources, job_ids, began)
        finally:
            self._holds.release()
            self.crew.wake_all()
        self._await_ended(job_ids)
        took_s = time.monotonic() - began
        self._sources += sources
        return self._compared(sources, asked, told, whom, took_s)

    def _blow(self, case: Case, sources: Sequence[Source], job_ids: Sequence[str], began: float) -> str:
        """Strike whoever has a job; returns whom, or nothing when all had ended."""
        match case.where:
            case Place():
                victim = self._holds.await_reached(case.where)
            case After():
                time.sleep(max(0.0, began + case.where.wait_s - time.monotonic()))
                victim = self._owner(job_ids, random.Random(case.seed))  # noqa: S311 - samples
            case _:
                assert_never(case.where)
        if not victim:
            return ""
        match case.signal:
            case Signal.KILLED:
                self.crew.kill(victim)
                self._holds.release()
                self.crew.revive(victim)
            case Signal.FROZEN:
                self.crew.freeze(victim)
                self._holds.release()
                self._wake_late(victim, sources, job_ids)
            case _:
                assert_never(case.signal)
        return victim

    def _owner(self, job_ids: Sequence[str], rng: random.Random) -> str:
        """Return a worker that has one of the jobs, or any while nobody has; nothing when all have ended."""
        owners = [str(row["worker"]) for row in self._places.conn.execute(SELECT_OWNERS, (list(job_ids),)).fetchall()]
        if owners:
            return rng.choice(sorted(set(owners)))
        return "" if self._have_ended(job_ids) else rng.choice(self.crew.workers)

    def _wake_late(self, victim: str, sources: Sequence[Source], job_ids: Sequence[str]) -> None:
        """Wake a frozen worker when others have ended its jobs, and hold what stands then against what stood."""
        self._await_ended(job_ids)
        before = [_rows(stored(self._places, source)) for source in sources]
        self.crew.wake(victim)
        lost = self._places.conn.execute(SELECT_LOST, (list(job_ids), victim)).fetchall()
        for row in lost:
            if not poll_until(partial(self.crew.tells, victim, '"job.lost"', row["job_id"]), SETTLED_S):
                raise DrillFailed(f"{victim} woke, and did not notice that job {row['job_id']} was another's")
        if before != [_rows(stored(self._places, source)) for source in sources]:
            raise DrillFailed(f"{victim} woke, and wrote to what another had ended")

    def _have_ended(self, job_ids: Sequence[str]) -> bool:
        self.crew.tick()
        return all(self._client.job(job_id)["status"] in {"done", "failed", "cancelled"} for job_id in job_ids)

    def _await_ended(self, job_ids: Sequence[str]) -> None:
        if not poll_until(lambda: self._have_ended(job_ids), ENDED_S, 0.2):
            stand = [self._client.job(job_id) for job_id in job_ids]
            raise DrillFailed(f"not ended after {ENDED_S:g} s: {stand}")

    def _compared(
        self, sources: Sequence[Source], asked: int, told: Mapping[str, int], whom: str, took_s: float
    ) -> Struck:
        found = [stored(self._places, source) for source in sources]
        # Before anything is searched: a question is embedded too.
        calls = _texts_asked(self.crew.calls(asked), {text for one in found for text in one.texts})
        wrong = [what for source in sources for what in differences(self._places, self._client, source)]
        wrong += [*self._of_usage(len(calls), told, AT_ONCE if whom else 0), *_of_texts(found, calls)]
        row = self._places.conn.execute(SELECT_TENANT).fetchone()
        wrong += strangers(self._places, "" if row is None else row["id"], self._sources)
        if wrong:
            raise DrillFailed("; ".join(wrong))
        times = Counter(text for call in calls for text in call)
        again = sum(count - 1 for count in times.values())
        attempts = max(job["attempt"] for one in found for job in one.jobs)
        return Struck(whom, attempts, took_s, sum(len(one.chunks) for one in found), again)

    def _of_usage(self, calls: int, told: Mapping[str, int], spare: int) -> Iterator[str]:
        """Each call has its row, but for those of a worker that was killed; rows of lost calls come a little later."""

        def rows() -> int:
            return sum(usage(self._places).values()) - sum(told.values())

        if not poll_until(lambda: calls - spare <= rows() <= calls + spare, TOLD_S):
            yield f"{rows()} usage rows for {calls} calls"


class _Embedding(msgspec.Struct):
    """What a call to embed holds; another call holds no texts."""

    input: list[str] | str = []


def _rows(found: Stored) -> tuple[object, ...]:
    """Return what stands of a document; a row that was written again, the same as before, is another."""
    return found.documents, found.jobs, found.chunks, found.text


def _texts_asked(calls: Sequence[Json], known: set[str]) -> list[list[str]]:
    """Return the texts of each call that embedded chunks of these documents."""
    asked = [_texts(call) for call in calls]
    return [texts for texts in asked if known.intersection(texts)]


def _texts(call: Json) -> list[str]:
    texts = msgspec.convert(call["body"], _Embedding).input
    return [texts] if isinstance(texts, str) else texts


def _of_texts(found: Sequence[Stored], calls: Sequence[Sequence[str]]) -> Iterator[str]:
    asked = {text for call in calls for text in call}
    missing = sum(1 for one in found for text in one.texts if text not in asked)
    if missing:
        yield f"{missing} chunks were never embedded"


@contextmanager
def open_drill(
    directory: Path,
    environ: Mapping[str, str],
    stores: Stores,
    *,
    workers: int = 2,
    told: Mapping[str, str] = MappingProxyType({}),
) -> Generator[Drill]:
    """Start a replica and workers over migrated stores; `told` are more settings. Raises LocalProblem, DrillFailed."""
    settings = {"JOB_LEASE_S": f"{LEASE_S:g}", **told}
    with ExitStack() as stack:
        running = stack.enter_context(
            open_crew(directory, environ, stores, replicas=1, workers=workers, told=settings, double=DOUBLE)
        )
        holds = stack.enter_context(open_holds(stores.database_url, PLACES))
        conn = stack.enter_context(Conn.connect(stores.database_url, autocommit=True, row_factory=dict_row))
        collection = settings.get("QDRANT_COLLECTION", COLLECTION)
        blobs = running.application.blobs
        yield Drill(running, holds, Places(conn, stores.qdrant_urls[0], collection, running.url(NODE), blobs))
