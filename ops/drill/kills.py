"""Ends the process that answers a stream, at random moments, and checks that nothing was lost or done twice."""

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from psycopg.rows import DictRow

from ops.drill.client import Reader, ask, come_back
from ops.drill.rows import Rows, open_rows
from ops.drill.target import DrillFailed, Target
from ops.local.parts import worker
from ops.local.process import ProcessId, poll_until

MAX_TOKENS = 96
LONG_MAX_TOKENS = 400
"""For a run that is to be cut twice, or to outlast a drain."""
SEEN_CHARACTERS = 200
"""A signal comes after a random number of characters below this; 0 is before the first one."""
TEMPERATURE = 0.8
FAILURES_AT_MOST = 3
QUESTIONS = (
    "Tell me everything about the warranty, in many words.",
    "Describe how to set the device up, step by step.",
    "What should I know about cleaning and care? Explain at length.",
    "List all limits and prices that you know of, one after the other.",
)


@dataclass(frozen=True, slots=True)
class Kill:
    """One run whose owner was ended, and what was seen of it.

    `takeover_s` is from the last signal until another process owned the run; None where it was not timed.
    """

    run_id: str
    parts: tuple[str, ...]
    seen_at: int
    length: int
    attempts: int
    takeover_s: float | None
    restarts: int
    effects_kept: int


@dataclass(frozen=True, slots=True)
class Series:
    """Many kills: those that held, the failures in words, and how many answers ended before their signal."""

    kills: tuple[Kill, ...]
    failures: tuple[str, ...]
    too_late: int


@dataclass(slots=True)
class Blow:
    """Sends a signal to the owner of a run, once, when its client has seen `wanted` characters and `part` owns it."""

    target: Target
    rows: Rows
    number: signal.Signals
    part: str
    wanted: int
    leaves: bool = False
    """Whether the client stops reading then, instead of when the stream breaks."""
    at: float | None = None
    seen: int = 0
    struck: str = ""
    process: ProcessId | None = None
    before: list[DictRow] = field(default_factory=list[DictRow])

    def __call__(self, seen: Reader) -> bool:
        """Look at what the client has seen; true when it should stop reading."""
        if self.at is not None or seen.end or not seen.run_id or len(seen.text) < self.wanted:
            return False
        run = self.rows.run(seen.run_id)
        if run.state != "running" or not run.owner.startswith(self.part):
            return False
        self.before = self.rows.effects(seen.run_id)
        self.process = self.target.owner_process(run.owner)
        self.process.send(self.number)
        self.at, self.seen, self.struck = time.monotonic(), len(seen.text), run.owner.partition(":")[0]
        return self.leaves


def kill_replica(target: Target, rng: random.Random) -> Kill | None:
    """Ask, kill -9 the answering replica, come back, compare; None when the answer ended before the kill.

    Raises DrillFailed.
    """
    with open_rows(target.database_url) as rows:
        blow, reader = Blow(target, rows, signal.SIGKILL, "replica", rng.randrange(SEEN_CHARACTERS)), Reader()
        _ask(target, rng, reader, blow, max_tokens=MAX_TOKENS)
        if blow.at is None or reader.end:
            return None
        seen_at = len(reader.text)
        takeover_s = _await_attempt(rows, reader.run_id, 2, since=blow.at, limit_s=_takeover_limit_s(target))
        _read_rest(target, reader)
        return _kill_of(rows, reader, [blow], seen_at, takeover_s)


def kill_replica_and_worker(target: Target, rng: random.Random) -> Kill | None:
    """As `kill_replica`, then kill -9 the worker in the middle of its takeover; it must come back and end the run.

    None when the answer ended before the second kill. Raises DrillFailed.
    """
    with open_rows(target.database_url) as rows:
        first, reader = Blow(target, rows, signal.SIGKILL, "replica", rng.randrange(SEEN_CHARACTERS)), Reader()
        _ask(target, rng, reader, first, max_tokens=LONG_MAX_TOKENS)
        if first.at is None or reader.end:
            return None
        _await_attempt(rows, reader.run_id, 2, since=first.at, limit_s=_takeover_limit_s(target))
        wanted = len(reader.text) + rng.randrange(SEEN_CHARACTERS)
        second = Blow(target, rows, signal.SIGKILL, worker.NAME, wanted, leaves=True)
        _read_rest(target, reader, until=second)
        if second.at is None:
            return None
        seen_at = len(reader.text)
        # There is one worker: it must be started again before it can take anything over.
        limit_s = target.limits.back_s + _takeover_limit_s(target)
        takeover_s = _await_attempt(rows, reader.run_id, 3, since=second.at, limit_s=limit_s)
        _read_rest(target, reader)
        return _kill_of(rows, reader, [first, second], seen_at, takeover_s)


