"""What is stored of a run, and whether it agrees with what its client has."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString, TypeAlias

import psycopg
from psycopg.rows import DictRow, dict_row

from ops.drill.client import Reader
from ops.drill.target import DrillFailed

Conn: TypeAlias = psycopg.Connection[DictRow]

CONNECT_LIMIT_S = 10

SELECT_RUN: LiteralString = """
    SELECT state, attempt, lease_owner, result ->> 'message' AS answer FROM runs WHERE id = %(run_id)s
"""
SELECT_EFFECTS: LiteralString = """
    SELECT step_key, fence, created_at FROM effects WHERE run_id = %(run_id)s ORDER BY step_key
"""
SELECT_CALLS: LiteralString = """
    SELECT kind, count(*) AS calls FROM usage WHERE run_id = %(run_id)s AND outcome = 'done' GROUP BY kind
"""
SELECT_ANSWERS: LiteralString = """
    SELECT content FROM messages WHERE run_id = %(run_id)s AND role = 'assistant'
"""


MOST_EMBEDS = 2
"""Of the question, and of the exemplars."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run's row; `owner` is `<part>:<id>`."""

    state: str
    attempt: int
    owner: str
    answer: str | None


class Rows:
    """Reads the rows of runs."""

    def __init__(self, conn: Conn) -> None:
        self._conn = conn

    def run(self, run_id: str) -> StoredRun:
        """Return a run. Raises DrillFailed when it was never stored."""
        row = self._conn.execute(SELECT_RUN, {"run_id": run_id}).fetchone()
        if row is None:
            raise DrillFailed(f"run {run_id} is not in the database")
        return StoredRun(row["state"], row["attempt"], row["lease_owner"] or "", row["answer"])

    def effects(self, run_id: str) -> list[DictRow]:
        """Return the finished effects of a run."""
        return self._conn.execute(SELECT_EFFECTS, {"run_id": run_id}).fetchall()

    def compare(self, reader: Reader, before: list[DictRow]) -> StoredRun:
        """Hold what the client has against what is stored, and the effects of `before` against those of now.

        Raises DrillFailed when a text was lost or changed, or something was done or paid twice.
        """
        run_id = reader.run_id
        row = self.run(run_id)
        rows = self._conn.execute(SELECT_ANSWERS, {"run_id": run_id}).fetchall()
        answers = [str(answer["content"]) for answer in rows]
        if row.state != "done" or answers != [row.answer]:
            raise DrillFailed(f"run {run_id}: state {row.state}, {len(answers)} answers stored")
        if reader.text != row.answer or reader.final.get("message") != row.answer:
            raise DrillFailed(f"run {run_id}: the client has {reader.text!r}, stored is {row.answer!r}")
        after = {effect["step_key"]: effect for effect in self.effects(run_id)}
        for effect in before:
            if after.get(effect["step_key"]) != effect:
                raise DrillFailed(f"run {run_id}: the finished effect {effect['step_key']} was done again")
        calls = self._conn.execute(SELECT_CALLS, {"run_id": run_id}).fetchall()
        paid = {call["kind"]: call["calls"] for call in calls}
        # The vector of a question that another run has asked is kept for a day. Those of exemplars, with which some
        # questions are compared, are made for the first that is.
        if paid.get("chat") != 1 or paid.get("embed", 0) > MOST_EMBEDS:
            raise DrillFailed(f"run {run_id}: paid calls are {paid}")
        return row


@contextmanager
def open_rows(database_url: str) -> Generator[Rows]:
    """Read rows over a connection of its own, which ends with the block."""
    with Conn.connect(database_url, autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_LIMIT_S) as conn:
        yield Rows(conn)
