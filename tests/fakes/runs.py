"""One run's parts without a database: its claim, its log, its row."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

from app.agents.effects import Effects, Finished, Stored
from app.agents.event_log import Entry, EventLog
from app.agents.runs import Runs
from app.agents.values import Claim, OnDisconnect, RunOptions, RunResult
from app.errors import StoreUnavailable
from app.ids import RunId, SessionId, TenantId
from app.postgres import Connection, Database
from app.redis import RedisStore

CLAIM = Claim(
    run_id=RunId(UUID(int=1)),
    tenant_id=TenantId(UUID(int=2)),
    key_id=None,
    session_id=SessionId(UUID(int=3)),
    team="assistant",
    question="?",
    context={},
    options=RunOptions(),
    on_disconnect=OnDisconnect.CANCEL,
    request_id="r",
    fence=1,
    attempt=1,
    asked_at=datetime(2026, 3, 1, tzinfo=UTC),
    started_at=datetime(2026, 3, 1, tzinfo=UTC),
)


class KeptEffects(Effects):
    """Effects that are kept in memory, in the order of their commits."""

    def __init__(self, database: Database | None = None) -> None:
        super().__init__(cast("Database", database), CLAIM)
        self.finished: list[Finished] = []

    async def _commit(self, finished: Finished) -> None:
        self.finished.append(finished)

    async def _insert(self, conn: Connection, finished: Finished) -> None:
        del conn
        self.finished.append(finished)

    async def _hold(self, conn: Connection) -> None:
        del conn

    def again(self, *, without: Sequence[str] = ()) -> "KeptEffects":
        """Return those of the next attempt: all that was committed is stored, but for the keys `without`."""
        later = KeptEffects(self._database)
        later._stored = {
            one.step_key: Stored(one.input_sha256, one.result) for one in self.finished if one.step_key not in without
        }
        later._stored |= self._stored
        later.degraded = {what for one in self.finished for what in one.degraded}
        return later

    @property
    def waiting(self) -> list[Finished]:
        """What waits for the next effect, or the end."""
        return [] if self._last is None else [self._last]

    def put(self, key: str, input_sha256: bytes, result: bytes) -> None:
        """Store what somebody else brought."""
        self._stored[key] = Stored(input_sha256, result)

    @property
    def keys(self) -> list[str]:
        """The keys of what was committed, in order."""
        return [one.step_key for one in self.finished]


class KeptLog(EventLog):
    """A log in memory; while `is_away` nothing can be read of it or written to it."""

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        super().__init__(cast("RedisStore", None), ttl_s=60)
        self.entries = list(entries)
        self.is_away = False

    async def append(self, run_id: RunId, entries: Sequence[Entry]) -> None:
        """Keep them."""
        assert run_id == CLAIM.run_id
        self._check()
        self.entries.extend(entries)

    async def read(self, run_id: RunId, after: bytes = b"-") -> tuple[list[Entry], bytes]:
        """Return what came after the number of entries `after`."""
        assert run_id == CLAIM.run_id
        self._check()
        start = 0 if after == b"-" else int(after)
        return self.entries[start:], str(len(self.entries)).encode() if self.entries[start:] else after

    def _check(self) -> None:
        if self.is_away:
            raise StoreUnavailable("Redis does not answer", store="coordination")


class KeptRuns(Runs):
    """The row of one run."""

    def __init__(self, result: RunResult) -> None:
        super().__init__(cast("Database", None), owner="test", lease_s=1.0, session_ttl_s=60)
        self.result = result
        self.outages: list[StoreUnavailable] = []
        """What the next looks meet instead."""

    async def get(self, tenant_id: TenantId, run_id: RunId) -> RunResult:
        """Return it."""
        assert (tenant_id, run_id) == (CLAIM.tenant_id, CLAIM.run_id)
        if self.outages:
            raise self.outages.pop(0)
        return self.result
