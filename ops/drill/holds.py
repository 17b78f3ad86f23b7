"""Places in PostgreSQL where a writer is held: just before a row is written, and in the middle of its commit.

Held is whatever process writes the row next, by triggers of the drill's own, so that a place means the same however the
product writes: `write` comes before the row, and `commit` when nothing can undo it any more, though its writer does not
know that yet. Each drill says which rows are places, by a function `drill.place` and triggers that call `drill.hold`.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import LiteralString

import psycopg

from ops.drill.target import DrillFailed
from ops.local.process import poll_until

REACHED_S = 60.0
LOCK = 772_001
"""Of PostgreSQL's advisory locks, the one that holds."""

INSTALL: LiteralString = """
    CREATE SCHEMA drill;
    CREATE TABLE drill.holds (moment text, place text);
    CREATE FUNCTION drill.hold() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        here text := drill.place(TG_TABLE_NAME, TG_OP, CASE TG_OP WHEN 'UPDATE' THEN to_jsonb(OLD) END, to_jsonb(NEW));
    BEGIN
        IF EXISTS (SELECT 1 FROM drill.holds WHERE moment = TG_ARGV[0] AND place = here) THEN
            PERFORM pg_advisory_xact_lock_shared(TG_ARGV[1]::bigint);
        END IF;
        RETURN NEW;
    END
    $$;
"""
ARM: LiteralString = "INSERT INTO drill.holds (moment, place) VALUES (%s, %s)"
TAKE: LiteralString = "SELECT pg_advisory_lock(%s)"
HELD: LiteralString = """
    SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.objid = %s AND NOT l.granted
"""
DISARM: LiteralString = "DELETE FROM drill.holds"
GIVE: LiteralString = "SELECT pg_advisory_unlock_all()"


class Moment(StrEnum):
    """When a row's writer is held."""

    WRITE = "write"
    COMMIT = "commit"


@dataclass(frozen=True, slots=True)
class Place:
    """A row that is written, by the name that the drill gives it."""

    moment: Moment
    name: str

    def __str__(self) -> str:
        return f"{self.moment} of {self.name}"


class Holds:
    """Holds whoever writes at a place, one at a time."""

    def __init__(self, conn: "psycopg.Connection[tuple[object, ...]]") -> None:
        self._conn = conn

    def arm(self, place: Place) -> None:
        """Hold the next writer at this place."""
        self._conn.execute(TAKE, (LOCK,))
        self._conn.execute(ARM, (place.moment, place.name))

    def await_reached(self, place: Place) -> str:
        """Wait until a writer is held, and return the name of its process. Raises DrillFailed."""
        if not poll_until(lambda: self._held() is not None, REACHED_S, 0.02):
            raise DrillFailed(f"nobody came to the {place} within {REACHED_S:g} s")
        return self._held() or ""

    def _held(self) -> str | None:
        row = self._conn.execute(HELD, (LOCK,)).fetchone()
        return None if row is None else str(row[0])

    def release(self) -> None:
        """Let the writer go on, and hold nobody."""
        self._conn.execute(DISARM)
        self._conn.execute(GIVE)


@contextmanager
def open_holds(database_url: str, places: LiteralString) -> Generator[Holds]:
    """Make the triggers in a database of the drill's own; `places` are statements that say which rows are places."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(INSTALL)
        conn.execute(places)
        yield Holds(conn)
