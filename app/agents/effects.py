"""Model and tool calls of a run, each done once: its result is stored before the run goes on."""

import hashlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, LiteralString, TypeVar
from uuid import UUID

import msgspec

from app.agents.run_failure import RunFailure
from app.agents.values import Claim
from app.degradation import Degradation
from app.errors import LeaseLost, RunFailed
from app.inference.calls import usage_rows
from app.inference.words.records import Usage
from app.postgres import Connection, Database
from app.statement import Part, execute

T = TypeVar("T")

SELECT_EFFECTS: LiteralString = """
    SELECT step_key, input_sha256, result, degraded FROM effects WHERE run_id = %(run_id)s AND tenant_id = %(tenant_id)s
"""
# The row lock makes a takeover wait for this commit, or this commit fail on the takeover's fence.
HOLD_RUN: LiteralString = """held AS (
    SELECT 1 FROM runs
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND fence = %(fence)s AND state = 'running'
    FOR SHARE
)"""
ADD_EFFECT: LiteralString = """performed AS (
    INSERT INTO effects (run_id, step_key, tenant_id, input_sha256, result, gpu_us, cost_usd_micro, fence, degraded)
    SELECT %(run_id)s, %(step_key)s, %(tenant_id)s, %(input_sha256)s, %(brought)s, %(gpu_us)s, %(cost_usd_micro)s,
           %(fence)s, %(lacked)s
    FROM held
)"""


class Done(msgspec.Struct, Generic[T], frozen=True):
    """What an effect brought: its result, the model calls it took, and what it had to do without."""

    result: T
    usages: tuple[Usage, ...] = ()
    degraded: tuple[Degradation, ...] = ()


class Effect(msgspec.Struct, Generic[T], frozen=True):
    """One effect of a run: its place and input, and what it brought where it is done already."""

    step_key: str
    input_sha256: bytes
    result: T | None = None
    """None: it is to be performed."""


class Stored(msgspec.Struct, frozen=True):
    """An effect as it stands in PostgreSQL."""

    input_sha256: bytes
    result: bytes


class Finished(msgspec.Struct, frozen=True):
    """An effect that waits to be committed."""

    step_key: str
    input_sha256: bytes
    result: bytes
    usages: tuple[Usage, ...]
    degraded: tuple[Degradation, ...] = ()


