"""The rows of runs: accept, claim, renew, end, and show."""

from collections.abc import Awaitable, Callable, Sequence
from typing import LiteralString, TypeVar
from uuid import uuid4

import msgspec

from app.agents import resuming, run_rows, run_views, sessions, task_rows, waiting
from app.agents.claims import claim_of
from app.agents.life import RunState
from app.agents.prompt_sets import PromptSets
from app.agents.replays import Named, begin_again, find_named, named_of, request_digest, requeue
from app.agents.resuming import PersonAnswer
from app.agents.values import Claim, RunHandle, RunResult, StartRun
from app.errors import RowExists, RunUnknown, SessionBusy
from app.ids import Caller, RunId, SessionId, TenantId
from app.inference.words.account import Account, Purpose
from app.inference.words.records import CallKind
from app.postgres import Database
from app.statement import Part, plain

# A task that nobody has begun waits for its errand, unless that was lost.
SELECT_EXPIRED: LiteralString = """
    SELECT id, tenant_id FROM runs
    WHERE state IN ('accepted', 'running') AND lease_until < now()
      AND (%(teams)s::text[] IS NULL OR team = ANY(%(teams)s) OR lease_until < now() - interval '1 hour')
      AND (state = 'running' OR lease_until < now() - interval '5 seconds' AND NOT EXISTS (
          SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = 'run:' || runs.id AND status = 'todo'
      ))
    ORDER BY state DESC, lease_until LIMIT %(limit)s
"""
RENEW: LiteralString = """
    UPDATE runs SET lease_until = now() + %(lease_s)s * interval '1 second'
    WHERE id = ANY(%(run_ids)s) AND lease_owner = %(owner)s AND state = 'running'
    RETURNING id, tenant_id, cancel_asked
"""
SELECT_OWNER: LiteralString = "SELECT tenant_id, key_id, session_id FROM runs WHERE id = %(run_id)s"
ASK_CANCEL: LiteralString = """
    UPDATE runs SET cancel_asked = true
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND state IN ('accepted', 'running', 'waiting')
"""

_Kept = TypeVar("_Kept")


class Renewed(msgspec.Struct, frozen=True):
    """A lease that was renewed; `cancel_asked` when its run should stop."""

    run_id: RunId
    cancel_asked: bool


