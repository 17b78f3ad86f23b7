"""Measures what an idle node does with a model: how fast it loads, reads and writes, and how many calls run at once.

It asks the node itself and takes no slots, since it finds out how many there should be: give it a drained node. What it
takes is charged to the installation.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from app.inference.calls.settling import NS_PER_US, OnUsage
from app.inference.estimates import US_PER_S, Meter, Speed, cost_usd_micro
from app.inference.fleet.catalogue import Model, Node
from app.inference.wire.bodies import ChatLine, chat_body
from app.inference.wire.exchange import Target
from app.inference.wire.ollama import Ollama, Waits
from app.inference.wire.stream import Heard
from app.inference.words.account import Account, Purpose
from app.inference.words.records import CallKind, ChatCall, Message, Outcome, Usage

AGENT = "calibration"
LIMIT_S = 120.0
"""All of it; a step that would begin later is left out."""
LOAD_LIMIT_S = 300.0
CALL_LIMIT_S = 60.0
ANSWER_TOKENS = 48
PROMPT_WORDS = 600
MOST_AT_ONCE = 16
ENOUGH = 0.9
"""The fewest calls at once that bring so much of the most tokens a second are recommended as slots."""
_NS_PER_S = 1_000_000_000
_WORDS = "amber basin cedar delta ember fjord grove harbor island juniper kettle lantern meadow nectar orchard".split()  # noqa: SIM905


class Step(msgspec.Struct, frozen=True):
    """So many calls at once: how many ran side by side at most, and their tokens a second, all together."""

    calls: int
    side_by_side: int
    tokens_per_s: float


class Calibrated(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of a model on a node. Speeds in tokens a second of one call alone, `load_s` in seconds.

    `num_ctx` is the context size that it was measured with. `slots` are those to declare, `declared` those that are.
    """

    node: str
    model: str
    num_ctx: int
    load_s: float
    prefill_per_s: float
    tokens_per_s: float
    steps: tuple[Step, ...]
    declared: int

    @property
    def runs_at_once(self) -> int:
        """How many calls the node really ran at once (its `OLLAMA_NUM_PARALLEL`, if so many were tried)."""
        return max((step.side_by_side for step in self.steps), default=1)

    @property
    def slots(self) -> int:
        """How many slots to declare."""
        return recommend(self.steps, declared=self.declared)

    @property
    def speed(self) -> Speed:
        """What estimates begin with."""
        return Speed(self.tokens_per_s, self.prefill_per_s, self.load_s)


def recommend(steps: Sequence[Step], *, declared: int) -> int:
    """Return how many slots bring nearly the most tokens a second, and never more than ran side by side."""
    most = max((step.tokens_per_s for step in steps), default=0.0)
    if most <= 0.0:
        return declared
    enough = min(step.calls for step in steps if step.tokens_per_s >= ENOUGH * most)
    return max(1, min(enough, max(step.side_by_side for step in steps)))


def levels(declared: int) -> list[int]:
    """Return how many calls at once are tried: one, then twice as many each time, to beyond the declared slots."""
    most = min(MOST_AT_ONCE, 2 * declared)
    tried = [1]
    while tried[-1] * 2 <= most:
        tried.append(tried[-1] * 2)
    return tried


def side_by_side(spans: Sequence[tuple[float, float]]) -> int:
    """Return how many of these spans of time lie over each other at most."""
    # At one moment what ends ends first.
    marks = sorted([(end, -1) for _, end in spans] + [(begin, 1) for begin, _ in spans])
    most = now = 0
    for _, change in marks:
        now += change
        most = max(most, now)
    return most


@dataclass(frozen=True, slots=True)
class _Said:
    """One call that ended: its last line, and when its first token and its end came, by the clock."""

    line: ChatLine
    first_at: float
    ended_at: float


@dataclass(frozen=True, slots=True)
class _Asked:
    """One call under way; times by the clock, `started_at` by the calendar."""

    id: str
    digest: str
    began: float
    started_at: datetime
    heard_at: list[float] = field(default_factory=list[float])


