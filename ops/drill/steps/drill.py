"""One run with its blows: whoever works on it is killed or frozen somewhere, and the run must not show it."""

import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import assert_never

from ops.drill.application import Stores
from ops.drill.calls import Calls
from ops.drill.client import Reader
from ops.drill.holds import REACHED_S, Holds, Place, open_holds
from ops.drill.steps.conversation import Conversation, read_whole
from ops.drill.steps.crew import LEASE_S, Crew, open_crew
from ops.drill.steps.places import PLACES
from ops.drill.steps.record import Ledger, Record, differences, record_of
from ops.drill.steps.scenarios import DOCUMENTS, Scenario
from ops.drill.target import DrillFailed
from ops.local.process import poll_until

TICK_S = 0.02
ASKS = {"chat": '"num_predict"', "embed": '"input"'}
"""What the body of a call holds, by its kind; what only loads a model holds neither."""
TAKEN_S = LEASE_S + 20.0
"""A frozen process may hold its run's row for as long as PostgreSQL bears an idle transaction: 10 s."""


class Signal(StrEnum):
    """What happens to whoever works on the run."""

    KILLED = "kill -9"
    FROZEN = "SIGSTOP, SIGCONT once another has the run"
    FROZEN_LONG = "SIGSTOP, SIGCONT after the run's end"


@dataclass(frozen=True, slots=True)
class Spoken:
    """A place at the node: the run's n-th call of a kind, counted from 0, when it has said so many tokens."""

    kind: str
    call: int
    tokens: int

    def __str__(self) -> str:
        return f"{self.kind} call {self.call} at {self.tokens} tokens"


@dataclass(frozen=True, slots=True)
class After:
    """A moment: so many seconds after the question, or after the blow before."""

    wait_s: float

    def __str__(self) -> str:
        return f"after {self.wait_s:.2f} s"


Where = Place | Spoken | After


@dataclass(frozen=True, slots=True)
class Blow:
    """What happens, and where in the run."""

    signal: Signal
    where: Where


@dataclass(frozen=True, slots=True)
class Struck:
    """A run that showed nothing: who was struck, in how many attempts it ended, and how long that took."""

    whom: tuple[str, ...]
    attempts: int
    took_s: float
    restarts: int


