"""Turns a call that ended into its record, and gives its slot back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from app.inference.estimates import US_PER_S, Reported, attributed_us, cost_usd_micro, measure, stand_in
from app.inference.fleet.nodes import Fleet
from app.inference.slots.admission import Held
from app.inference.slots.register import LeaseRegister
from app.inference.words.ends import FinishReason
from app.inference.words.records import CallKind, CallRecord, Outcome
from app.inference.words.route import Reason, Route
from app.telemetry.metrics import Metrics

OnRecord: TypeAlias = Callable[[CallRecord, Route | None], None]

NS_PER_US = 1000


@dataclass(slots=True)
class Seen:
    """What was seen of an attempt from here, while it went on."""

    life_us: int = 0
    """Microseconds from the lease to the first sign of life: text, thinking or a tool call; 0 if there was none."""
    first_token_us: int = 0
    """The same to the first text."""
    reported: Reported | None = None
    finish_reason: FinishReason | None = None


class Settling:
    """Releases leases, makes records, and feeds the fleet's view and the metrics."""

    def __init__(self, fleet: Fleet, leases: LeaseRegister, metrics: Metrics, *, clock: Callable[[], float]) -> None:
        self._fleet = fleet
        self._leases = leases
        self._metrics = metrics
        self._clock = clock

    async def finish(
        self, held: Held, route: Route | None, reported: Reported, seen: Seen, on_record: OnRecord
    ) -> CallRecord:
        """Settle a call that ended well. If this is cancelled, the record goes to `on_record`."""
        ended = self._clock()
        candidate = held.candidate
        speed = measure(reported, was_resident=candidate.resident, was_cached=candidate.affinity)
        self._fleet.succeeded(candidate.node, held.model.name, num_ctx=candidate.num_ctx, speed=speed)
        metered_us = self._leases.gpu_us(held.lease)

        def record() -> CallRecord:
            gpu_us = attributed_us(metered_us, reported.worked_us, self._gpus(held))
            return self._record(held, route, reported, Outcome.DONE, seen, gpu_us, ended)

        try:
            metered_us = await self._leases.release(held.lease)
        except asyncio.CancelledError:
            on_record(record(), route)
            raise
        return record()

    async def break_off(
        self,
        held: Held,
        route: Route | None,
        outcome: Outcome,
        seen: Seen,
        on_record: OnRecord,
    ) -> None:
        """Settle a call that failed or was cancelled; its record goes to `on_record`, even if this is cancelled too."""
        ended = self._clock()
        gpu_us = self._leases.gpu_us(held.lease)
        try:
            gpu_us = await self._leases.release(held.lease)
        finally:
            seen_us = round((ended - held.began) * US_PER_S)
            used = seen.reported or stand_in(
                held.prompt_tokens, held.lease.tokens, seen_us=seen_us, life_us=seen.life_us
            )
            gpu_us = attributed_us(gpu_us, used.worked_us or seen_us, self._gpus(held))
            on_record(self._record(held, route, used, outcome, seen, gpu_us, ended), route)

    def _gpus(self, held: Held) -> int:
        return self._fleet.view(held.candidate.node).node.gpus

    def _record(
        self,
        held: Held,
        route: Route | None,
        used: Reported,
        outcome: Outcome,
        seen: Seen,
        gpu_us: int,
        ended: float,
    ) -> CallRecord:
        facts = held.lease.facts
        record = CallRecord(
            id=facts.id,
            kind=facts.kind,
            agent=facts.agent,
            route_id=route.id if route is not None else None,
            tier=facts.tier,
            node=facts.node,
            model=facts.model,
            digest=facts.digest,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            wait_us=held.wait_us,
            load_us=used.load_us,
            prefill_us=used.prefill_us,
            decode_us=used.decode_us,
            first_token_us=seen.first_token_us,
            gpu_us=gpu_us,
            cost_usd_micro=cost_usd_micro(gpu_us, facts.price_usd_micro_per_hour),
            outcome=outcome,
            started_at=held.started_at,
            ended_at=held.started_at + timedelta(seconds=ended - held.began),
            # What a node reports may leave out tokens that it has streamed, never the other way round.
            thinking_tokens=min(held.lease.thinking_tokens, used.output_tokens),
            finish_reason=seen.finish_reason,
        )
        self._count(record, route.reason if route is not None else Reason.ONLY_CANDIDATE)
        return record

    def _count(self, record: CallRecord, reason: Reason) -> None:
        tier = record.tier.value if record.tier is not None else record.kind.value
        where = (tier, record.node, record.model)
        self._metrics.model_calls.labels(*where, record.outcome.value).inc()
        self._metrics.placements.labels(record.node, reason.value).inc()
        self._metrics.input_tokens.labels(*where).inc(record.input_tokens)
        self._metrics.output_tokens.labels(*where).inc(record.output_tokens)
        if record.kind is CallKind.CHAT:
            self._metrics.thinking_tokens.labels(*where).inc(record.thinking_tokens)
        if record.outcome is Outcome.DONE and record.finish_reason is not None:
            self._metrics.answers.labels(*where, record.finish_reason.value).inc()
        self._metrics.gpu_seconds.labels(*where).inc(record.gpu_us / US_PER_S)
        self._metrics.cost_usd.labels(*where).inc(record.cost_usd_micro / 1_000_000)
        if record.first_token_us and record.kind is CallKind.CHAT:
            self._metrics.first_token.labels(tier, record.model).observe(record.first_token_us / US_PER_S)
