"""The rows of editions: seeded, begun, prepared, compared, made to serve, retired."""

from collections.abc import Sequence
from typing import LiteralString

import msgspec

from app.errors import BadInput
from app.postgres import Connection, Database
from app.retrieval.editions.edition import Edition, EditionState, Progress, Recall

_SELECT: LiteralString = """
    SELECT alias, number, model, dense_size, state, problem, recall FROM editions
    WHERE alias = %(alias)s ORDER BY state = 'serving' DESC, number
"""
_LOCK: LiteralString = """
    SELECT alias, number, model, dense_size, state, problem, recall FROM editions
    WHERE alias = %(alias)s ORDER BY number FOR UPDATE
"""
_TAKE_TURN: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended('editions:' || %(alias)s, 0))"
_SEED: LiteralString = """
    INSERT INTO editions (alias, model, dense_size, state, served_at)
    SELECT %(alias)s, %(model)s, %(dense_size)s, 'serving', now()
    WHERE NOT EXISTS (SELECT 1 FROM editions WHERE alias = %(alias)s) RETURNING number
"""
# By which model the documents of a version without editions were embedded.
_SELECT_MODEL: LiteralString = """
    SELECT embed_model FROM documents
    WHERE tenant_id IS NOT NULL AND state = 'ready' AND cold_at IS NULL AND embed_model IS NOT NULL
    GROUP BY embed_model ORDER BY count(*) DESC LIMIT 1
"""
_ADOPT: LiteralString = """
    INSERT INTO document_editions (document_id, tenant_id, number, given_at)
    SELECT id, tenant_id, %(number)s, now() FROM documents
    WHERE state = 'ready' AND cold_at IS NULL AND embed_model = %(model)s
"""
_BEGIN: LiteralString = """
    INSERT INTO editions (alias, model, state) VALUES (%(alias)s, %(model)s, 'building')
    RETURNING alias, number, model, dense_size, state
"""
_PREPARE: LiteralString = """
    UPDATE editions SET dense_size = %(dense_size)s, problem = NULL
    WHERE number = %(number)s AND dense_size IS NULL
"""
_TROUBLE: LiteralString = """
    UPDATE editions SET problem = %(problem)s WHERE number = %(number)s AND dense_size IS NULL
"""
_COMPARE: LiteralString = """
    UPDATE editions SET recall = %(recall)s::jsonb
    WHERE number = %(number)s AND state = 'building'
"""
_SET_STATE: LiteralString = """
    UPDATE editions SET state = %(state)s, served_at = CASE WHEN %(state)s = 'serving' THEN now() ELSE served_at END
    WHERE number = %(number)s
"""
_REMOVE: LiteralString = "DELETE FROM editions WHERE number = %(number)s AND state = 'retired'"
_COUNT: LiteralString = """
    SELECT count(*) AS documents, count(g.given_at) AS given, count(g.error_code) AS failed
    FROM documents d LEFT JOIN document_editions g
      ON g.document_id = d.id AND g.tenant_id = d.tenant_id AND g.number = %(number)s
    WHERE d.state = 'ready' AND d.cold_at IS NULL
"""


class Switched(msgspec.Struct, frozen=True):
    """The edition that serves now, the one that did before, and live documents that the new one lacks."""

    serving: Edition
    previous: Edition
    lacking: int


