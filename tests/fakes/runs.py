"""One run's parts without a database: its claim, its log, its row."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

from app.agents.effects import Effects, Finished
from app.agents.event_log import Entry, EventLog
from app.agents.runs import Runs
from app.agents.values import Claim, OnDisconnect, RunOptions, RunResult
from app.errors import StoreUnavailable
from app.ids import RunId, SessionId, TenantId
from app.postgres import Database
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
    started_at=datetime(2026, 3, 1, tzinfo=UTC),
)


class KeptEffects(Effects):
    """Effects that are kept in memory, in the order of their commits."""

    def __init__(self) -> None:
        super().__init__(cast("Database", None), CLAIM)
        self.finished: list[Finished] = []

    async def _commit(self, finished: Finished) -> None:
        self.finished.append(finished)


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

    async def get(self, tenant_id: TenantId, run_id: RunId) -> RunResult:
        """Return it."""
        assert (tenant_id, run_id) == (CLAIM.tenant_id, CLAIM.run_id)
        return self.result
