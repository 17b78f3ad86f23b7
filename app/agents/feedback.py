"""What people say of the answers that they got: one word of each api key on a run, which it may change."""

from datetime import datetime
from enum import StrEnum
from typing import LiteralString

import msgspec

from app.errors import Refused, RunUnknown
from app.ids import Caller, RunId
from app.postgres import Database
from app.telemetry.metrics import Metrics

TEXT_CHARACTERS = 2000

# `before` is read as the rows were before this statement.
GIVE: LiteralString = """
    WITH before AS (
        SELECT rating FROM run_feedback
        WHERE run_id = %(run_id)s AND key_id = %(key_id)s AND tenant_id = %(tenant_id)s
    ), given AS (
        INSERT INTO run_feedback (run_id, key_id, tenant_id, rating, score, text)
        SELECT id, %(key_id)s, tenant_id, %(rating)s, %(score)s, %(text)s FROM runs
        WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s
        ON CONFLICT (run_id, key_id) DO UPDATE
        SET rating = excluded.rating, score = excluded.score, text = excluded.text, given_at = now()
        RETURNING run_id, tenant_id, given_at
    )
    SELECT given.given_at, runs.team, (SELECT rating FROM before) AS earlier
    FROM given JOIN runs ON runs.id = given.run_id AND runs.tenant_id = given.tenant_id
"""
FIND: LiteralString = """
    SELECT f.rating, f.score, f.text, f.given_at
    FROM runs r LEFT JOIN run_feedback f
      ON f.run_id = r.id AND f.key_id = %(key_id)s AND f.tenant_id = r.tenant_id
    WHERE r.id = %(run_id)s AND r.tenant_id = %(tenant_id)s
"""


class FeedbackUnknown(Refused):
    """The api key has said nothing of the run."""

    code = "feedback_unknown"


class Rating(StrEnum):
    """What somebody thinks of an answer."""

    UP = "up"
    """It helped."""
    DOWN = "down"
    """It did not."""


class Feedback(msgspec.Struct, frozen=True):
    """What is said of a run; `score` is from 0 to 1, None where nobody gave one."""

    rating: Rating
    text: str = ""
    score: float | None = None


class GivenFeedback(msgspec.Struct, frozen=True):
    """What was said of a run, and when; `is_new` where the key had said nothing of it."""

    said: Feedback
    given_at: datetime
    is_new: bool = False


class FeedbackRows:
    """The rows of `run_feedback`."""

    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database = database
        self._metrics = metrics

    async def give(self, caller: Caller, run_id: RunId, said: Feedback) -> GivenFeedback:
        """Keep what a key says of a run, instead of what it said before. Raises RunUnknown, StoreUnavailable."""
        given = _ids(caller, run_id) | {"rating": said.rating, "score": said.score, "text": said.text}
        async with self._database.connection("feedback.give") as conn:
            row = await (await conn.execute(GIVE, given)).fetchone()
        if row is None:
            raise RunUnknown("no such run")
        if row["earlier"] != said.rating:
            self._metrics.feedback.labels(said.rating.value, row["team"]).inc()
        return GivenFeedback(said, row["given_at"], is_new=row["earlier"] is None)

    async def get(self, caller: Caller, run_id: RunId) -> GivenFeedback:
        """Return what a key said of a run. Raises RunUnknown, FeedbackUnknown, StoreUnavailable."""
        async with self._database.connection("feedback.get") as conn:
            row = await (await conn.execute(FIND, _ids(caller, run_id))).fetchone()
        if row is None:
            raise RunUnknown("no such run")
        if row["rating"] is None:
            raise FeedbackUnknown("this api key has said nothing of this run")
        return GivenFeedback(Feedback(Rating(row["rating"]), row["text"], row["score"]), row["given_at"])


def _ids(caller: Caller, run_id: RunId) -> dict[str, object]:
    return {"run_id": run_id, "key_id": caller.key_id, "tenant_id": caller.tenant_id}