class Effects:
    """The effects of one claim. A step key is graph path plus ordinal, so that parallel steps never share a counter."""

    def __init__(self, database: Database, claim: Claim) -> None:
        self._database = database
        self._claim = claim
        self._stored: dict[str, Stored] = {}
        self._ordinals: defaultdict[str, int] = defaultdict(int)
        self._last: Finished | None = None
        self.stored_calls: set[UUID] = set()
        """The calls whose usage was stored with what they brought."""
        self.degraded: set[Degradation] = set()
        """What the effects of the run had to do without, also those of earlier attempts."""
        self.reused = 0
        self.has_ventured = False
        """Whether a commit was sent: of one whose reply never came nobody knows whether it stands."""
        self._committed = 0

    @property
    def kept(self) -> int:
        """How many effects of the run are stored, as far as this attempt knows."""
        return len(self._stored) + self._committed

    async def load(self) -> None:
        """Read what earlier attempts have finished. Raises StoreUnavailable."""
        async with self._database.connection("effects.load") as conn:
            rows = await conn.execute(SELECT_EFFECTS, self._ids())
            async for row in rows:
                self._stored[row["step_key"]] = Stored(bytes(row["input_sha256"]), bytes(row["result"]))
                self.degraded.update(map(Degradation, row["degraded"]))

    async def begin(self, path: str, given: object, result_type: type[T]) -> Effect[T]:
        """Return the next effect under `path`: with its result, or to be performed and then kept with `keep`.

        `given` is all that the effect depends on; it must encode to the same bytes in every attempt.
        Raises RunFailed(run_diverged) when the stored effect had another input, LeaseLost when another process
        owns the run, StoreUnavailable.
        """
        effect = self.find(path, given, result_type)
        if effect.result is None and self._last is not None:
            waiting, self._last = self._last, None
            await self._commit(waiting)
        return effect

    async def keep(self, effect: Effect[T], done: Done[T], *, last: bool = False) -> T:
        """Store what an effect brought, and return it. Raises LeaseLost, StoreUnavailable.

        With `last` the commit waits for the next effect or the end of the run, in one transaction with the answer.
        """
        self.degraded.update(done.degraded)
        finished = Finished(
            effect.step_key, effect.input_sha256, msgspec.msgpack.encode(done.result), done.usages, done.degraded
        )
        if last:
            self._last = finished
        else:
            await self._commit(finished)
        return done.result

    async def once(self, path: str, given: object, act: Callable[[], Awaitable[Done[T]]], result_type: type[T]) -> T:
        """Return the result of the next effect under `path`, which `act` performs if it is not done. See `begin`."""
        effect = await self.begin(path, given, result_type)
        return await self.keep(effect, await act()) if effect.result is None else effect.result

    async def once_within(
        self, path: str, given: object, act: Callable[[Connection], Awaitable[T]], result_type: type[T]
    ) -> T:
        """Like `once`, for what is done in PostgreSQL: what `act` writes and its result are committed together."""
        effect = await self.begin(path, given, result_type)
        if effect.result is not None:
            return effect.result
        self.has_ventured = True
        async with self._database.transaction("effects.commit") as conn:
            await self._hold(conn)
            result = await act(conn)
            encoded = msgspec.msgpack.encode(result)
            await self._insert(conn, Finished(effect.step_key, effect.input_sha256, encoded, ()))
        self._committed += 1
        return result

    def find(self, path: str, given: object, result_type: type[T]) -> Effect[T]:
        """Return the next effect under `path`, and its result if it is there. Raises RunFailed(run_diverged)."""
        key, input_sha256 = self.number(path), digest_of(given)
        stored = self._stored.get(key)
        if stored is None:
            return Effect(key, input_sha256)
        if stored.input_sha256 != input_sha256:
            raise RunFailed("an effect met another input than the one it is stored for", reason=RunFailure.RUN_DIVERGED)
        self.reused += 1
        return Effect(key, input_sha256, msgspec.msgpack.decode(stored.result, type=result_type))

    def number(self, path: str) -> str:
        """Return the key of the next effect under `path`; no path is ever under way twice at the same time."""
        self._ordinals[path] += 1
        return f"{path}:{self._ordinals[path] - 1}"

    def last(self, *, is_over: bool = False) -> list[Part]:
        """Return what inserts the effect that waits for the end of the run, but not its usage.

        With `is_over` what it brought is the answer, which the end stores as such: the run is never executed again.
        """
        if self._last is None:
            return []
        return [self._adding(msgspec.structs.replace(self._last, result=b"") if is_over else self._last)]

    async def _commit(self, finished: Finished) -> None:
        parts = [self._holding(), self._adding(finished), *usage_rows.adding(finished.usages)]
        self.has_ventured = True
        async with self._database.connection("effects.commit") as conn:
            await _run(conn, parts)
        self.stored_calls.update(one.id for one in finished.usages)
        self._committed += 1

    async def _hold(self, conn: Connection) -> None:
        await _run(conn, [self._holding()])

    async def _insert(self, conn: Connection, finished: Finished) -> None:
        await _run(conn, [self._holding(), self._adding(finished)])

    def _holding(self) -> Part:
        return Part(HOLD_RUN, self._ids() | {"fence": self._claim.fence})

    def _adding(self, finished: Finished) -> Part:
        return Part(
            ADD_EFFECT,
            self._ids()
            | {
                "step_key": finished.step_key,
                "input_sha256": finished.input_sha256,
                "brought": finished.result,
                "gpu_us": sum(one.gpu_us for one in finished.usages),
                "cost_usd_micro": sum(one.cost_usd_micro for one in finished.usages),
                "fence": self._claim.fence,
                "lacked": [what.value for what in finished.degraded],
            },
        )

    def _ids(self) -> dict[str, object]:
        return {"run_id": self._claim.run_id, "tenant_id": self._claim.tenant_id}


async def _run(conn: Connection, parts: Sequence[Part]) -> None:
    if await execute(conn, parts) is None:
        raise LeaseLost("another process owns the run")


def digest_of(given: object) -> bytes:
    """Return what tells the input of an effect from any other."""
    return hashlib.sha256(msgspec.msgpack.encode(given, order="sorted")).digest()
