"""A person's answer to a run that waits: which request it is for, and what of it is kept."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

import msgspec

from app.agents import run_rows, sessions
from app.agents.life import RunState
from app.agents.values import Answered, Interrupt, Request
from app.errors import BadInput, InterruptUnknown, RunNotWaiting, RunUnknown
from app.ids import Caller, RunId, SessionId
from app.postgres import Connection

SELECT_SESSION: LiteralString = "SELECT session_id FROM runs WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s"
SELECT_WAITING: LiteralString = """
    SELECT state, interrupts, fence FROM runs WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s FOR UPDATE
"""
SELECT_ANSWERS: LiteralString = """
    SELECT step_key, result FROM effects
    WHERE run_id = %(run_id)s AND tenant_id = %(tenant_id)s AND step_key = ANY(%(keys)s)
"""
INSERT_ANSWER: LiteralString = """
    INSERT INTO effects (run_id, step_key, tenant_id, input_sha256, result, fence)
    VALUES (%(run_id)s, %(step_key)s, %(tenant_id)s, %(input_sha256)s, %(result)s, %(fence)s)
"""


class PersonAnswer(msgspec.Struct, frozen=True):
    """What came over the edge: `interrupt_id` may be left out where one request is open."""

    text: str
    interrupt_id: str | None = None


class Went(msgspec.Struct, frozen=True):
    """What became of an answer: `claimed` is the row of the run that it set going, and its session's facts."""

    session_id: SessionId
    is_replay: bool = False
    claimed: tuple[Mapping[str, Any], sessions.SessionFacts] | None = None


def pick(waiting: Sequence[Interrupt], interrupt_id: str | None) -> Interrupt:
    """Return the request that an answer is for. Raises InterruptUnknown, and BadInput when it must say which."""
    if interrupt_id is None and len(waiting) > 1:
        known = ", ".join(one.id for one in waiting)
        raise BadInput("this run asks more than one thing: say which this answers", field="interrupt_id", known=known)
    for one in waiting:
        if interrupt_id in {None, one.id}:
            return one
    raise InterruptUnknown("this run asks nothing of that id, or it is answered otherwise", interrupt_id=interrupt_id)


def read_answer(request: Request, text: str, by: str) -> Answered:
    """Return what is kept of an answer. Raises BadInput when it is none of those that the request takes."""
    if not request.options:
        return Answered(text, None, by)
    for option in request.options:
        if option.casefold() == text.strip().casefold():
            return Answered(text, option, by)
    raise BadInput("the answer must be one of the options", field="answer", known=", ".join(request.options))


async def take(
    conn: Connection, caller: Caller, run_id: RunId, answer: PersonAnswer, resumed: Mapping[str, object], *, ttl_s: int
) -> Went:
    """Store an answer inside the caller's transaction; the last open one sets the run going, as `resumed` says.

    Raises RunUnknown, RunNotWaiting, InterruptUnknown, BadInput, SessionUnknown.
    """
    ids = {"run_id": run_id, "tenant_id": caller.tenant_id}
    found = await (await conn.execute(SELECT_SESSION, ids)).fetchone()
    if found is None:
        raise RunUnknown("no such run")
    # First the session, then the run: in the order in which runs are accepted and ended.
    session = await sessions.revive(conn, caller.tenant_id, SessionId(found["session_id"]), ttl_s=ttl_s)
    row = await (await conn.execute(SELECT_WAITING, ids)).fetchone()
    if row is None:
        raise RunUnknown("no such run")
    waiting = msgspec.convert(row["interrupts"], list[Interrupt])
    if await _is_repeated(conn, ids, answer, waiting):
        return Went(session.session_id, is_replay=True)
    if row["state"] != RunState.WAITING.value:
        raise RunNotWaiting("this run waits for no answer", state=row["state"])
    asked = pick(waiting, answer.interrupt_id)
    given = {
        "step_key": asked.id,
        "input_sha256": bytes.fromhex(asked.input_sha256),
        "result": msgspec.msgpack.encode(read_answer(asked.request, answer.text, str(caller.key_id))),
        "fence": row["fence"],
    }
    await conn.execute(INSERT_ANSWER, ids | given)
    left = [one for one in waiting if one.id != asked.id]
    if left:
        await run_rows.answer(conn, caller.tenant_id, run_id, left)
        return Went(session.session_id)
    claimed = await run_rows.resume(conn, ids | dict(resumed))
    return Went(session.session_id, claimed=None if claimed is None else (claimed, session))


async def _is_repeated(
    conn: Connection, ids: Mapping[str, object], answer: PersonAnswer, waiting: Sequence[Interrupt]
) -> bool:
    """Whether the request that the answer names has this very answer already: whoever sent it did not hear of it."""
    if answer.interrupt_id is None or any(one.id == answer.interrupt_id for one in waiting):
        return False
    found = await conn.execute(SELECT_ANSWERS, {**ids, "keys": [answer.interrupt_id]})
    row = await found.fetchone()
    return row is not None and msgspec.msgpack.decode(row["result"], type=Answered).text == answer.text
