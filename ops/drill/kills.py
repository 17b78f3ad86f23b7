"""Kills the replica that serves a stream, at random moments, and checks that nothing was lost or done twice."""

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import LiteralString, TypeAlias

import httpx
import psycopg
from psycopg.rows import DictRow, dict_row

from ops.drill.client import Reader, ask, come_back
from ops.local.choices import layout_from
from ops.local.demo_key import find_demo_key
from ops.local.layout import DATABASE
from ops.local.process import poll_until
from ops.local.state import StateFile
from ops.local.supervised import PartState

Conn: TypeAlias = psycopg.Connection[DictRow]

TAKEOVER_SLACK_S = 5.0
"""A worker has a dead replica's run within the lease and this."""
END_LIMIT_S = 120.0
BACK_LIMIT_S = 60.0
MAX_TOKENS = 96
TEMPERATURE = 0.8
QUESTIONS = (
    "Tell me everything about the warranty, in many words.",
    "Describe how to set the device up, step by step.",
    "What should I know about cleaning and care? Explain at length.",
    "List all limits and prices that you know of, one after the other.",
)

SELECT_RUN: LiteralString = """
    SELECT state, attempt, fence, lease_owner, answer FROM runs WHERE id = %(run_id)s
"""
SELECT_EFFECTS: LiteralString = """
    SELECT step_key, fence, created_at FROM effects WHERE run_id = %(run_id)s ORDER BY step_key
"""
SELECT_CALLS: LiteralString = """
    SELECT kind, outcome, count(*) AS calls FROM usage WHERE run_id = %(run_id)s GROUP BY kind, outcome
"""
SELECT_ANSWERS: LiteralString = """
    SELECT content FROM messages WHERE run_id = %(run_id)s AND role = 'assistant'
"""


class DrillFailed(Exception):
    """A promise was broken; the message says which, in which kill."""


@dataclass(frozen=True, slots=True)
class Target:
    """A running local stack."""

    url: str
    key: str
    database_url: str
    lease_s: float
    pid_of: Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill, and what was seen of it."""

    run_id: str
    seen_at_kill: int
    length: int
    takeover_s: float
    restarts: int
    effects_kept: int


def target_of(environ: dict[str, str], *, lease_s: float) -> Target:
    """Return the stack that `python -m ops.local up` started with this environment. Raises DrillFailed."""
    layout = layout_from(environ, is_system=False)
    states = StateFile(layout.directory)

    def pid_of(replica: str) -> int:
        state = states.find()
        for part in state.parts if state is not None else ():
            if part.name == replica and part.state is PartState.READY and part.process is not None:
                return part.process.pid
        raise DrillFailed(f"{replica} is not running")

    state = states.find()
    if state is None or not state.is_alive:
        raise DrillFailed("no stack runs")
    address = next((part.address for part in state.parts if part.name == "postgres"), "")
    database_url = layout.outside.database_url or (
        f"postgresql://switchyard:{layout.secrets.database}@{address}/{DATABASE}"
    )
    return Target(state.url, find_demo_key(layout.directory) or "", database_url, lease_s, pid_of)


def kill_once(target: Target, rng: random.Random) -> Kill | None:
    """Ask, kill the owner in mid-answer, come back, compare; None when the answer ended before the kill.

    Raises DrillFailed.
    """
    reader, wanted = Reader(), rng.randrange(1, 200)
    question = rng.choice(QUESTIONS)
    body = {"message": question, "temperature": TEMPERATURE, "max_tokens": MAX_TOKENS}
    killed_at = 0.0
    before: list[DictRow] = []
    with Conn.connect(target.database_url, autocommit=True, row_factory=dict_row) as conn:

        def kill_when_seen(seen: Reader) -> bool:
            nonlocal killed_at, before
            if killed_at or len(seen.text) < wanted or seen.end:
                return False
            row = _one(conn, SELECT_RUN, seen.run_id)
            if row["state"] != "running":
                return True
            before = conn.execute(SELECT_EFFECTS, {"run_id": seen.run_id}).fetchall()
            os.kill(target.pid_of(str(row["lease_owner"]).partition(":")[0]), signal.SIGKILL)
            killed_at = time.monotonic()
            return False

        ask(target.url, target.key, body, reader, until=kill_when_seen)
        if not killed_at or reader.end:
            return None
        seen_at_kill = len(reader.text)
        takeover_s = _await_takeover(conn, target, reader.run_id, killed_at)
        _read_rest(target, reader)
        _check(conn, reader, before)
        kept = len(before)
    return Kill(reader.run_id, seen_at_kill, len(reader.text), takeover_s, reader.restarts, kept)


def wait_for_replicas(target: Target) -> None:
    """Wait until the stack is whole again. Raises DrillFailed."""

    def whole() -> bool:
        try:
            target.pid_of("replica-1")
            target.pid_of("replica-2")
        except DrillFailed:
            return False
        return True

    if not poll_until(whole, BACK_LIMIT_S):
        raise DrillFailed("a killed replica did not come back")


def _await_takeover(conn: Conn, target: Target, run_id: str, killed_at: float) -> float:
    limit_s = target.lease_s + TAKEOVER_SLACK_S

    def taken() -> bool:
        return int(_one(conn, SELECT_RUN, run_id)["attempt"]) > 1

    if not poll_until(taken, limit_s - (time.monotonic() - killed_at)):
        raise DrillFailed(f"run {run_id}: nobody took it over within {limit_s:g} s")
    return time.monotonic() - killed_at


def _read_rest(target: Target, reader: Reader) -> None:
    until = time.monotonic() + END_LIMIT_S
    while not reader.end and time.monotonic() < until:
        try:
            come_back(target.url, target.key, reader)
        except (httpx.HTTPStatusError, httpx.TransportError):
            time.sleep(0.2)
    if reader.end != "done":
        raise DrillFailed(f"run {reader.run_id}: ended with {reader.end or 'silence'}: {reader.final}")


def _check(conn: Conn, reader: Reader, before: list[DictRow]) -> None:
    run_id = reader.run_id
    row = _one(conn, SELECT_RUN, run_id)
    answers = [str(answer["content"]) for answer in conn.execute(SELECT_ANSWERS, {"run_id": run_id}).fetchall()]
    if row["state"] != "done" or answers != [row["answer"]]:
        raise DrillFailed(f"run {run_id}: state {row['state']}, {len(answers)} answers stored")
    if reader.text != row["answer"]:
        raise DrillFailed(f"run {run_id}: the client has {reader.text!r}, stored is {row['answer']!r}")
    after = {effect["step_key"]: effect for effect in conn.execute(SELECT_EFFECTS, {"run_id": run_id}).fetchall()}
    for effect in before:
        if after.get(effect["step_key"]) != effect:
            raise DrillFailed(f"run {run_id}: the finished effect {effect['step_key']} was done again")
    calls = conn.execute(SELECT_CALLS, {"run_id": run_id}).fetchall()
    done = {call["kind"]: call["calls"] for call in calls if call["outcome"] == "done"}
    if done != {"embed": 1, "chat": 1}:
        raise DrillFailed(f"run {run_id}: paid calls are {done}")


def _one(conn: Conn, query: LiteralString, run_id: str) -> DictRow:
    row = conn.execute(query, {"run_id": run_id}).fetchone()
    if row is None:
        raise DrillFailed(f"run {run_id} is not in the database")
    return row
