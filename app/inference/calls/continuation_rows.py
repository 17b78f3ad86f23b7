"""The `continuations` table: what each model and digest does with a final assistant message, for all replicas."""

from typing import LiteralString

from app.inference.calls.continuation import Continuation, Continuations
from app.postgres import Database

SELECT_ALL: LiteralString = "SELECT model, digest, found FROM continuations"
UPSERT: LiteralString = """
    INSERT INTO continuations (model, digest, found, found_at) VALUES (%(model)s, %(digest)s, %(found)s, now())
    ON CONFLICT (model, digest) DO UPDATE SET found = excluded.found, found_at = now()
"""


class ContinuationRows:
    """Reads and writes the rows. Every method raises StoreUnavailable."""

    def __init__(self, database: Database, known: Continuations) -> None:
        self._database = database
        self._known = known

    async def read(self) -> None:
        """Learn all that any replica found."""
        async with self._database.connection("continuations_read") as conn:
            rows = await (await conn.execute(SELECT_ALL)).fetchall()
        for row in rows:
            self._known.learn(str(row["model"]), str(row["digest"]), Continuation(str(row["found"])))

    async def add(self, model: str, digest: str, found: Continuation) -> None:
        """Learn and keep what was found; a later finding replaces an earlier one."""
        self._known.learn(model, digest, found)
        async with self._database.connection("continuations_add") as conn:
            await conn.execute(UPSERT, {"model": model, "digest": digest, "found": found.value})
