"""The rows of judgements: claimed by one worker, filled once, and gone with their runs."""

from collections.abc import Sequence
from typing import LiteralString

import msgspec

from app.evaluation.judge import NOTHING_SAID, Criterion, Judgement
from app.evaluation.plan import Plan
from app.ids import RunId, TenantId
from app.postgres import Connection, Database

NEWEST = 500
"""Of so many of the newest answers of a day some are chosen."""
MOST_CLAIMS = 3
LOCK = 0x4A55_4447_45
"""Whoever holds it counts the claims of the hour and claims: else two workers would both find the last one free."""

TAKE_TURN: LiteralString = "SELECT pg_advisory_xact_lock(%(lock)s)"
IS_FREE: LiteralString = """
    SELECT NOT %(only_idle)s OR NOT EXISTS (SELECT 1 FROM runs WHERE state IN ('accepted', 'running')) AS is_free
"""
# No run is claimed twice within an hour, so its rows are as many as its claims.
HOUR_LEFT: LiteralString = """
    SELECT count(*) < %(per_hour)s AS is_left FROM run_judgements WHERE claimed_at > now() - interval '1 hour'
"""
CANDIDATES: LiteralString = """
    SELECT r.id, r.tenant_id FROM (
        SELECT id, run_id, tenant_id FROM messages
        WHERE role = 'assistant' AND created_at > now() - interval '1 day' ORDER BY id DESC LIMIT %(newest)s
    ) m
    JOIN runs r ON r.id = m.run_id AND r.tenant_id = m.tenant_id
    JOIN tenants t ON t.id = r.tenant_id AND NOT t.name = ANY(%(exempt)s)
    LEFT JOIN run_judgements j ON j.run_id = r.id AND j.tenant_id = r.tenant_id
    WHERE r.state = 'done' AND j.run_id IS NULL
      AND NOT coalesce((r.result ->> 'requires_clarification')::boolean, false) ORDER BY m.id DESC
"""
CLAIM: LiteralString = """
    INSERT INTO run_judgements (run_id, tenant_id)
    SELECT id, tenant_id FROM runs WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s
    ON CONFLICT (run_id) DO NOTHING RETURNING run_id
"""
# Of a worker that died, or whose judge did not come to an end: once its hour is over, for as long as a run is judged.
RECLAIM: LiteralString = """
    UPDATE run_judgements SET claimed_at = now(), claims = claims + 1
    WHERE run_id = (
        SELECT run_id FROM run_judgements
        WHERE created_at IS NULL AND claims < %(most_claims)s
          AND claimed_at <= now() - interval '1 hour' AND claimed_at > now() - interval '1 day'
        ORDER BY claimed_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) RETURNING run_id, tenant_id
"""
READ: LiteralString = """
    SELECT question, result FROM runs WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND state = 'done'
"""
FILL: LiteralString = """
    UPDATE run_judgements SET created_at = now(), groundedness = %(groundedness)s,
        groundedness_judged = %(groundedness_judged)s, relevance = %(relevance)s, completeness = %(completeness)s,
        model = %(model)s, digest = %(digest)s, prompt_sha256 = %(prompt_sha256)s, error_code = %(error_code)s
    WHERE run_id = %(run_id)s AND tenant_id = %(tenant_id)s AND created_at IS NULL RETURNING run_id
"""
# The claim stands in its hour, for models were asked; it does not count against the run.
GIVE_BACK: LiteralString = """
    UPDATE run_judgements SET claims = claims - 1
    WHERE run_id = %(run_id)s AND tenant_id = %(tenant_id)s AND created_at IS NULL
"""


class Claimed(msgspec.Struct, frozen=True):
    """A run that this process judges."""

    run_id: RunId
    tenant_id: TenantId

    @property
    def ids(self) -> dict[str, object]:
        """The parameters of its statements."""
        return {"run_id": self.run_id, "tenant_id": self.tenant_id}