class Drill:
    """Strikes runs, one at a time."""

    def __init__(self, crew: Crew, holds: Holds, ledger: Ledger) -> None:
        self.crew = crew
        self._holds = holds
        self.ledger = ledger
        self._turn = self._calls = self._scripts = 0

    def undisturbed(self, scenario: Scenario) -> tuple[Record, float]:
        """Return the record of a run that nobody disturbs, and how many seconds it took. Raises DrillFailed."""
        self._begin()
        filed, began = self.ledger.filed(), time.monotonic()
        conversation = self.converse(scenario, is_patient=True)
        conversation.start()
        conversation.join()
        took_s = time.monotonic() - began
        self._finish(conversation)
        return self._record(conversation, filed), took_s

    def strike(self, scenario: Scenario, undisturbed: Record, blows: tuple[Blow, ...], *, is_patient: bool) -> Struck:
        """Ask, strike, wait for the end, compare. With `is_patient` the client stays with a frozen replica.

        Raises DrillFailed at what differs.
        """
        self._begin()
        filed, began = self.ledger.filed(), time.monotonic()
        self._arm(blows[0].where)
        conversation = self.converse(scenario, is_patient=is_patient)
        conversation.start()
        whom = list[str]()
        try:
            whom += filter(None, (self._blow(conversation, blow) for blow in blows))
        finally:
            self._holds.release()
            self._finish(conversation)
        took_s, found = time.monotonic() - began, self._record(conversation, filed)
        # Not at whoever was struck: that may remember what it told after it had lost the run.
        doors = [door for door in self.crew.doors() if self.crew.name_of(door) not in whom] or self.crew.doors()
        wrong = list(differences(undisturbed, found, read_whole(doors[0], self.crew.key, found.run_id)))
        if wrong:
            raise DrillFailed(f"run {found.run_id}: {'; '.join(wrong)}")
        return Struck(tuple(whom), found.attempts, took_s, conversation.reader.restarts)

    def _begin(self) -> None:
        self.crew.await_able()
        self.crew.forget_vectors()
        self.ledger.clear_bookings()
        self._turn += 1
        self._calls = len(self.crew.calls())

    def converse(
        self,
        scenario: Scenario,
        *,
        is_patient: bool,
        at: str = "",
        reader: Reader | None = None,
        idempotency_key: str | None = None,
    ) -> Conversation:
        """Return a client that begins at a replica, or, in turn, with another one each time."""
        turn = self._turn

        def doors() -> list[str]:
            urls = self.crew.doors()
            wanted = self.crew.url(at) if at else urls[turn % len(urls)] if urls else ""
            return sorted(urls, key=lambda url: url != wanted)

        return Conversation(
            doors, self.crew.key, scenario, is_patient=is_patient, reader=reader, idempotency_key=idempotency_key
        )

    def _arm(self, where: Where) -> None:
        match where:
            case Place():
                self._holds.arm(where)
            case Spoken():
                hang = {"asks": ASKS[where.kind], "skip": where.call, "hang_after": where.tokens}
                self._scripts = self.crew.tell_node(hang)
            case After():
                pass
            case _:
                assert_never(where)

    def _blow(self, conversation: Conversation, blow: Blow) -> str:
        """Strike whoever works on the run; returns whom, or nothing when the run had ended."""
        held = self._come_to(conversation, blow.where)
        row = self.ledger.run(conversation.idempotency_key)
        owner = "" if row is None or row["lease_owner"] is None else str(row["lease_owner"]).partition(":")[0]
        victim = held or owner or self.crew.name_of(conversation.door)
        if conversation.is_over or self.crew.is_away(victim):
            self._holds.release()
            return ""
        if blow.signal is Signal.KILLED:
            self.crew.kill(victim)
            self._holds.release()
            self.crew.revive(victim)
            return victim
        self.crew.freeze(victim)
        self._holds.release()
        # Beside other work a worker that was ended starts slowly: its absence says nothing of the run.
        self.crew.await_any_worker()
        self._await_moved(conversation, victim)
        if blow.signal is Signal.FROZEN:
            self.crew.wake(victim)
        return victim

    def _come_to(self, conversation: Conversation, where: Where) -> str:
        """Wait for the moment; return who is held there, if somebody is."""
        match where:
            case Place():
                return self._holds.await_reached(where)
            case Spoken():
                self._await_spoken(where)
            case After():
                poll_until(lambda: conversation.is_over, where.wait_s, 0.01)
            case _:
                assert_never(where)
        return ""

    def _await_spoken(self, where: Spoken) -> None:
        def hangs() -> bool:
            if self.crew.scripts() >= self._scripts:
                return False
            newest = self.crew.calls(self._calls)[-1]
            return newest["tokens"] >= where.tokens

        if not poll_until(hangs, REACHED_S, 0.02):
            raise DrillFailed(f"the run did not come to {where} within {REACHED_S:g} s")

    def _await_moved(self, conversation: Conversation, victim: str) -> None:
        """Wait until the run is another's, waits, or has ended; of one that is not stored, for as long as a lease."""

        def has_moved() -> bool:
            self.crew.tick()
            row = self.ledger.run(conversation.idempotency_key)
            return row is not None and not str(row["lease_owner"]).startswith(f"{victim}:")

        if self.ledger.run(conversation.idempotency_key) is None:
            poll_until(has_moved, LEASE_S)
        elif not poll_until(has_moved, TAKEN_S):
            raise DrillFailed(f"nobody took the run over from {victim}, which is frozen, within {TAKEN_S:g} s")

    def _finish(self, conversation: Conversation) -> None:
        """Wait for the client's end, and until whoever was struck is back and works on nothing."""
        try:
            while not conversation.is_over:
                self.crew.tick()
                time.sleep(TICK_S)
            conversation.join()
        finally:
            self.crew.wake_all()
        self.crew.await_idle()

    def _record(self, conversation: Conversation, filed: set[object]) -> Record:
        row, made = self.ledger.run(conversation.idempotency_key), self.ledger.runs(conversation.idempotency_key)
        if row is None or made != 1:
            raise DrillFailed(f"the request made {made} runs")
        return record_of(self.ledger, conversation.reader, row, filed, self.crew.view(str(row["id"])))


@contextmanager
def open_drill(
    directory: Path,
    environ: Mapping[str, str],
    stores: Stores,
    *,
    replicas: int,
    workers: int,
    told: Mapping[str, str] = MappingProxyType({}),
) -> Generator[Drill]:
    """Start a crew over migrated stores, with documents to cite; `told` are more settings.

    Raises LocalProblem, DrillFailed, httpx.HTTPError.
    """
    with ExitStack() as stack:
        running = stack.enter_context(
            open_crew(directory, environ, stores, replicas=replicas, workers=workers, told=told)
        )
        holds = stack.enter_context(open_holds(stores.database_url, PLACES))
        ledger = stack.enter_context(closing(Ledger(stores.database_url)))
        calls = Calls(running.doors()[0], running.key)
        for name, text in DOCUMENTS.items():
            calls.await_job(str(calls.upload(name, text)["job_id"]), ("done",))
        yield Drill(running, holds, ledger)