class Calibrator:
    """Measures one model on one node."""

    def __init__(
        self, ollama: Ollama, node: Node, model: Model, *, on_usage: OnUsage, clock: Callable[[], float]
    ) -> None:
        self._ollama = ollama
        self._node = node
        self._model = model
        self._on_usage = on_usage
        self._clock = clock
        self._meter = Meter(gpus=node.gpus, at_us=self._now_us())
        self._num_ctx = model.num_ctx[0]

    async def measure(self, *, digest: str, tell: Callable[[str], None]) -> Calibrated:
        """Unload the model, load it, and ask it ever more at once; `tell` is told what was found. Raises CallBroke."""
        until = self._clock() + LIMIT_S
        await self._unload()
        loaded = await self._ask(digest, "Say hello.", 1, limit_s=LOAD_LIMIT_S)
        load_s = loaded.line.load_duration / _NS_PER_S
        tell(f"loads in {load_s:.1f} s")
        read = await self._ask(digest, _prompt(PROMPT_WORDS, 0), 1, limit_s=LOAD_LIMIT_S)
        prefill_per_s = _per_s(read.line.prompt_eval_count, read.line.prompt_eval_duration)
        tell(f"reads {prefill_per_s:.0f} tokens a second")
        steps, alone = list[Step](), 0.0
        for calls in levels(self._node.slots):
            if self._clock() >= until:
                break
            said = await self._at_once(digest, calls)
            steps.append(_step(said))
            alone = alone or _per_s(said[0].line.eval_count, said[0].line.eval_duration)
            tell(f"{calls} at once: {steps[-1].tokens_per_s:.0f} tokens/s, {steps[-1].side_by_side} side by side")
        return Calibrated(
            node=self._node.name,
            model=self._model.name,
            num_ctx=self._num_ctx,
            load_s=load_s,
            prefill_per_s=prefill_per_s,
            tokens_per_s=alone,
            steps=tuple(steps),
            declared=self._node.slots,
        )

    async def _at_once(self, digest: str, calls: int) -> list[_Said]:
        asked = [
            self._ask(digest, _prompt(12, number), ANSWER_TOKENS, limit_s=calls * CALL_LIMIT_S)
            for number in range(calls)
        ]
        ended = await asyncio.gather(*asked, return_exceptions=True)
        said = [one for one in ended if not isinstance(one, BaseException)]
        for one in ended:
            if isinstance(one, BaseException):
                raise one
        return said

    async def _unload(self) -> None:
        """Have the node drop the model (ollama: server/routes.go, ChatHandler: no messages and keep_alive 0)."""
        call = self._call((), 1)
        body = chat_body(call, model=self._model.name, keep_alive=0, num_ctx=self._num_ctx, prefix="", max_tokens=1)
        await self._ollama.chat(self._target, body, Waits(CALL_LIMIT_S, CALL_LIMIT_S), lambda _: None)

    async def _ask(self, digest: str, question: str, max_tokens: int, *, limit_s: float) -> _Said:
        asked = _Asked(str(uuid4()), digest, self._clock(), datetime.now(UTC))
        self._meter.start(asked.id, self._now_us(), expected_rate=self._model.tokens_per_s)

        def on_heard(_: Heard) -> None:
            asked.heard_at.append(self._clock())
            self._meter.tick(asked.id, len(asked.heard_at), self._now_us())

        body = chat_body(
            self._call((Message("user", question),), max_tokens),
            model=self._model.name,
            keep_alive=self._model.keep_alive,
            num_ctx=self._num_ctx,
            prefix="",
            max_tokens=max_tokens,
        )
        lines = list[ChatLine]()
        try:
            lines.append(await self._ollama.chat(self._target, body, Waits(limit_s, CALL_LIMIT_S), on_heard))
        finally:
            self._on_usage(self._usage(asked, lines))
        ended = self._clock()
        return _Said(lines[0], asked.heard_at[0] if asked.heard_at else ended, ended)

    def _usage(self, asked: _Asked, lines: Sequence[ChatLine]) -> Usage:
        gpu_us, said = self._meter.end(asked.id, self._now_us()), next(iter(lines), ChatLine())
        first_at = asked.heard_at[0] if asked.heard_at else asked.began
        return Usage(
            id=UUID(asked.id),
            account=Account(purpose=Purpose.CALIBRATION),
            kind=CallKind.CHAT,
            agent=AGENT,
            route=None,
            tier=None,
            node=self._node.name,
            model=self._model.name,
            digest=asked.digest,
            input_tokens=said.prompt_eval_count,
            output_tokens=said.eval_count or len(asked.heard_at),
            wait_us=0,
            load_us=said.load_duration // NS_PER_US,
            prefill_us=said.prompt_eval_duration // NS_PER_US,
            decode_us=said.eval_duration // NS_PER_US,
            first_token_us=round((first_at - asked.began) * US_PER_S),
            gpu_us=gpu_us,
            cost_usd_micro=cost_usd_micro(gpu_us, self._node.price_usd_micro_per_hour),
            outcome=Outcome.DONE if lines else Outcome.FAILED,
            started_at=asked.started_at,
            ended_at=asked.started_at + timedelta(seconds=self._clock() - asked.began),
        )

    @property
    def _target(self) -> Target:
        return Target(self._node.name, self._node.url, self._model.name)

    def _call(self, messages: tuple[Message, ...], max_tokens: int) -> ChatCall:
        return ChatCall(
            messages=messages,
            question="",
            agent=AGENT,
            account=Account(purpose=Purpose.CALIBRATION),
            max_tokens=max_tokens,
            temperature=1.0,
        )

    def _now_us(self) -> int:
        return int(self._clock() * US_PER_S)


def _step(said: Sequence[_Said]) -> Step:
    began, ended = min(one.first_at for one in said), max(one.ended_at for one in said)
    tokens = sum(one.line.eval_count for one in said)
    rate = tokens / (ended - began) if ended > began else 0.0
    return Step(len(said), side_by_side([(one.first_at, one.ended_at) for one in said]), rate)


def _prompt(words: int, number: int) -> str:
    """Return a text of so many words that no prompt before began with, so that no cache has it."""
    mark = uuid4().hex[:8]
    return f"{mark} {number}: " + " ".join(_WORDS[(7 * index + number) % len(_WORDS)] for index in range(words))


def _per_s(tokens: int, duration_ns: int) -> float:
    return tokens * _NS_PER_S / duration_ns if duration_ns else 0.0