class Passage(msgspec.Struct, frozen=True):
    """What an answer cites."""

    quote: str = ""


class Sentence(msgspec.Struct, frozen=True):
    """A sentence of it that claims something."""

    supported: str = ""


class Answered(msgspec.Struct, frozen=True):
    """What a run answered, as far as it is judged."""

    message: str = ""
    citations: tuple[Passage, ...] = ()
    support: tuple[Sentence, ...] = ()

    @property
    def groundedness(self) -> float | None:
        """The share of its sentences that passages say, as it was found when it answered."""
        said = sum(one.supported == "yes" for one in self.support)
        return said / len(self.support) if self.support else None


class JudgementRows:
    """The rows of `run_judgements`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, plan: Plan) -> Claimed | None:
        """Claim a run of the sample that nobody judges; None when there is none now. Raises StoreUnavailable."""
        async with self._database.transaction("judgements.claim") as conn:
            await conn.execute(TAKE_TURN, {"lock": LOCK})
            if not await _says(conn, IS_FREE, plan, "is_free") or not await _says(conn, HOUR_LEFT, plan, "is_left"):
                return None
            stale = await (await conn.execute(RECLAIM, _bounds(plan))).fetchone()
            if stale is not None:
                return msgspec.convert(stale, Claimed)
            found = await (await conn.execute(CANDIDATES, _bounds(plan))).fetchall()
            for claimed in (Claimed(one["id"], one["tenant_id"]) for one in found if plan.takes(one["id"])):
                if await (await conn.execute(CLAIM, claimed.ids)).fetchone() is not None:
                    return claimed
        return None

    async def is_free(self, plan: Plan) -> bool:
        """Whether nobody waits for the models, as far as the plan asks for that. Raises StoreUnavailable."""
        async with self._database.connection("judgements.free") as conn:
            return await _says(conn, IS_FREE, plan, "is_free")

    async def read(self, claimed: Claimed) -> tuple[str, Answered] | None:
        """Return what was asked and answered; None when it is gone. Raises StoreUnavailable."""
        async with self._database.connection("judgements.read") as conn:
            row = await (await conn.execute(READ, claimed.ids)).fetchone()
        return None if row is None else (row["question"], msgspec.convert(row["result"], Answered))

    async def fill(
        self,
        claimed: Claimed,
        grounded: float | None,
        said: Judgement | None,
        prompt_sha256: str,
        error_code: str | None,
    ) -> bool:
        """Keep what a judge said, once; whether it was kept. Raises StoreUnavailable."""
        scores = NOTHING_SAID if said is None else said.scores
        given = claimed.ids | {
            "groundedness": grounded,
            "groundedness_judged": scores.get(Criterion.GROUNDEDNESS),
            "relevance": scores.get(Criterion.RELEVANCE),
            "completeness": scores.get(Criterion.COMPLETENESS),
            "model": None if said is None else said.model,
            "digest": None if said is None else said.digest,
            "prompt_sha256": bytes.fromhex(prompt_sha256),
            "error_code": error_code,
        }
        async with self._database.connection("judgements.fill") as conn:
            return await (await conn.execute(FILL, given)).fetchone() is not None

    async def give_back(self, claimed: Claimed) -> None:
        """Leave a run to be judged in another hour. Raises StoreUnavailable."""
        async with self._database.connection("judgements.give_back") as conn:
            await conn.execute(GIVE_BACK, claimed.ids)


async def _says(conn: Connection, statement: LiteralString, plan: Plan, what: str) -> bool:
    row = await (await conn.execute(statement, _bounds(plan))).fetchone()
    return row is not None and bool(row[what])


def _bounds(plan: Plan) -> dict[str, bool | int | Sequence[str]]:
    return {
        "only_idle": plan.only_idle,
        "per_hour": plan.per_hour,
        "exempt": list(plan.exempt),
        "newest": NEWEST,
        "most_claims": MOST_CLAIMS,
    }
