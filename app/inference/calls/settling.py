"""Turns a call that ended into its usage, and gives its slot back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from app.inference.accuracy import compare, loading_of
from app.inference.estimates import US_PER_S, Reported, attributed_us, cost_usd_micro, measure, stand_in
from app.inference.fleet.nodes import Fleet
from app.inference.fleet.overlap import Overlap, waited_us
from app.inference.slots.admission import Held
from app.inference.slots.lease import Ending
from app.inference.slots.register import LeaseRegister
from app.inference.wire.bodies import ChatLine, EmbedReply
from app.inference.words.ends import FinishReason
from app.inference.words.records import CallKind, Outcome, Usage
from app.inference.words.route import Reason, Route
from app.telemetry.metrics import Metrics

OnUsage: TypeAlias = Callable[[Usage], None]
"""Told the usage of every attempt, once each, however it ended; whoever is told has it stored."""

NS_PER_US = 1000
ENDINGS = {Outcome.DONE: Ending.DONE, Outcome.CANCELLED: Ending.LEFT}
"""What the queue hears of calls that ended so; the others were cut."""
OWN = "own"
"""The label `tier` of calls that the installation makes for itself."""


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
    """Releases leases, makes usage, and feeds the fleet's view and the metrics."""

    def __init__(self, fleet: Fleet, leases: LeaseRegister, metrics: Metrics, *, clock: Callable[[], float]) -> None:
        self._fleet = fleet
        self._leases = leases
        self._metrics = metrics
        self._clock = clock

    async def settle(self, held: Held, route: Route | None, outcome: Outcome, seen: Seen, on_usage: OnUsage) -> Usage:
        """Settle an attempt, however it ended; its usage goes to `on_usage`, even if this is cancelled."""
        ended = self._clock()
        if outcome is Outcome.DONE and seen.reported is not None:
            self._learn(held, seen.reported, seen)
        gpu_us = self._leases.gpu_us(held.lease)
        held.lease.ending = ENDINGS.get(outcome, Ending.CUT)
        try:
            gpu_us = await self._leases.release(held.lease)
        finally:
            seen_us = round((ended - held.began) * US_PER_S)
            used = seen.reported or stand_in(
                held.prompt_tokens, held.lease.tokens, seen_us=seen_us, life_us=seen.life_us
            )
            worked_us = used.worked_us if outcome is Outcome.DONE else used.worked_us or seen_us
            gpu_us = attributed_us(gpu_us, worked_us, held.lease.gpus)
            usage = self._usage(held, route, used, outcome, seen, gpu_us, ended)
            on_usage(usage)
        if outcome is Outcome.DONE:
            self._judge(held, route, usage)
        return usage

    def _judge(self, held: Held, route: Route | None, usage: Usage) -> None:
        """Count how far the prediction was from what the call took, and what was loaded for it."""
        loading = loading_of(held.candidate, usage)
        if loading is not None:
            self._metrics.loads.labels(usage.node, usage.model, loading.value).inc(usage.load_us / US_PER_S)
        if route is not None:
            for part, ratio in compare(held.candidate, usage):
                self._metrics.estimate_ratio.labels(part.value, route.tier.value).observe(ratio)

    def _learn(self, held: Held, reported: Reported, seen: Seen) -> None:
        candidate = held.candidate
        self._note_overlap(held, reported, seen)
        speed = measure(reported, was_resident=candidate.resident, was_cached=candidate.affinity)
        self._fleet.succeeded(candidate.node, held.model.name, num_ctx=candidate.num_ctx, speed=speed)

    def _note_overlap(self, held: Held, reported: Reported, seen: Seen) -> None:
        node, worked_us = self._fleet.node_of(held.candidate.node), reported.worked_us
        if node is None or not worked_us or not reported.total_us:
            return
        until_read_us, life_us = reported.load_us + reported.prefill_us, seen.life_us
        waited = waited_us(
            total_us=reported.total_us, worked_us=worked_us, life_us=life_us, until_read_us=until_read_us
        )
        taken = next((one.taken for one in held.candidates if one.node == held.candidate.node), 0)
        life_at = held.began + life_us / US_PER_S
        overlap = Overlap(taken + 1, waited, worked_us, held.began, life_at)
        self._fleet.slot_watch.note(node, held.model.name, overlap)

    def _usage(
        self,
        held: Held,
        route: Route | None,
        used: Reported,
        outcome: Outcome,
        seen: Seen,
        gpu_us: int,
        ended: float,
    ) -> Usage:
        facts = held.lease.facts
        usage = Usage(
            id=facts.id,
            account=held.asked.account,
            kind=facts.kind,
            agent=facts.agent,
            route=route,
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
        self._count(usage)
        return usage

    def _count(self, usage: Usage) -> None:
        where = (counted_as(usage), usage.node, usage.model)
        metrics, gpu_s = self._metrics, usage.gpu_us / US_PER_S
        metrics.purpose_gpu_seconds.labels(usage.account.purpose.value).inc(gpu_s)
        metrics.gpu_seconds.labels(*where).inc(gpu_s)
        metrics.cost_usd.labels(*where).inc(usage.cost_usd_micro / 1_000_000)
        if usage.account.tenant_id is not None:
            self._count_for_tenants(usage, where)

    def _count_for_tenants(self, usage: Usage, where: tuple[str, str, str]) -> None:
        metrics, reason = self._metrics, Reason.ONLY_CANDIDATE if usage.route is None else usage.route.reason
        metrics.model_calls.labels(*where, usage.outcome.value).inc()
        metrics.placements.labels(usage.node, reason.value).inc()
        metrics.input_tokens.labels(*where).inc(usage.input_tokens)
        metrics.output_tokens.labels(*where).inc(usage.output_tokens)
        if usage.kind is CallKind.CHAT:
            metrics.thinking_tokens.labels(*where).inc(usage.thinking_tokens)
        if usage.outcome is Outcome.DONE and usage.finish_reason is not None:
            metrics.answers.labels(*where, usage.finish_reason.value).inc()
        if usage.first_token_us and usage.kind is CallKind.CHAT:
            metrics.first_token.labels(where[0], usage.model).observe(usage.first_token_us / US_PER_S)


def counted_as(usage: Usage) -> str:
    """Return the label `tier` that a call counts under: that of calls without a tier is their kind, of our own OWN."""
    if usage.account.tenant_id is None:
        return OWN
    return usage.kind.value if usage.tier is None else usage.tier.value


def reported_of_chat(line: ChatLine, held: Held) -> Reported:
    """Return what the last line of a chat says."""
    return Reported(
        input_tokens=line.prompt_eval_count,
        # A node that does not count has streamed what it has streamed.
        output_tokens=line.eval_count or held.lease.tokens,
        load_us=line.load_duration // NS_PER_US,
        prefill_us=line.prompt_eval_duration // NS_PER_US,
        decode_us=line.eval_duration // NS_PER_US,
        total_us=line.total_duration // NS_PER_US,
    )


def reported_of_embed(reply: EmbedReply) -> Reported:
    """Return what the reply with the vectors says; all that is no loading is reading."""
    load_us, total_us = reply.load_duration // NS_PER_US, reply.total_duration // NS_PER_US
    return Reported(reply.prompt_eval_count, 0, load_us, max(0, total_us - load_us), 0)
