"""What is known of a run in the end, by its rows and by its readers, and how it differs from an undisturbed one."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg.rows import DictRow, dict_row

from ops.drill.client import Event, Reader
from ops.drill.rows import Conn

UNTOLD = frozenset({"queued", "waiting_for_slot", "waiting_for_node", "loading", "done", "error"})
"""Kinds that say where a run stands, or how it ended: as often as somebody asks."""
TEXT = frozenset({"delta", "restart"})
DRAWN = ("/interrupt:", "2.book/use:")
"""Effects whose input names what is drawn anew in each run: a reference, the session."""
REFERENCE = re.compile(r"under [0-9A-F]{8}\b")
COMPARED = ("message", "agent_used", "citations", "degraded", "finish_reason", "conversation_complete")

SELECT_RUN: LiteralString = """
    SELECT id, state, attempt, lost, lease_owner, error_code, error_detail FROM runs WHERE idempotency_key = %s
"""
SELECT_EFFECTS: LiteralString = """
    SELECT step_key, encode(input_sha256, 'hex') AS input, fence FROM effects WHERE run_id = %s
    ORDER BY created_at, step_key
"""
SELECT_CALLS: LiteralString = """
    SELECT id, kind, agent, outcome FROM usage WHERE run_id = %s ORDER BY started_at
"""
SELECT_SAID: LiteralString = "SELECT role, content, citations FROM messages WHERE run_id = %s ORDER BY role DESC"
SELECT_FILED: LiteralString = "SELECT id FROM escalations UNION ALL SELECT id FROM bookings"
"""Of all tenants: the database is the drill's own."""
CLEAR_BOOKINGS: LiteralString = "DELETE FROM bookings"