class Runs:
    """The rows of `runs`, as one owner (a replica or a worker) writes them."""

    def __init__(
        self,
        database: Database,
        *,
        owner: str,
        lease_s: float,
        session_ttl_s: int,
        prompts: PromptSets | None = None,
        max_open_tasks: int | None = None,
    ) -> None:
        """Without `prompts`, runs are pinned to none, and those of every team are taken over.

        `max_open_tasks` bounds the tasks of a tenant that have not ended.
        """
        self._database = database
        self._owner = owner
        self._lease_s = lease_s
        self._session_ttl_s = session_ttl_s
        self._prompts = prompts
        self._max_open_tasks = max_open_tasks
        self._teams = None if prompts is None else prompts.teams

    async def accept(self, caller: Caller, ask: StartRun) -> tuple[RunHandle, Claim | None]:
        """Store the run and the question, owned by us; no claim comes back when an idempotency key replays a run.

        A key that names a run whose end was called retryable begins its next attempt, effects kept. Raises
        SessionUnknown, SessionBusy, IdempotencyMismatch, StoreUnavailable.
        """
        return await self._insist(caller, ask, self._accept)

    async def submit(self, caller: Caller, ask: StartRun) -> RunHandle:
        """Store the run and the question, owned by nobody, and the errand that has a worker begin it: all or nothing.

        A key that names a run whose end was called retryable has it begun anew, effects kept. Raises TooManyTasks, and
        as `accept` does.
        """
        return await self._insist(caller, ask, self._submit)

    async def _insist(
        self, caller: Caller, ask: StartRun, act: Callable[[Caller, StartRun], Awaitable[_Kept]]
    ) -> _Kept:
        if self._prompts is not None:
            await self._prompts.keep()
        for last_try in (False, True):
            try:
                return await act(caller, ask)
            except RowExists as error:
                # Two requests raced. With the same idempotency key the second look finds the winner's run.
                if ask.idempotency_key is None or last_try:
                    raise await self._busy(caller.tenant_id, ask.session_id) from error
        raise await self._busy(caller.tenant_id, ask.session_id)

    async def find_replay(self, caller: Caller, ask: StartRun) -> RunHandle | None:
        """Return the run that the request's idempotency key names, if it can be shown without another attempt.

        Raises IdempotencyMismatch, StoreUnavailable.
        """
        if ask.idempotency_key is None:
            return None
        async with self._database.connection("runs.find_replay") as conn:
            named = await find_named(conn, caller, ask)
        return None if named is None or named.is_retryable else named.replay

    async def claim_expired(self, run_id: RunId) -> Claim | None:
        """Take over a run whose lease ran out; None when somebody else did or it has ended. Raises StoreUnavailable."""
        async with self._database.transaction("runs.claim") as conn:
            row = await run_rows.take_over(conn, run_id, owner=self._owner, lease_s=self._lease_s, teams=self._teams)
            if row is None:
                return None
            session = await sessions.facts(conn, TenantId(row["tenant_id"]), SessionId(row["session_id"]))
        return claim_of(row, session)

    async def expired(self, limit: int = 100) -> list[RunId]:
        """Return runs whose lease ran out, oldest first; of unknown teams only those that no other version takes."""
        async with self._database.connection("runs.expired") as conn:
            rows = await conn.execute(SELECT_EXPIRED, {"limit": limit, "teams": self._teams})
            return [RunId(row["id"]) async for row in rows]

    async def renew(self, run_ids: Sequence[RunId]) -> list[Renewed]:
        """Extend our leases by database time; a run that is missing from the answer is not ours any more."""
        async with self._database.connection("runs.renew") as conn:
            rows = await conn.execute(RENEW, {"run_ids": list(run_ids), "owner": self._owner, "lease_s": self._lease_s})
            return [Renewed(RunId(row["id"]), row["cancel_asked"]) async for row in rows]

    async def hand_over(self, claim: Claim) -> None:
        """Give the run up, so that a worker takes it at once. Raises StoreUnavailable."""
        async with self._database.connection("runs.hand_over") as conn:
            await run_rows.hand_over(conn, claim)

    async def get(self, tenant_id: TenantId, run_id: RunId) -> RunResult:
        """Return a run of this tenant. Raises RunUnknown, StoreUnavailable."""
        async with self._database.connection("runs.get") as conn:
            found = await run_views.find(conn, tenant_id, run_id)
        if found is None:
            raise RunUnknown("no such run")
        return found

    async def account(self, run_id: RunId, kind: CallKind) -> Account | None:
        """Return who pays for a call that knows its run only, None where nobody knows the run.

        Raises StoreUnavailable.
        """
        async with self._database.connection("runs.owner") as conn:
            row = await (await conn.execute(SELECT_OWNER, {"run_id": run_id})).fetchone()
        if row is None:
            return None
        purpose = Purpose.CHAT if kind is CallKind.CHAT else Purpose.SEARCH
        return Account(purpose=purpose, run_id=run_id, **row)

    async def answer(
        self, caller: Caller, run_id: RunId, answer: PersonAnswer, *, request_id: str, is_ours: bool
    ) -> tuple[RunHandle, Claim | None]:
        """Store a person's answer; a claim comes back when the run goes on and `is_ours`, else a worker takes it.

        The same answer once more is a replay. Raises RunUnknown, RunNotWaiting, InterruptUnknown, BadInput,
        SessionUnknown, StoreUnavailable.
        """
        resumed = {
            "owner": self._owner if is_ours else None,
            "lease_s": self._lease_s if is_ours else 0.0,
            "request_id": request_id,
        }
        async with self._database.transaction("runs.answer") as conn:
            went = await resuming.take(conn, caller, run_id, answer, resumed, ttl_s=self._session_ttl_s)
        claim = claim_of(*went.claimed) if went.claimed is not None and is_ours else None
        return RunHandle(run_id, went.session_id, replayed=went.is_replay), claim

    async def withdraw(self, tenant_id: TenantId, run_id: RunId) -> bool:
        """End a run that waits, for a person or a worker, as cancelled; False if it does not. Raises RunUnknown."""
        result = await self.get(tenant_id, run_id)
        if result.state not in {RunState.WAITING, RunState.ACCEPTED}:
            return False
        async with self._database.connection("runs.withdraw") as conn:
            return await waiting.withdraw(conn, tenant_id, result)

    async def expire(self, limit: int = 100) -> int:
        """End the runs that have waited for a person too long, and return how many. Raises StoreUnavailable."""
        async with self._database.connection("runs.overdue") as conn:
            overdue = await waiting.overdue(conn, limit)
        ended = 0
        for tenant_id, run_id in overdue:
            result = await self.get(tenant_id, run_id)
            async with self._database.connection("runs.expire") as conn:
                ended += await waiting.expire(conn, tenant_id, result)
        return ended

    async def ask_cancel(self, tenant_id: TenantId, run_id: RunId) -> None:
        """Have the owner of a run stop it. Raises StoreUnavailable."""
        async with self._database.connection("runs.ask_cancel") as conn:
            await conn.execute(ASK_CANCEL, {"run_id": run_id, "tenant_id": tenant_id})

    async def _busy(self, tenant_id: TenantId, session_id: SessionId | None) -> SessionBusy:
        async with self._database.connection("runs.busy") as conn:
            return await waiting.find_busy(conn, tenant_id, session_id)

    async def _accept(self, caller: Caller, ask: StartRun) -> tuple[RunHandle, Claim | None]:
        row, is_new = self._row(caller, ask), ask.session_id is None
        session_id, session = self._session(ask)
        async with self._database.connection("runs.accept") as conn:
            told = await run_rows.accept(conn, session, row, ask.earlier if is_new else ())
            if told["started_at"] is None and told["named_id"] is None:
                await sessions.refuse(conn, caller.tenant_id, session_id)
        if told["started_at"] is None:
            return await self._again(caller, ask, named_of(told, ask))
        claim = claim_of(
            row
            | {"created_at": told["started_at"], "started_at": told["started_at"], "session_tier": told["tier"]}
            | {"context": ask.context, "options": msgspec.to_builtins(ask.options)},
            sessions.SessionFacts(session_id, told["tier"], told["node"]),
            new_session=is_new,
        )
        return RunHandle(claim.run_id, claim.session_id, replayed=False), claim

    async def _submit(self, caller: Caller, ask: StartRun) -> RunHandle:
        session_id, session = self._session(ask)
        run_id = RunId(uuid4())
        row = self._row(caller, ask) | {"id": run_id, "callback_url": ask.callback_url}
        async with self._database.transaction("runs.submit") as conn:
            told = await task_rows.submit(conn, session, row, ask.earlier if ask.session_id is None else ())
            if told["started_at"] is not None:
                if self._max_open_tasks is not None:
                    await task_rows.check_open(conn, caller.tenant_id, self._max_open_tasks)
                await task_rows.send_errand(conn, run_id, ask.options)
                return RunHandle(run_id, session_id, replayed=False)
            if told["named_id"] is None:
                await sessions.refuse(conn, caller.tenant_id, session_id)
            named = named_of(told, ask)
            again = named.is_retryable and await requeue(
                conn, caller.tenant_id, named, request_id=ask.request_id, session_ttl_s=self._session_ttl_s
            )
        if again:
            return RunHandle(named.run_id, named.session_id, replayed=False)
        return named.replay

    def _session(self, ask: StartRun) -> tuple[SessionId, Part]:
        session_id = SessionId(uuid4()) if ask.session_id is None else ask.session_id
        is_new = ask.session_id is None
        return session_id, sessions.begun(session_id, ask.context, ttl_s=self._session_ttl_s, is_new=is_new)

    def _row(self, caller: Caller, ask: StartRun) -> dict[str, object]:
        return {
            "id": uuid4(),
            "tenant_id": caller.tenant_id,
            "key_id": caller.key_id,
            "team": ask.team,
            "question": ask.question,
            "context": plain(ask.context),
            "options": plain(ask.options),
            "on_disconnect": ask.on_disconnect,
            "idempotency_key": ask.idempotency_key,
            "idempotency_sha256": request_digest(ask),
            "owner": self._owner,
            "lease_s": self._lease_s,
            "request_id": ask.request_id,
            "fence": 1,
            "attempt": 1,
            "prompts_sha256": None if self._prompts is None else self._prompts.digest(ask.team),
        }

    async def _again(self, caller: Caller, ask: StartRun, named: Named) -> tuple[RunHandle, Claim | None]:
        if not named.is_retryable:
            return named.replay, None
        async with self._database.transaction("runs.accept") as conn:
            begun = await begin_again(
                conn, caller, ask, named, owner=self._owner, lease_s=self._lease_s, session_ttl_s=self._session_ttl_s
            )
        if begun is None:
            return named.replay, None
        return RunHandle(named.run_id, named.session_id, replayed=False), claim_of(*begun)