class EditionRows:
    """The rows of one alias. Every method raises StoreUnavailable."""

    def __init__(self, database: Database, alias: str) -> None:
        self._database = database
        self._alias = alias

    async def list(self) -> Sequence[Edition]:
        """Return the editions, the one that serves first."""
        async with self._database.connection("editions.list") as conn:
            return await self._read(conn, _SELECT)

    async def seed(self, model: str, dense_size: int, *, is_adopted: bool) -> bool:
        """Add the first edition, which serves; return whether it was added: another process may be faster.

        One that `is_adopted` has what was indexed before there were editions, by the model that most documents name.
        """
        values = {"alias": self._alias, "dense_size": dense_size}
        async with self._database.transaction("editions.seed") as conn:
            await conn.execute(_TAKE_TURN, values)
            found = await (await conn.execute(_SELECT_MODEL)).fetchone() if is_adopted else None
            values |= {"model": model if found is None else found["embed_model"]}
            seeded = await (await conn.execute(_SEED, values)).fetchone()
            if seeded is not None and is_adopted:
                await conn.execute(_ADOPT, {**values, **seeded})
        return seeded is not None

    async def begin(self, model: str) -> Edition:
        """Add an edition to be built by a model. Raises BadInput: another one is there, or this model serves."""
        async with self._database.transaction("editions.begin") as conn:
            serving, other = await self._locked(conn)
            if other is not None:
                raise BadInput(
                    f"edition {other.number} ({other.model}) is {other.state.value}: there are two at most;"
                    " `switchyard retrieval retire` takes it away"
                )
            if serving.model == model:
                raise BadInput(f"edition {serving.number} serves, by {model}; `retrieval reindex` embeds it anew")
            row = await (await conn.execute(_BEGIN, {"alias": self._alias, "model": model})).fetchone()
        return msgspec.convert(row, Edition)

    async def prepare(self, edition: Edition, dense_size: int) -> None:
        """Note the length of the vectors: from now on the edition is given documents."""
        async with self._database.connection("editions.prepare") as conn:
            await conn.execute(_PREPARE, {"number": edition.number, "dense_size": dense_size})

    async def trouble(self, edition: Edition, problem: str) -> None:
        """Note what keeps the edition from being prepared."""
        async with self._database.connection("editions.prepare") as conn:
            await conn.execute(_TROUBLE, {"number": edition.number, "problem": problem})

    async def compared(self, edition: Edition, recall: Recall) -> None:
        """Note how it finds what it was given."""
        async with self._database.connection("editions.compare") as conn:
            await conn.execute(_COMPARE, {"number": edition.number, "recall": msgspec.json.encode(recall).decode()})

    async def switch(self, to: EditionState, *, by_force: bool) -> Switched:
        """Have the edition that is `to` serve, and the one that serves be the previous one, in one step.

        Raises BadInput: there is none; or, unless it is `by_force`, it lacks documents or finds less.
        """
        async with self._database.transaction("editions.switch") as conn:
            serving, other = await self._locked(conn)
            if other is None or other.state is not to:
                raise BadInput(f"no edition is {to.value}")
            if other.dense_size is None:
                raise BadInput(other.problem or f"no worker has asked {other.model} yet how long its vectors are")
            # No document becomes live while the rows are locked (see `Given.is_served`), so none is missed.
            progress = await _count(conn, other)
            if not by_force:
                _check(other, progress)
            await conn.execute(_SET_STATE, {"number": serving.number, "state": EditionState.PREVIOUS})
            await conn.execute(_SET_STATE, {"number": other.number, "state": EditionState.SERVING})
        return Switched(other, serving, progress.lacking)

    async def retire(self) -> Edition:
        """Have nobody read or write the edition that does not serve; return it. Raises BadInput: there is none."""
        async with self._database.transaction("editions.retire") as conn:
            _, other = await self._locked(conn)
            if other is None:
                raise BadInput("there is one edition, and it serves")
            await conn.execute(_SET_STATE, {"number": other.number, "state": EditionState.RETIRED})
        return other

    async def remove(self, edition: Edition) -> None:
        """Remove the row of a retired edition, and what is noted of its documents."""
        async with self._database.connection("editions.remove") as conn:
            await conn.execute(_REMOVE, {"number": edition.number})

    async def progress(self, edition: Edition) -> Progress:
        """Return how far an edition is, over the documents of all tenants."""
        async with self._database.connection("editions.progress") as conn:
            return await _count(conn, edition)

    async def _locked(self, conn: Connection) -> tuple[Edition, Edition | None]:
        await conn.execute(_TAKE_TURN, {"alias": self._alias})
        editions = await self._read(conn, _LOCK)
        serving = next((one for one in editions if one.state is EditionState.SERVING), None)
        if serving is None:
            raise BadInput(f"no edition of {self._alias} serves yet: start a replica or a worker first")
        return serving, next((one for one in editions if one is not serving), None)

    async def _read(self, conn: Connection, statement: LiteralString) -> Sequence[Edition]:
        rows = await (await conn.execute(statement, {"alias": self._alias})).fetchall()
        return msgspec.convert(rows, list[Edition])


async def _count(conn: Connection, edition: Edition) -> Progress:
    return msgspec.convert(await (await conn.execute(_COUNT, {"number": edition.number})).fetchone(), Progress)


def _check(edition: Edition, progress: Progress) -> None:
    """Raise BadInput for an edition that must not serve yet."""
    name = f"edition {edition.number} ({edition.model})"
    if progress.lacking:
        failed = f", {progress.failed} of them cannot be embedded" if progress.failed else ""
        raise BadInput(
            f"{name} lacks {progress.lacking} of {progress.documents} documents{failed}", lacking=progress.lacking
        )
    if edition.state is not EditionState.BUILDING:
        return
    if edition.recall is None:
        # A worker is about to: like a document that is on its way, it is worth waiting for.
        raise BadInput(f"{name} has not been compared with the one that serves yet: a worker does so", lacking=0)
    if edition.recall.is_worse:
        found = (
            f"{edition.recall.other} of {edition.recall.asked} sentences, the one that serves {edition.recall.serving}"
        )
        raise BadInput(f"{name} finds the chunk of {found}")
