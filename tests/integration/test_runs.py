"""Runs in PostgreSQL: one owner at a time, one run a session, one run an idempotency key."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from app.agents import run_rows
from app.agents.histories import MESSAGES_READ
from app.agents.life import RunState
from app.agents.prompt_sets import PromptSets
from app.agents.prompts import FrontMatter, Prompt
from app.agents.runs import Runs
from app.agents.sessions import Sessions
from app.agents.values import Claim, OnDisconnect, RunResult, StartRun
from app.errors import BadInput, IdempotencyMismatch, LeaseLost, RunUnknown, SessionBusy, SessionUnknown
from app.ids import Caller, KeyId, RunId, SessionId, TenantId
from app.postgres import Database, make_pool
from app.telemetry.metrics import Metrics

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Bench:
    database: Database
    sessions: Sessions
    caller: Caller

    def runs(
        self,
        owner: str = "replica-1",
        *,
        lease_s: float = 30.0,
        ttl_s: int = 3600,
        prompts: PromptSets | None = None,
    ) -> Runs:
        return Runs(self.database, owner=owner, lease_s=lease_s, session_ttl_s=ttl_s, prompts=prompts)

    def prompts(self, text: str) -> PromptSets:
        """The prompts of a process whose files say this."""
        prompt = Prompt(FrontMatter("assistant/a", 1), text)
        return PromptSets(self.database, {"assistant/a": prompt}, {"assistant": {"assistant/a": ()}})


async def add_caller(database: Database) -> Caller:
    caller = Caller(TenantId(uuid4()), KeyId(uuid4()), f"tenant-{uuid4()}")
    async with database.connection("test") as conn:
        await conn.execute(
            "INSERT INTO tenants (id, name) VALUES (%(id)s, %(name)s)", {"id": caller.tenant_id, "name": caller.tenant}
        )
    return caller


@pytest.fixture
async def bench(postgres_url: str) -> AsyncGenerator[Bench]:
    metrics = Metrics(CollectorRegistry())
    pool = make_pool(postgres_url, size=20, wait_s=10)
    await pool.open()
    database = Database(pool, metrics)
    yield Bench(database, Sessions(database, metrics), await add_caller(database))
    await pool.close()


def question(text: str = "How long is the warranty?", **more: object) -> StartRun:
    return StartRun(question=text, request_id="r1", **more)  # pyright: ignore[reportArgumentType]


async def accepted(runs_: Runs, caller: Caller, ask: StartRun) -> Claim:
    _, claim = await runs_.accept(caller, ask)
    assert claim is not None
    return claim


def done(claim: Claim, text: str = "Two years.") -> RunResult:
    return RunResult(
        run_id=claim.run_id, session_id=claim.session_id, state=RunState.DONE, message=text, agent_used="assistant"
    )


async def end(bench: Bench, claim: Claim, result: RunResult) -> None:
    async with bench.database.connection("test.end") as conn:
        if not await run_rows.end(conn, claim, result):
            raise LeaseLost


async def test_an_accepted_run_is_owned_and_its_question_is_stored(bench: Bench) -> None:
    claim = await accepted(bench.runs(), bench.caller, question(context={"customer_id": "C1"}))
    session = await bench.sessions.get(bench.caller.tenant_id, claim.session_id)
    assert [(message.role, message.content) for message in session.messages] == [("user", "How long is the warranty?")]
    assert session.state == {"customer_id": "C1"}
    assert (await bench.runs().get(bench.caller.tenant_id, claim.run_id)).state is RunState.RUNNING
    assert (claim.fence, claim.attempt, claim.new_session) == (1, 1, True)


async def test_a_second_run_of_a_session_is_refused_until_the_first_ends(bench: Bench) -> None:
    store = bench.runs()
    first = await accepted(store, bench.caller, question())
    with pytest.raises(SessionBusy):
        await store.accept(bench.caller, question(session_id=first.session_id))
    await end(bench, first, done(first))
    second = await accepted(store, bench.caller, question("And for parts?", session_id=first.session_id))
    history = await bench.sessions.history(bench.caller.tenant_id, first.session_id, before=second.run_id)
    assert [turn.content for turn in history.turns] == ["How long is the warranty?", "Two years."]
    assert history.is_whole


async def test_of_a_session_longer_than_is_read_the_newest_whole_turns_come_and_it_says_so(bench: Bench) -> None:
    first = await accepted(bench.runs(), bench.caller, question())
    async with bench.database.connection("test") as conn:
        await conn.execute(
            "INSERT INTO messages (tenant_id, session_id, run_id, role, content)"
            " SELECT %s, %s, %s, CASE n %% 2 WHEN 1 THEN 'user' ELSE 'assistant' END, n::text"
            " FROM generate_series(1, %s) AS n",
            [bench.caller.tenant_id, first.session_id, first.run_id, MESSAGES_READ + 1],
        )
    await end(bench, first, done(first))
    second = await accepted(bench.runs(), bench.caller, question("And a lamp?", session_id=first.session_id))
    history = await bench.sessions.history(bench.caller.tenant_id, first.session_id, before=second.run_id)
    assert not history.is_whole
    # The newest is the answer of the first run; the oldest that is read would be an answer without its question.
    assert [turn.content for turn in history.turns[-3:]] == ["400", "401", "Two years."]
    assert history.turns[0].role == "user"
    assert len(history.turns) in {MESSAGES_READ - 1, MESSAGES_READ}


async def test_fifty_requests_with_one_idempotency_key_are_one_run(bench: Bench) -> None:
    store = bench.runs()
    ask = question(idempotency_key="k1", on_disconnect=OnDisconnect.CONTINUE)
    handles = await asyncio.gather(*(store.accept(bench.caller, ask) for _ in range(50)))
    assert len({handle.run_id for handle, _ in handles}) == 1
    assert sum(claim is not None for _, claim in handles) == 1
    assert sum(handle.replayed for handle, _ in handles) == 49


async def test_an_idempotency_key_is_the_tenants_own_and_names_one_request(bench: Bench) -> None:
    store = bench.runs()
    first = await accepted(store, bench.caller, question(idempotency_key="k2"))
    with pytest.raises(IdempotencyMismatch):
        await store.accept(bench.caller, question("Another question?", idempotency_key="k2"))
    other = await accepted(store, await add_caller(bench.database), question(idempotency_key="k2"))
    assert other.run_id != first.run_id


async def test_a_refused_run_frees_its_key_and_leaves_no_message(bench: Bench) -> None:
    store = bench.runs()
    first = await accepted(store, bench.caller, question(idempotency_key="k3"))
    refused = RunResult(run_id=first.run_id, session_id=first.session_id, state=RunState.REFUSED, error_code="x")
    await end(bench, first, refused)
    assert (await bench.sessions.get(bench.caller.tenant_id, first.session_id)).messages == ()
    second = await accepted(store, bench.caller, question(idempotency_key="k3"))
    assert second.run_id != first.run_id
    assert (await store.get(bench.caller.tenant_id, first.run_id)).state is RunState.REFUSED


async def test_another_tenants_session_and_run_are_unknown(bench: Bench) -> None:
    store = bench.runs()
    claim = await accepted(store, bench.caller, question())
    stranger = await add_caller(bench.database)
    with pytest.raises(SessionUnknown):
        await store.accept(stranger, question(session_id=claim.session_id))
    with pytest.raises(RunUnknown):
        await store.get(stranger.tenant_id, claim.run_id)
    with pytest.raises(SessionUnknown):
        await bench.sessions.get(stranger.tenant_id, claim.session_id)
    with pytest.raises(SessionUnknown):
        await bench.sessions.remove(stranger.tenant_id, claim.session_id)


@pytest.mark.requirement("INS-36.expires")
async def test_an_expired_session_is_unknown_and_a_refused_request_leaves_nothing(bench: Bench) -> None:
    store = bench.runs(ttl_s=0)
    claim = await accepted(store, bench.caller, question())
    await end(bench, claim, done(claim))
    with pytest.raises(SessionUnknown):
        await store.accept(bench.caller, question(session_id=claim.session_id))
    with pytest.raises(SessionUnknown):
        await store.accept(bench.caller, question(session_id=SessionId(uuid4())))
    assert await bench.sessions.list(bench.caller.tenant_id, limit=10) == []


@pytest.mark.requirement("FAM-02.pool", "FAM-12.once")
async def test_of_many_workers_one_takes_over_an_expired_run(bench: Bench) -> None:
    claim = await accepted(bench.runs(lease_s=0.0), bench.caller, question())
    workers = [bench.runs(f"worker-{n}") for n in range(8)]
    claims = await asyncio.gather(*(worker.claim_expired(claim.run_id) for worker in workers))
    won = [taken for taken in claims if taken is not None]
    assert len(won) == 1
    assert (won[0].fence, won[0].attempt, won[0].lost, won[0].question) == (2, 2, 1, claim.question)


async def test_a_run_whose_lease_holds_is_not_taken(bench: Bench) -> None:
    claim = await accepted(bench.runs(), bench.caller, question())
    assert await bench.runs("worker-1").claim_expired(claim.run_id) is None
    assert claim.run_id not in await bench.runs().expired()


async def test_an_owner_that_slept_through_its_lease_cannot_write_the_end(bench: Bench) -> None:
    old = await accepted(bench.runs(lease_s=0.0), bench.caller, question())
    new = await bench.runs("worker-1").claim_expired(old.run_id)
    assert new is not None
    with pytest.raises(LeaseLost):
        await end(bench, old, done(old, "the sleeper's answer"))
    await end(bench, new, done(new, "the owner's answer"))
    result = await bench.runs().get(bench.caller.tenant_id, old.run_id)
    assert result.message == "the owner's answer"
    messages = (await bench.sessions.get(bench.caller.tenant_id, old.session_id)).messages
    assert [message.content for message in messages if message.role == "assistant"] == ["the owner's answer"]


async def test_renewal_tells_which_runs_are_still_ours_and_which_should_stop(bench: Bench) -> None:
    store = bench.runs()
    mine = await accepted(store, bench.caller, question())
    wanted = await accepted(store, bench.caller, question())
    lost = await accepted(bench.runs("replica-2"), bench.caller, question())
    await store.ask_cancel(bench.caller.tenant_id, wanted.run_id)
    renewed = {row.run_id: row.cancel_asked for row in await store.renew([mine.run_id, wanted.run_id, lost.run_id])}
    assert renewed == {mine.run_id: False, wanted.run_id: True}


async def test_a_run_that_is_let_go_can_be_taken_at_once(bench: Bench) -> None:
    store = bench.runs()
    claim = await accepted(store, bench.caller, question())
    await store.hand_over(claim)
    taken = await bench.runs("worker-1").claim_expired(claim.run_id)
    assert taken is not None
    # Its owner did not die, so that does not count towards giving it up.
    assert (taken.fence, taken.attempt, taken.lost) == (2, 2, 0)


async def test_an_owner_that_was_overtaken_lets_go_of_nothing(bench: Bench) -> None:
    store, worker = bench.runs(lease_s=0.0), bench.runs("worker-1")
    claim = await accepted(store, bench.caller, question())
    assert await worker.claim_expired(claim.run_id) is not None
    await store.hand_over(claim)
    assert [row.run_id for row in await worker.renew([claim.run_id])] == [claim.run_id]


async def test_a_session_with_a_run_under_way_is_not_removed_and_later_takes_all_with_it(bench: Bench) -> None:
    claim = await accepted(bench.runs(), bench.caller, question())
    with pytest.raises(SessionBusy):
        await bench.sessions.remove(bench.caller.tenant_id, claim.session_id)
    await end(bench, claim, done(claim))
    await bench.sessions.remove(bench.caller.tenant_id, claim.session_id)
    with pytest.raises(RunUnknown):
        await bench.runs().get(bench.caller.tenant_id, claim.run_id)


async def test_sessions_are_listed_page_by_page_latest_first(bench: Bench) -> None:
    store = bench.runs()
    made = [(await accepted(store, bench.caller, question())).session_id for _ in range(5)]
    first = await bench.sessions.list(bench.caller.tenant_id, limit=3)
    last = first[-1]
    rest = await bench.sessions.list(bench.caller.tenant_id, limit=3, before=(last.last_activity, last.session_id))
    assert [view.session_id for view in (*first, *rest)] == made[::-1]


async def test_an_unknown_run_is_unknown(bench: Bench) -> None:
    with pytest.raises(RunUnknown):
        await bench.runs().get(bench.caller.tenant_id, RunId(uuid4()))


async def test_a_session_remembers_a_bounded_context(bench: Bench) -> None:
    runs = bench.runs()
    first = await accepted(runs, bench.caller, question(context={f"first {n}": "x" for n in range(32)}))
    await end(bench, first, done(first))
    second = await accepted(
        runs, bench.caller, question(session_id=first.session_id, context={f"second {n}": "x" for n in range(32)})
    )
    await end(bench, second, done(second))
    with pytest.raises(BadInput, match="at most 64"):
        await runs.accept(bench.caller, question(session_id=first.session_id, context={"one more": "x"}))
    again = await accepted(runs, bench.caller, question(session_id=first.session_id, context={"first 0": "y"}))
    assert again.context == {"first 0": "y"}


async def test_who_takes_a_run_over_has_the_prompts_that_it_began_with(bench: Bench) -> None:
    before, after = bench.prompts("Be brief."), bench.prompts("Be long.")
    begun = await accepted(bench.runs(lease_s=0.0, prompts=before), bench.caller, question())
    taken = await bench.runs("worker-1", prompts=after).claim_expired(begun.run_id)
    assert taken is not None
    assert (begun.prompts_sha256, taken.prompts_sha256) == (before.digest("assistant"),) * 2
    assert (await after.of(taken))["assistant/a"].text == "Be brief."
    fresh = await accepted(bench.runs(prompts=after), bench.caller, question())
    assert (await after.of(fresh))["assistant/a"].text == "Be long."


async def test_a_run_of_a_team_of_another_version_is_left_to_that_for_an_hour(bench: Bench) -> None:
    begun = await accepted(bench.runs(lease_s=0.0), bench.caller, question(team="later"))
    worker = bench.runs("worker-1", prompts=bench.prompts("Be brief."))
    assert begun.run_id not in await worker.expired()
    assert await worker.claim_expired(begun.run_id) is None
    async with bench.database.connection("test") as conn:
        await conn.execute("UPDATE runs SET lease_until = now() - interval '2 hours' WHERE id = %s", [begun.run_id])
    assert begun.run_id in await worker.expired()
    assert await worker.claim_expired(begun.run_id) is not None
