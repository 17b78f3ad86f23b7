"""Plays jobs against servers in real time: clients that come, wait as long as they may, and leave."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from app.inference.estimates import US_PER_S
from ops.bench import cpu
from ops.bench.checks import events_of
from ops.bench.client import Broken, Reply
from ops.bench.crowd import End, Job
from ops.bench.crowded import TOKENS_PER_S, Door, tokens_of
from ops.bench.points import Unmeasured

PATIENT_S = 60.0
"""How long the most patient client waits."""
REFUSED = (429, 503)
OK = 200
AT_ONCE_MS = 100
"""Who waited longer was not refused at once."""
EMPTY_LOOKS, LOOK_S, EMPTY_LIMIT_S = 4, 0.25, 120.0
"""All is over when so many looks in a row find no call and nobody at work; how far they are apart, and how long for."""
IDLE_SHARE = 0.3
"""Of a core; a way's processes that use less between two looks are at nothing but what they do by themselves."""


class _Piece(msgspec.Struct, frozen=True):
    content: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    delta: _Piece = _Piece()


class _Chunk(msgspec.Struct, frozen=True):
    choices: tuple[_Choice, ...] = ()


class _Cut(msgspec.Struct, frozen=True):
    cut: int


@dataclass(slots=True)
class Played:
    """How all jobs ended; `faults` are answers that are neither whole nor a refusal, by what is wrong with them."""

    ends: list[End] = field(default_factory=list[End])
    faults: Counter[str] = field(default_factory=Counter[str])
    cpu_s: Mapping[str, float] = field(default_factory=dict[str, float])
    """CPU seconds of the way's processes while it lasted."""

    @property
    def refusals_s(self) -> list[float]:
        """How long it took to refuse, for each that was refused at once."""
        return [end.decided_s for end in self.ends if end.is_refused and not end.is_late]


async def play(door: Door, jobs: Sequence[Job]) -> Played:
    """Have every job come at its time; return when the last has ended."""
    played, before, began = Played(), used(door), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, job in enumerate(sorted(jobs, key=lambda job: job.at_s)):
            await asyncio.sleep(max(0.0, began + job.at_s - time.perf_counter()))
            group.create_task(_ask(door, number, job, began, played))
    after = used(door)
    played.cpu_s = {name: after[name] - before[name] for name in before}
    return played


async def empty(nodes: Door, ways: Sequence[Door] = ()) -> None:
    """Cut the calls that the nodes still have, until none comes and no way's processes work on.

    `nodes` is the way to them with nothing in between. A gateway may go on reading and asking for clients that have
    left for half a minute: it would take processors and nodes from whoever plays next. Raises Unmeasured.
    """
    looks, before = 0, _cpu_s(ways)
    try:
        async with asyncio.timeout(EMPTY_LIMIT_S):
            while looks < EMPTY_LOOKS:
                cut = await _cut(nodes)
                await asyncio.sleep(LOOK_S)
                after = _cpu_s(ways)
                looks = 0 if cut or after - before > IDLE_SHARE * LOOK_S else looks + 1
                before = after
    except TimeoutError as error:
        raise Unmeasured(f"calls of clients that had left came for more than {EMPTY_LIMIT_S:.0f} s") from error


def _cpu_s(ways: Sequence[Door]) -> float:
    return sum(sum(used(way).values()) for way in ways)


async def _cut(nodes: Door) -> int:
    """Return how many calls were cut."""
    replies = [
        await server.ask(replace(target, path="/control/cut").post(b"", {}, b""))
        for server, target in zip(nodes.servers, nodes.targets, strict=True)
    ]
    return sum(msgspec.json.decode(reply.body, type=_Cut).cut for reply in replies)


def used(door: Door) -> dict[str, float]:
    """Return the CPU seconds of the way's processes until now."""
    return {name: cpu.tree_s(pid) for name, pid in door.trees.items()}


async def _ask(door: Door, number: int, job: Job, began: float, played: Played) -> None:
    at = number % len(door.servers)
    key = door.keys.get(job.tenant, "")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    request = door.targets[at].post(door.body(job), headers, b'"content":"')
    waits_s = job.patience_s if math.isfinite(job.patience_s) else PATIENT_S
    reply: Reply | None = None
    try:
        async with asyncio.timeout(waits_s):
            reply = await door.servers[at].ask(request)
    except TimeoutError:
        pass
    except (Broken, OSError) as error:
        played.faults[type(error).__name__] += 1
    played.ends.append(end_of(job, reply, time.perf_counter() - began, played.faults))


def end_of(job: Job, reply: Reply | None, now_s: float, faults: Counter[str]) -> End:
    """Return how a job ended; an answer that is wrong or cut short is none, and counted among the faults."""
    if reply is None:
        return End(job, now_s)
    if reply.status in REFUSED:
        taken_s = reply.ended_at - reply.sent_at
        return End(job, now_s, is_refused=True, is_late=reply.waited_ms > AT_ONCE_MS, decided_s=taken_s)
    words = words_of(reply)
    if reply.status != OK or words != tokens_of(job):
        faults[f"status {reply.status}, {words} of {tokens_of(job)} words"] += 1
        return End(job, now_s)
    return End(job, now_s, is_answered=True, gpu_us=round(words / TOKENS_PER_S * US_PER_S))


def words_of(reply: Reply) -> int:
    """Return how many words a streamed answer has; none where it is no stream, or does not come to its end."""
    bodies = [body for _, body in events_of(reply.body)]
    if not bodies or bodies[-1].strip() != b"[DONE]":
        return 0
    try:
        chunks = [msgspec.json.decode(body, type=_Chunk) for body in bodies[:-1]]
    except msgspec.MsgspecError:
        return 0
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    return len(text.split())