def stop_replica(target: Target, rng: random.Random) -> Kill | None:
    """Ask, stop the answering replica by SIGTERM, read on as a client does, compare.

    None when the answer ended before the signal, or within the drain. Raises DrillFailed.
    """
    with open_rows(target.database_url) as rows:
        blow, reader = Blow(target, rows, signal.SIGTERM, "replica", rng.randrange(SEEN_CHARACTERS)), Reader()
        _ask(target, rng, reader, blow, max_tokens=LONG_MAX_TOKENS)
        if blow.at is None:
            return None
        _read_rest(target, reader)
        stopped = _kill_of(rows, reader, [blow], blow.seen, None)
        process = blow.process
        if process is not None and not poll_until(lambda: not process.is_alive(), target.limits.back_s):
            raise DrillFailed(f"{blow.struck} did not stop within {target.limits.back_s:g} s")
        return stopped if stopped.attempts > 1 else None


def series(
    drill: Callable[[Target, random.Random], Kill | None],
    target: Target,
    rng: random.Random,
    *,
    kills: int,
    within_s: float,
    tell: Callable[[str], None],
) -> Series:
    """Repeat a drill until it was done `kills` times; a few failures, or no end `within_s`, end it as well."""
    done, failures, too_late, end_at = list[Kill](), list[str](), 0, time.monotonic() + within_s
    while len(done) + len(failures) < kills and len(failures) < FAILURES_AT_MOST:
        if time.monotonic() > end_at:
            failures.append(f"{len(done)} of {kills} after {within_s:g} s; {too_late} answers ended before the signal")
            break
        try:
            # Not until all are back: then the next kill may leave nobody to come back to for a while, as it happens.
            target.wait_until_able()
            kill = drill(target, rng)
        except DrillFailed as failure:
            failures.append(str(failure))
            tell(f"FAILED: {failure}")
            continue
        if kill is None:
            too_late += 1
        else:
            done.append(kill)
            tell(f"{len(done)} of {kills}: {describe(kill)}")
    return Series(tuple(done), tuple(failures), too_late)


def describe(kill: Kill) -> str:
    """Return one line about a kill."""
    took = "" if kill.takeover_s is None else f", taken over after {kill.takeover_s:.1f} s"
    return (
        f"{' then '.join(kill.parts)} at {kill.seen_at} of {kill.length} characters{took}, "
        f"{kill.attempts} attempts, {kill.effects_kept} effects kept, {kill.restarts} restarts"
    )


def _ask(target: Target, rng: random.Random, reader: Reader, blow: Blow, *, max_tokens: int) -> None:
    body = {"message": rng.choice(QUESTIONS), "temperature": TEMPERATURE, "max_tokens": max_tokens}
    try:
        ask(target.url, target.key, body, reader, until=blow)
    except httpx.HTTPError as error:
        raise DrillFailed(f"the question was not taken: {error!r}") from error


def _takeover_limit_s(target: Target) -> float:
    return target.lease_s + target.limits.takeover_s


def _await_attempt(rows: Rows, run_id: str, attempt: int, *, since: float, limit_s: float) -> float:
    """Wait until the run is in that attempt; returns the seconds since `since`."""

    def taken() -> bool:
        return rows.run(run_id).attempt >= attempt

    if not poll_until(taken, since + limit_s - time.monotonic()):
        raise DrillFailed(f"run {run_id}: nobody took it over within {limit_s:g} s")
    return time.monotonic() - since


def _read_rest(target: Target, reader: Reader, until: Callable[[Reader], bool] = lambda _: False) -> None:
    """Come back for the rest of the events until the run has ended, or `until` says so."""
    left = False

    def watch(seen: Reader) -> bool:
        nonlocal left
        left = left or until(seen)
        return left

    end_at = time.monotonic() + target.limits.end_s
    while not reader.end and not left and time.monotonic() < end_at:
        try:
            come_back(target.url, target.key, reader, until=watch)
        except httpx.HTTPError:
            time.sleep(0.2)
    if not left and reader.end != "done":
        raise DrillFailed(f"run {reader.run_id}: ended with {reader.end or 'silence'}: {reader.final}")


def _kill_of(rows: Rows, reader: Reader, blows: list[Blow], seen_at: int, takeover_s: float | None) -> Kill:
    before = [effect for blow in blows for effect in blow.before]
    row = rows.compare(reader, before)
    return Kill(
        run_id=reader.run_id,
        parts=tuple(blow.struck for blow in blows),
        seen_at=seen_at,
        length=len(reader.text),
        attempts=row.attempt,
        takeover_s=takeover_s,
        restarts=reader.restarts,
        effects_kept=len(blows[-1].before),
    )
