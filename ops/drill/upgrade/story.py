"""What an installation holds before an upgrade: made by the older code, remembered to be compared."""

import time
from functools import partial
from typing import LiteralString

import msgspec
import psycopg
from psycopg import sql

from ops.drill.application import key_of
from ops.drill.calls import Calls
from ops.drill.client import Reader, ask
from ops.drill.rows import open_rows
from ops.drill.target import DrillFailed
from ops.drill.upgrade.tree import Tree
from ops.drill.upgrade.world import REPLICA, WORKER, World

TENANT = "upgraded"
GUIDE = "guide.md"
WAITING = "waiting.md"
TEXTS = {
    GUIDE: "# Returns\n\nA lamp may be returned within thirty days in its box. The money comes back within a week.\n\n"
    "# Delivery\n\nParcels leave on Tuesday and arrive on Thursday.\n",
    WAITING: "# Warranty\n\nThe warranty of a kettle is three years from the day of purchase.\n",
}
QUESTIONS = ("When may I return a lamp?", "When do parcels leave?")
LONG_QUESTION = "Tell me everything about returns."
NEXT_QUESTION = "And within how many days may a lamp be returned?"
HALF_CHARACTERS, SEEN_CHARACTERS = 20, 60
"""How much of an answer its client has when its connection breaks, and of the long one when everything ends."""
LONG_TOKENS = 80
NODE_LIMIT_S = 30.0

SELECT_TABLES: LiteralString = """
    SELECT table_name FROM information_schema.tables
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'procrastinate%%'
    ORDER BY table_name
"""


class Seen(msgspec.Struct, frozen=True):
    """A run as its client knows it: its text so far and the last event."""

    run_id: str
    text: str
    last_id: str

    def reader(self) -> Reader:
        """Return a client that comes back with what it knew."""
        return Reader(text=self.text, run_id=self.run_id, last_id=self.last_id)


class Story(msgspec.Struct, frozen=True):
    """What there was. `rows` are the counts of the tables, `effects` what the cut run had done already."""

    commit: str
    key: str
    session_id: str
    messages: list[tuple[str, str]]
    answered: Seen
    cut: Seen
    effects: list[tuple[str, int]]
    job_id: str
    document_id: str
    rows: dict[str, int]


def tell(world: World, tree: Tree) -> Story:
    """Migrate with the code of `tree`, run it, use it, and end it in mid-answer with an ingestion waiting.

    Raises DrillFailed, LocalProblem, httpx.HTTPError.
    """
    world.command(tree, "migrate")
    world.command(tree, "tenants", "add", TENANT)
    key = key_of(world.command(tree, "keys", "add", TENANT, "--json"))
    world.start(tree)
    calls = Calls(world.url, key)
    guide = calls.upload(GUIDE, TEXTS[GUIDE])
    calls.await_job(guide["job_id"], ("done",))
    first = calls.answer(QUESTIONS[0])
    session_id = str(first.final["session_id"])
    halves = list[Seen]()
    second = calls.answer(QUESTIONS[1], session_id=session_id, seen=partial(_note_half, halves))
    job_id = _leave_waiting(world, calls)
    cut = _break_off(world, calls)
    with open_rows(world.layout.database_url) as rows:
        effects = [(str(row["step_key"]), int(row["fence"])) for row in rows.effects(cut.run_id)]
    return Story(
        commit=tree.commit,
        key=key,
        session_id=session_id,
        messages=[
            ("user", QUESTIONS[0]),
            ("assistant", first.text),
            ("user", QUESTIONS[1]),
            ("assistant", second.text),
        ],
        answered=halves[0],
        cut=cut,
        effects=effects,
        job_id=job_id,
        document_id=guide["document_id"],
        rows=count_rows(world.layout.database_url),
    )


def _leave_waiting(world: World, calls: Calls) -> str:
    """Upload a document whose node is away, and end the worker once its job waits; return the job."""
    world.take_node_away()
    job_id = str(calls.upload(WAITING, TEXTS[WAITING])["job_id"])
    calls.await_job(job_id, ("accepted",))
    world.kill(WORKER)
    world.bring_node_back()
    return job_id


def _break_off(world: World, calls: Calls) -> Seen:
    """End the replica in the middle of an answer; return what its client has."""
    until = time.monotonic() + NODE_LIMIT_S
    while calls.answer(QUESTIONS[0]).final["degraded"]:
        if time.monotonic() > until:
            raise DrillFailed("the node that embeds is not seen again")
    reader = Reader()

    def cut(seen: Reader) -> bool:
        if len(seen.text) < SEEN_CHARACTERS:
            return False
        world.kill(REPLICA)
        return True

    ask(calls.url, calls.key, {"message": LONG_QUESTION, "max_tokens": LONG_TOKENS}, reader, until=cut)
    if reader.end or len(reader.text) < SEEN_CHARACTERS:
        raise DrillFailed(f"the long answer ended before it was cut: {reader.final}")
    return _seen(reader)


def _note_half(halves: list[Seen], reader: Reader) -> None:
    """Keep what a client has whose connection breaks in mid-answer."""
    if not halves and len(reader.text) >= HALF_CHARACTERS:
        halves.append(_seen(reader))


def _seen(reader: Reader) -> Seen:
    return Seen(reader.run_id, reader.text, reader.last_id)


def count_rows(database_url: str) -> dict[str, int]:
    """Return how many rows every table holds, but those of the queue, which empties itself."""
    with psycopg.connect(database_url) as conn:
        tables = [str(row[0]) for row in conn.execute(SELECT_TABLES)]
        counted = dict[str, int]()
        for table in tables:
            row = conn.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
            counted[table] = 0 if row is None else int(row[0])
        return counted
