"""What must be true of an installation's data under the present code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psycopg

from app.schema import newest_version
from ops.drill.calls import Calls
from ops.drill.client import Reader, come_back
from ops.drill.rows import open_rows
from ops.drill.target import DrillFailed
from ops.drill.upgrade.story import GUIDE, NEXT_QUESTION, WAITING, Story, count_rows
from ops.drill.upgrade.tree import Tree
from ops.drill.upgrade.world import LEASE_S, World
from ops.local.process import poll_until

TAKEOVER_S = 5.0
END_LIMIT_S = 60.0
ENDED = ("done", "failed", "refused", "cancelled", "dead")


@dataclass(frozen=True, slots=True)
class Held:
    """A promise that was held, and what was seen of it."""

    promise: str
    seen: str


def old_code_serves_on(world: World, story: Story, tree: Tree) -> Held:
    """Run the older replica on the present schema: what `pre` migrations promise. Raises DrillFailed."""
    world.start(tree, has_worker=False)
    try:
        calls = Calls(world.url, story.key)
        if calls.messages(story.session_id) != [tuple(one) for one in story.messages]:
            raise DrillFailed("the older code reads another history from the present schema")
        reader = calls.answer(NEXT_QUESTION)
    finally:
        world.stop()
    return Held("the older replica serves on the present schema", f"{len(reader.text)} characters answered")


def check(world: World, story: Story) -> list[Held]:
    """Look at everything, in an order in which nothing disturbs the next. Raises DrillFailed at what was lost."""
    calls = Calls(world.url, story.key)
    looks: tuple[Callable[[World, Story, Calls], Held], ...] = (
        _schema,
        _history,
        _cut_run,
        _old_events,
        _waiting_job,
        _next_answer,
        _originals,
        _rows,
    )
    return [look(world, story, calls) for look in looks]


def _schema(world: World, story: Story, calls: Calls) -> Held:
    del story, calls
    with psycopg.connect(world.layout.database_url) as conn:
        row = conn.execute("SELECT version_num FROM alembic_version").fetchone()
    found = "" if row is None else str(row[0])
    if found != newest_version():
        raise DrillFailed(f"the schema is at {found or 'nothing'}, the newest version is {newest_version()}")
    return Held("the schema is at its head", found)


def _history(world: World, story: Story, calls: Calls) -> Held:
    del world
    found = calls.messages(story.session_id)
    wanted = [tuple(one) for one in story.messages]
    if found != wanted:
        raise DrillFailed(f"the session has {found}, not {wanted}")
    return Held("the old key reads the old session", f"{len(found)} messages, word for word")


def _cut_run(world: World, story: Story, calls: Calls) -> Held:
    """The run in flight is taken over, its text goes on, and what it had done is neither done nor paid again."""
    reader = story.cut.reader()
    with open_rows(world.layout.database_url) as rows:
        if not poll_until(lambda: rows.run(reader.run_id).state in ENDED, LEASE_S + TAKEOVER_S + END_LIMIT_S):
            raise DrillFailed(f"the run in flight is still {rows.run(reader.run_id).state}")
        come_back(calls.url, calls.key, reader)
        kept = dict(story.effects)
        before = [row for row in rows.effects(reader.run_id) if row["step_key"] in kept]
        if {str(row["step_key"]): int(row["fence"]) for row in before} != kept:
            raise DrillFailed("an effect of the run in flight was lost or done again")
        stored = rows.compare(reader, before)
    if reader.restarts == 0 and not reader.text.startswith(story.cut.text):
        raise DrillFailed("the text that its client had seen was changed without a restart")
    seen = f"attempt {stored.attempt}, {len(story.cut.text)} of {len(reader.text)} characters were seen before"
    return Held("the run in flight is taken over and charged once", f"{seen}, {reader.restarts} restarts")


def _old_events(world: World, story: Story, calls: Calls) -> Held:
    """A client of an ended run, cut in mid-answer, comes back with the event id that the older code gave it."""
    del world
    reader = story.answered.reader()
    come_back(calls.url, calls.key, reader)
    if reader.end != "done" or reader.text != story.messages[-1][1]:
        raise DrillFailed(f"run {reader.run_id}: its client now has {reader.text!r}, {reader.end or 'no end'}")
    seen = f"from character {len(story.answered.text)} of {len(reader.text)} on, {reader.restarts} restarts"
    return Held("event ids of the older code still find their place", seen)


def _waiting_job(world: World, story: Story, calls: Calls) -> Held:
    del world
    job = calls.await_job(story.job_id, ("done",), limit_s=END_LIMIT_S)
    named = {str(one["name"]): str(one["state"]) for one in calls.get("/api/v1/documents")["documents"]}
    if named.get(WAITING) != "ready" or named.get(GUIDE) != "ready":
        raise DrillFailed(f"documents are {named}")
    return Held("the waiting ingestion is finished", f"attempt {job['attempt']}")


def _next_answer(world: World, story: Story, calls: Calls) -> Held:
    """The old session goes on, and its answer cites the document that was there before."""
    del world
    reader = calls.answer(NEXT_QUESTION, session_id=story.session_id)
    cited = _cited(reader)
    if story.document_id not in cited.values() or reader.final["degraded"]:
        raise DrillFailed(f"cited is {cited}, degraded is {reader.final['degraded']}")
    if len(calls.messages(story.session_id)) != len(story.messages) + 2:
        raise DrillFailed("the question is not in the session's history")
    return Held("the old session goes on and cites the old document", ", ".join(sorted(cited)))


def _cited(reader: Reader) -> dict[str, str]:
    return {str(one["document"]): str(one["document_id"]) for one in reader.final["citations"]}


def _originals(world: World, story: Story, calls: Calls) -> Held:
    """Every document's original is there, with the bytes that its row names."""
    del story, calls
    with psycopg.connect(world.layout.database_url) as conn:
        hashes = {bytes(row[0]).hex() for row in conn.execute("SELECT sha256 FROM documents")}
    found = {path.name for path in world.blobs.rglob("*") if path.is_file()}
    missing = [one for one in hashes if not any(one.endswith(name) for name in found)]
    if missing:
        raise DrillFailed(f"originals are missing: {missing}")
    return Held("every original is in the blob store", f"{len(hashes)} originals")


def _rows(world: World, story: Story, calls: Calls) -> Held:
    del calls
    now = count_rows(world.layout.database_url)
    lost = _fewer(story.rows, now)
    if lost:
        raise DrillFailed(f"rows were lost: {lost}")
    return Held("no table has fewer rows than before", f"{len(story.rows)} tables, {sum(story.rows.values())} rows")


def _fewer(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    return {table: (count, now.get(table, 0)) for table, count in before.items() if now.get(table, 0) < count}
