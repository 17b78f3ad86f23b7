"""The life of a run, with real processes: a drain, two at one run, an end by too many deaths, a cold start."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from psycopg.rows import DictRow

from ops.drill.client import Reader
from ops.drill.steps.conversation import Conversation
from ops.drill.steps.crew import DRAIN_S, LEASE_S
from ops.drill.steps.drill import Drill
from ops.drill.steps.scenarios import ESCALATION, KEEPS, Scenario
from ops.drill.target import DrillFailed
from ops.local.process import poll_until

TAKEN_S = LEASE_S + 20.0
EXIT_S = DRAIN_S + 10.0
"""A drain, the 5 s that giving up may take, and the closing of connections."""
ATTEMPTS = 5
UNAVAILABLE = 503
ANSWER_S = 5.0
SEEN = 12
LONG = Scenario("long", "What is my deductible?")
POISON = Scenario("poison", "What is my premium, and what is my deductible, on an unlucky day?")


@dataclass(frozen=True, slots=True)
class Lived:
    """A promise about a run's life, and what was seen of it."""

    promise: str
    seen: str
    failure: str = ""


def drains(drill: Drill) -> Lived:
    """SIGTERM: a short run ends where it is, a long one is given up and goes on elsewhere, nothing new is taken."""
    crew = drill.crew
    crew.await_able()
    crew.tell_node({"asks": _said(LONG), "hang_after": SEEN, "times": 1})
    long = _started(drill, LONG)
    victim = _owner_after(drill, long, lambda: len(long.reader.text) > 0)
    short = _started(drill, KEEPS, at=victim)
    _owner_after(drill, short, lambda: len(short.reader.text) > 0)
    began = time.monotonic()
    crew.ask_to_stop(victim)
    refused = _is_refused(drill, victim)
    first, second = _ended(drill, short, 1), _ended(drill, long, 2)
    took_s, status = crew.await_exit(victim, began, EXIT_S)
    crew.revive(victim)
    if status != 0 or not refused or second["lost"] != 0 or first["attempt"] != 1:
        raise DrillFailed(
            f"status {status}, refused {refused}, {second['lost']} owners lost, {first['attempt']} attempts"
        )
    return Lived(
        "a replica that is stopped takes nothing, ends what is short, hands the rest over, and exits in time",
        f"{victim} exited after {took_s:.1f} s; the long run ended in attempt {second['attempt']}, no owner lost",
    )


def two_at_once(drill: Drill) -> Lived:
    """Two processes work on one run at the same time: the one that lost it gives up silently."""
    crew = drill.crew
    crew.await_able()
    crew.tell_node({"asks": _said(LONG), "hang_after": SEEN, "times": 2})
    client = _started(drill, LONG)
    first = _owner_after(drill, client, lambda: len(client.reader.text) > 0)
    crew.freeze(first)
    second = _owner_after(drill, client, lambda: True, but=first)
    crew.wake(first)
    run_id = client.reader.run_id
    if not poll_until(lambda: crew.tells(first, '"run.lost"', run_id), TAKEN_S, 0.1):
        raise DrillFailed(f"{first} never says that it lost run {run_id}")
    # The other one's call hangs still: its end comes only when that process ends as well.
    crew.kill(second)
    crew.revive(second)
    row = _ended(drill, client, 3)
    return Lived(
        "of two processes at one run, one wins and the other gives up silently",
        f"{first} gave up when it woke, {second} worked on; the run ended in attempt {row['attempt']}",
    )


def dies(drill: Drill) -> Lived:
    """A run whose owner dies five times is given up, with its reason."""
    crew = drill.crew
    crew.tell_node({"asks": _said(POISON), "hang_after": 0, "times": 4 * ATTEMPTS})
    crew.await_able()
    client, owners = _started(drill, POISON), list[str]()
    for attempt in range(1, ATTEMPTS + 1):
        owners.append(_owner_after(drill, client, lambda attempt=attempt: _attempt(drill, client) >= attempt))
        crew.kill(owners[-1])
        crew.revive(owners[-1])
    reader = _await_end(drill, client)
    row = _row(drill, client)
    facts = (row["state"], row["lost"], row["error_code"], reader.end, reader.final.get("reason"))
    if facts != ("dead", ATTEMPTS, "run_failed", "error", "attempts"):
        raise DrillFailed(f"run {reader.run_id}: {facts}")
    return Lived(
        "a run whose owner dies five times is dead, and says why", f"after {', '.join(owners)}: {row['error_detail']}"
    )


