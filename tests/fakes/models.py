"""Models without nodes: they say what a test scripts, and keep what they were asked."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import msgspec

from app.degradation import Degradation
from app.inference.calls.plan import Plan
from app.inference.routing.explanation import Choice
from app.inference.slots.outlook import Outlook
from app.inference.slots.patience import OnQueue, ignore_queue
from app.inference.words.account import Account
from app.inference.words.ends import FinishReason
from app.inference.words.messages import ToolCall
from app.inference.words.records import Answer, CallKind, ChatCall, Embedding, Outcome, Usage
from app.inference.words.route import Route
from app.inference.words.tiers import Tier
from tests.fakes.runner import NOW, ROUTE

PLAN = Plan(
    choice=Choice(
        floor=ROUTE.tier,
        tier_reason=ROUTE.tier_reason,
        need=ROUTE.need,
        asking=ROUTE.asking,
        candidates=ROUTE.candidates,
        chosen=ROUTE.candidates[0],
        reason=ROUTE.reason,
    ),
    unmet=None,
)


@dataclass
class Line:
    """What one call says: `refusal` before its slot, then thinking and pieces, then `breaks`, or its end."""

    pieces: tuple[str, ...] = ("Hello ", "there.")
    thinking: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason = FinishReason.STOP
    waits: tuple[Outlook, ...] = ()
    """Where it stands before it is refused, or has a slot."""
    refusal: Exception | None = None
    breaks: Exception | None = None
    restarts: bool = False
    degraded: tuple[Degradation, ...] = ()
    release: asyncio.Event | None = None
    """Waited for after the pieces."""


@dataclass
class FakeModels:
    """Answers each chat by the next line, else by a plain one."""

    lines: list[Line] = field(default_factory=list[Line])
    calls: list[ChatCall] = field(default_factory=list[ChatCall])
    embedded: list[tuple[tuple[str, ...], str | None, Account]] = field(
        default_factory=list[tuple[tuple[str, ...], str | None, Account]]
    )
    refusal: Exception | None = None
    """What an embedding is refused with."""
    cancelled: int = 0

    async def plan(self, call: ChatCall, /) -> Plan:
        """Return PLAN, and keep the call."""
        self.calls.append(call)
        return PLAN

    async def chat(
        self,
        call: ChatCall,
        *,
        on_route: Callable[[Route], None],
        on_delta: Callable[[str], None],
        on_restart: Callable[[], None],
        on_usage: Callable[[Usage], None],
        on_thinking: Callable[[int, str], None],
        on_queue: OnQueue = ignore_queue,
    ) -> Answer:
        """Say the next line."""
        line = self.lines.pop(0) if self.lines else Line()
        self.calls.append(call)
        for outlook in line.waits:
            on_queue(outlook)
            await asyncio.sleep(0)
        if line.refusal is not None:
            raise line.refusal
        outcome = Outcome.CANCELLED
        on_route(ROUTE)
        try:
            await self._say(line, on_delta, on_restart, on_thinking)
            outcome = Outcome.DONE if line.breaks is None else Outcome.FAILED
            if line.breaks is not None:
                raise line.breaks
        finally:
            self.cancelled += outcome is Outcome.CANCELLED
            used = usage(call.account, CallKind.CHAT, call.agent, outcome)
            on_usage(used)
        return Answer(
            text="".join(line.pieces),
            thinking="".join(line.thinking),
            tool_calls=line.tool_calls,
            route=ROUTE,
            usage=used,
            continued=False,
            finish_reason=line.finish_reason,
            degraded=line.degraded,
        )

    async def embed(
        self,
        texts: Sequence[str],
        *,
        agent: str,
        account: Account,
        on_usage: Callable[[Usage], None],
        model: str | None = None,
    ) -> Embedding:
        """Return vectors that tell the texts apart by their length."""
        self.embedded.append((tuple(texts), model, account))
        if self.refusal is not None:
            raise self.refusal
        used = usage(account, CallKind.EMBED, agent, Outcome.DONE)
        on_usage(used)
        vectors = tuple((float(len(text)), 0.5, -1.0) for text in texts)
        return Embedding(vectors=vectors, digest=used.digest, usage=used)

    async def _say(
        self,
        line: Line,
        on_delta: Callable[[str], None],
        on_restart: Callable[[], None],
        on_thinking: Callable[[int, str], None],
    ) -> None:
        thought = 0
        for text in line.thinking:
            on_thinking(thought, text)
            thought += len(text)
        for text in line.pieces:
            on_delta(text)
            await asyncio.sleep(0)
        if line.restarts:
            on_restart()
        if line.release is not None:
            await line.release.wait()


class FakeBook:
    """Keeps usage."""

    def __init__(self) -> None:
        self.taken: list[Usage] = []

    def take(self, usage: Usage, /) -> None:
        """Keep it."""
        self.taken.append(usage)


def usage(account: Account, kind: CallKind, agent: str, outcome: Outcome) -> Usage:
    """Return what a call took: half a second, 120 tokens in, 8 out, 25 micro-dollars."""
    return Usage(
        id=uuid4(), account=account, kind=kind, agent=agent, route=ROUTE, tier=Tier.SIMPLE, node=ROUTE.node,
        model=ROUTE.model, digest=ROUTE.digest, input_tokens=120, output_tokens=8, wait_us=1000, load_us=2000,
        prefill_us=3000, decode_us=4000, first_token_us=5000, gpu_us=250_000, cost_usd_micro=25, outcome=outcome,
        started_at=NOW, ended_at=NOW + timedelta(seconds=0.5),
    )  # fmt: skip


def tool_call(name: str, arguments: str, call_id: str = "") -> ToolCall:
    """Return a call of a tool."""
    return msgspec.convert(
        {"function": {"name": name, "arguments": msgspec.Raw(arguments.encode())}, "id": call_id}, ToolCall
    )
