"""Runs of all teams at once while PostgreSQL is ended every few seconds and processes are killed: none shows it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from ops.drill.steps.conversation import Conversation, read_whole
from ops.drill.steps.drill import Drill
from ops.drill.steps.record import Record, differences, record_of
from ops.drill.steps.scenarios import Scenario
from ops.drill.target import DrillFailed

EVERY_S = (0.3, 2.5)
"""PostgreSQL is ended so long after it was ready, drawn anew each time."""
ROUNDS = 5
"""So often while the runs of a batch are under way."""
TICK_S = 0.05
QUEUES_OWN = '"logger":"procrastinate.'
TOLD = {"RUN_ATTEMPTS": "1000"}
"""Of a run that nobody may finish for half a minute the owners' deaths are no sign that it kills them."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of runs that were asked for at once: how many, who was killed, their attempts, what is wrong."""

    runs: int
    killed: tuple[str, ...]
    attempts: int
    took_s: float
    wrong: tuple[str, ...]


def disturb(
    drill: Drill, records: Mapping[Scenario, Record], restart_database: Callable[[], None], rng: Random
) -> Batch:
    """Ask all scenarios at once, end PostgreSQL and a process ROUNDS times meanwhile, and compare when all is quiet.

    Raises DrillFailed where a client has no end.
    """
    drill.crew.await_all()
    drill.ledger.clear_bookings()
    filed, began = drill.ledger.filed(), time.monotonic()
    clients = {scenario: drill.converse(scenario, is_patient=False) for scenario in records}
    for client in clients.values():
        client.start()
    killed = list[str]()
    for _ in range(ROUNDS):
        _watch(drill, [*clients.values()], rng.uniform(*EVERY_S))
        killed.append(rng.choice(drill.crew.all))
        drill.crew.kill(killed[-1])
        restart_database()
        drill.crew.revive(killed[-1])
    _watch(drill, [*clients.values()], float("inf"))
    drill.crew.await_all()
    drill.ledger.reopen()
    drill.crew.await_idle()
    found = {scenario: _record(drill, client, filed) for scenario, client in clients.items()}
    wrong = [*_wrong(drill, records, found, len(drill.ledger.filed() - filed))]
    attempts = max(one.attempts for one in found.values())
    return Batch(len(found), tuple(killed), attempts, time.monotonic() - began, tuple(wrong))


def errors(drill: Drill) -> list[str]:
    """Return the lines that tell of an error, but for those of the queue's client: it tells each lost connection."""
    return [line for line in drill.crew.errors() if QUEUES_OWN not in line]


def _watch(drill: Drill, clients: Sequence[Conversation], limit_s: float) -> None:
    """Let the runs go on for so long, or until all have ended."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until and not all(client.is_over for client in clients):
        drill.crew.tick()
        time.sleep(TICK_S)


def _record(drill: Drill, client: Conversation, filed: set[object]) -> Record:
    reader = client.join()
    row, made = drill.ledger.run(client.idempotency_key), drill.ledger.runs(client.idempotency_key)
    if row is None or made != 1:
        raise DrillFailed(f"the request made {made} runs")
    return record_of(drill.ledger, reader, row, filed, drill.crew.view(str(row["id"])))


def _wrong(
    drill: Drill, records: Mapping[Scenario, Record], found: Mapping[Scenario, Record], filed: int
) -> Sequence[str]:
    """Return what differs from undisturbed runs; what their tools wrote is counted over all."""
    wrong = list[str]()
    for scenario, undisturbed in records.items():
        one = replace(found[scenario], filed=undisturbed.filed)
        again = read_whole(drill.crew.doors()[0], drill.crew.key, one.run_id)
        wrong += [f"{scenario.name}: run {one.run_id}: {what}" for what in differences(undisturbed, one, again)]
    wanted = sum(one.filed for one in records.values())
    if filed != wanted:
        wrong.append(f"tools wrote {filed} rows, undisturbed they write {wanted}")
    return wrong