def starts_cold(drill: Drill, restart_stores: Callable[[], None]) -> Lived:
    """A run waits while everything is ended and Redis is emptied; then it is answered, and ends."""
    crew = drill.crew
    crew.await_all()
    filed = drill.ledger.filed()
    client = _started(drill, Scenario(ESCALATION.name, ESCALATION.question))
    waited = _await_end(drill, client)
    for name in crew.all:
        crew.kill(name)
    restart_stores()
    drill.ledger.reopen()
    for name in crew.all:
        crew.revive(name)
    crew.await_all()
    client = drill.converse(ESCALATION, is_patient=False, reader=waited, idempotency_key=client.idempotency_key)
    client.start()
    row = _ended(drill, client, 2)
    message, new = client.reader.final["message"], drill.ledger.filed() - filed
    if not message.endswith(ESCALATION.answer) or client.reader.text != message or len(new) != 1:
        raise DrillFailed(f"run {waited.run_id}: {message!r}, read {client.reader.text!r}, filed {len(new)}")
    return Lived(
        "a run that waits survives a cold start of everything, with an empty Redis",
        f"answered after the start, it ended in attempt {row['attempt']}: {message!r}",
    )


def _said(scenario: Scenario) -> str:
    """Return what stands in a call to a chat model that is asked it, and in none to an embedding model."""
    return f'"content":"{scenario.question}'


def _started(drill: Drill, scenario: Scenario, *, at: str = "") -> Conversation:
    client = drill.converse(scenario, is_patient=False, at=at)
    client.start()
    return client


def _row(drill: Drill, client: Conversation) -> DictRow:
    row = drill.ledger.run(client.idempotency_key)
    if row is None:
        raise DrillFailed("the run is not stored")
    return row


def _attempt(drill: Drill, client: Conversation) -> int:
    row = drill.ledger.run(client.idempotency_key)
    return 0 if row is None else int(row["attempt"])


def _owner_after(drill: Drill, client: Conversation, is_so: Callable[[], bool], *, but: str = "") -> str:
    """Return who owns the run once something is so."""

    def owner() -> str:
        row = drill.ledger.run(client.idempotency_key)
        return "" if row is None else str(row["lease_owner"] or "").partition(":")[0]

    def is_owned() -> bool:
        drill.crew.tick()
        return is_so() and owner() not in {"", but} and not drill.crew.is_away(owner())

    drill.crew.await_any_worker()
    if not poll_until(is_owned, TAKEN_S, 0.02):
        raise DrillFailed(f"run {client.reader.run_id}: nobody works on it within {TAKEN_S:g} s")
    return owner()


def _await_end(drill: Drill, client: Conversation) -> Reader:
    while not client.is_over:
        drill.crew.tick()
        time.sleep(0.02)
    return client.join()


def _ended(drill: Drill, client: Conversation, attempts: int) -> DictRow:
    """Wait for the client's end and return the row: done, in so many attempts, with the text that the client has."""
    reader = _await_end(drill, client)
    row = _row(drill, client)
    if (row["state"], row["attempt"], reader.text) != ("done", attempts, reader.final.get("message")):
        raise DrillFailed(f"run {reader.run_id}: {row}, read {reader.text!r}")
    return row


def _is_refused(drill: Drill, name: str) -> bool:
    """Whether a replica takes no new run."""

    def refuses() -> bool:
        headers = {"Authorization": f"Bearer {drill.crew.key}"}
        try:
            with httpx.Client(timeout=ANSWER_S, trust_env=False, headers=headers) as client:
                reply = client.post(f"{drill.crew.url(name)}/api/v1/chat", json=KEEPS.body | {"stream": False})
        except httpx.TransportError:
            return True
        return reply.status_code == UNAVAILABLE

    return poll_until(refuses, EXIT_S, 0.05)