class Ledger:
    """Reads rows over a connection of its own."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._conn = self._connected()

    def close(self) -> None:
        """Close the connection."""
        self._conn.close()

    def reopen(self) -> None:
        """Connect anew: PostgreSQL was started again."""
        self.close()
        self._conn = self._connected()

    def run(self, idempotency_key: str) -> DictRow | None:
        """Return the run of a request, if there is one."""
        return self._conn.execute(SELECT_RUN, (idempotency_key,)).fetchone()

    def runs(self, idempotency_key: str) -> int:
        """Return how many runs a request has made."""
        return len(self._conn.execute(SELECT_RUN, (idempotency_key,)).fetchall())

    def rows(self, statement: LiteralString, run_id: object) -> list[DictRow]:
        """Return rows of a run."""
        return self._conn.execute(statement, (run_id,)).fetchall()

    def clear_bookings(self) -> None:
        """Have what was booked be free again, for the next run that books the same."""
        self._conn.execute(CLEAR_BOOKINGS)

    def filed(self) -> set[object]:
        """Return what stands filed for a person, or booked."""
        return {row["id"] for row in self._conn.execute(SELECT_FILED)}

    def _connected(self) -> Conn:
        return Conn.connect(self._database_url, autocommit=True, row_factory=dict_row)


@dataclass(frozen=True, slots=True)
class Record:
    """A run that has ended."""

    run_id: str
    state: str
    attempts: int
    error: str
    result: dict[str, Any]
    """The answer as a caller is shown it, and what it took."""
    effects: tuple[tuple[str, str], ...]
    """Step keys and digests of inputs, in the order in which they were stored; "" for an input that is `DRAWN`."""
    calls: tuple[tuple[str, str, str], ...]
    """Kind, agent and outcome of each."""
    said: tuple[tuple[str, str], ...]
    filed: int
    """How many rows its tools have written."""
    told: tuple[str, ...]
    """What its reader was told beside the text."""
    reader: Reader


def record_of(
    ledger: Ledger, reader: Reader, row: DictRow, filed_before: set[object], view: Mapping[str, Any]
) -> Record:
    """Return what is known of a run now; `view` is what a caller is shown who looks at it."""
    run_id = row["id"]
    effects = ledger.rows(SELECT_EFFECTS, run_id)
    calls = ledger.rows(SELECT_CALLS, run_id)
    return Record(
        run_id=str(run_id),
        state=row["state"],
        attempts=row["attempt"],
        error=row["error_code"] or "",
        result={**(view["answer"] or {}), "metadata": view["metadata"]},
        effects=tuple((one["step_key"], _input(one)) for one in effects),
        calls=tuple((one["kind"], one["agent"], one["outcome"]) for one in calls),
        said=tuple((one["role"], one["content"]) for one in ledger.rows(SELECT_SAID, run_id)),
        filed=len(ledger.filed() - filed_before),
        told=told_of(reader.seen),
        reader=reader,
    )


def _input(effect: DictRow) -> str:
    return "" if any(drawn in effect["step_key"] for drawn in DRAWN) else str(effect["input"])


def told_of(events: Sequence[Event]) -> tuple[str, ...]:
    """Return what the events tell beside the text: which tools were called, what was asked."""
    return tuple(_said(event) for event in events if event.kind not in UNTOLD | TEXT)


def _said(event: Event) -> str:
    match event.kind:
        case "tool_call":
            return f"{event.body['agent']} calls {event.body['tool']}"
        case "interrupt":
            return f"asks {', '.join(str(one['interrupt_id']) for one in event.body['interrupts'])}"
        case _:
            return f"{event.kind} {event.body}"


def differences(undisturbed: Record, found: Record, again: Reader) -> Iterator[str]:
    """Yield what is not as it must be; `again` is who read the run from its beginning after its end."""
    for name in ("state", "error", "filed"):
        one, other = getattr(undisturbed, name), getattr(found, name)
        if one != other:
            yield f"{name} is {other!r}, undisturbed it is {one!r}"
    for name in COMPARED:
        one, other = _plain(undisturbed.result.get(name)), _plain(found.result.get(name))
        if one != other:
            yield f"{name} is {other!r}, undisturbed it is {one!r}"
    if sorted(undisturbed.effects) != sorted(found.effects):
        yield f"effects are {found.effects}, undisturbed they are {undisturbed.effects}"
    yield from _of_calls(undisturbed, found)
    yield from _of_reader(found, again)
    yield from _of_notes(undisturbed, found, told_of(again.seen))


def _plain(value: object) -> object:
    """Leave out what is drawn anew in each run: the reference of what was filed."""
    return REFERENCE.sub("under <reference>", value) if isinstance(value, str) else value


def _of_calls(undisturbed: Record, found: Record) -> Iterator[str]:
    """Whatever brought an effect has its row, and the totals are those of the calls that the result tells.

    But for vectors: one that an earlier attempt had made is kept, and brings an effect without a call.
    """
    wanted, have = (
        Counter(call for call in one.calls if call[2] == "done" and call[0] != "embed") for one in (undisturbed, found)
    )
    if wanted - have:
        yield f"calls without a usage row: {dict(wanted - have)}"
    told = found.result["metadata"]
    for name in ("input_tokens", "output_tokens"):
        total = sum(route[name] for route in told["routes"])
        if told[name] != total:
            yield f"{name} is {told[name]}, of its calls {total}"


def _of_reader(found: Record, again: Reader) -> Iterator[str]:
    reader, message = found.reader, found.result.get("message")
    stored = [content for role, content in found.said if role == "assistant"]
    if stored != [message]:
        yield f"stored answers are {stored}, the result says {message!r}"
    if reader.text != message or reader.final.get("message") != message:
        yield f"the client has {reader.text!r} and was told {reader.final.get('message')!r}, stored is {message!r}"
    if again.text != message:
        yield f"who reads again has {again.text!r}, stored is {message!r}"
    numbered = [event.id for event in reader.seen if event.kind not in UNTOLD]
    twice = [one for one, times in Counter(numbered).items() if times > 1]
    if twice:
        yield f"events came twice: {twice}"


def _of_notes(undisturbed: Record, found: Record, logged: tuple[str, ...]) -> Iterator[str]:
    """What the log tells, the client was told in that order, and all that an undisturbed one is told.

    What the run asks it may have been told from the row; and of a call also by a process that did not know yet that it
    had lost the run.
    """
    left = iter(found.told)
    out_of_order = [one for one in logged if one not in left]
    strange = set(found.told) - set(logged) - set(undisturbed.told)
    lost = set(undisturbed.told) - set(found.told)
    if out_of_order or strange or lost:
        yield f"the client was told {found.told}, the log tells {logged}, undisturbed it is {undisturbed.told}"
