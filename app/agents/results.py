"""The final result of a run: the answer and what it took."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString, TypedDict

import msgspec

from app.agents.evidence import SentenceSupport
from app.agents.life import RunState
from app.agents.reply import Reply
from app.agents.support_policy import AnsweredBy
from app.agents.tally import Tally
from app.agents.values import Claim, Interrupt, LeftOut, RequestKind, RouteSummary, RunResult
from app.degradation import Degradation
from app.errors import SwitchyardError
from app.inference.words.ends import FinishReason
from app.inference.words.records import Usage
from app.postgres import Database

SELECT_CALLS: LiteralString = """
    SELECT usage.route_id, usage.kind, usage.agent, usage.tier, routes.tier_reason, routes.reason, usage.node,
           usage.model, usage.digest, usage.input_tokens, usage.output_tokens, usage.first_token_us, usage.wait_us,
           usage.gpu_us, usage.cost_usd_micro, usage.outcome, usage.thinking_tokens, usage.finish_reason
    FROM usage LEFT JOIN routes ON routes.id = usage.route_id AND routes.tenant_id = usage.tenant_id
    WHERE usage.run_id = %(run_id)s AND usage.tenant_id = %(tenant_id)s
    ORDER BY usage.started_at
"""


class Backed(TypedDict):
    """What a result says of what its answer rests on, and does not."""

    support: tuple[SentenceSupport, ...]
    answered_by: AnsweredBy
    withheld: int
    left_out: LeftOut | None


async def earlier_calls(database: Database, claim: Claim) -> list[RouteSummary]:
    """Return the calls that earlier attempts of the run have stored. Raises StoreUnavailable."""
    async with database.connection("results.calls") as conn:
        rows = await conn.execute(SELECT_CALLS, {"run_id": claim.run_id, "tenant_id": claim.tenant_id})
        return [
            msgspec.convert(
                row
                | {
                    "first_token_ms": _ms(row["first_token_us"]),
                    "wait_ms": row["wait_us"] / 1e3,
                    "gpu_seconds": row["gpu_us"] / 1e6,
                    "cost_usd": row["cost_usd_micro"] / 1e6,
                },
                RouteSummary,
            )
            async for row in rows
        ]


def thought_before(earlier: Sequence[RouteSummary]) -> int:
    """Return how many tokens were thought before what earlier attempts have shown.

    The last call that thought has shown it: who goes on with a text does not think again.
    """
    thought = (route.thinking_tokens for route in reversed(earlier) if route.kind == "chat")
    return next((tokens for tokens in thought if tokens), 0)


def summarise(usage: Usage) -> RouteSummary:
    """Return one call as the caller sees it: seconds and dollars."""
    route = usage.route
    return RouteSummary(
        route_id=None if route is None else route.id,
        kind=usage.kind,
        agent=usage.agent,
        tier=usage.tier,
        tier_reason=None if route is None else route.tier_reason,
        reason=None if route is None else route.reason,
        node=usage.node,
        model=usage.model,
        digest=usage.digest,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        first_token_ms=_ms(usage.first_token_us),
        gpu_seconds=usage.gpu_us / 1e6,
        cost_usd=usage.cost_usd_micro / 1e6,
        outcome=usage.outcome,
        wait_ms=usage.wait_us / 1e3,
        thinking_tokens=usage.thinking_tokens,
        finish_reason=usage.finish_reason,
    )


def conclude(
    claim: Claim,
    state: RunState,
    tally: Tally,
    earlier: Sequence[RouteSummary],
    now: datetime,
    *,
    reply: Reply | None = None,
    asked: tuple[Interrupt, ...] = (),
    error: SwitchyardError | None = None,
) -> RunResult:
    """Build the result that is stored and shown. Totals are over every call of the run, failed ones too."""
    reply = _question(asked) if asked else reply
    routes = (*earlier, *(summarise(usage) for usage in tally.usages))
    result = RunResult(
        run_id=claim.run_id,
        session_id=claim.session_id,
        state=state,
        team=claim.team,
        message="" if reply is None else reply.text,
        finish_reason=None if reply is None else reply.finish_reason,
        thinking=None if reply is None or not claim.options.think else reply.thinking,
        agent_used="" if reply is None else reply.agent,
        requires_clarification=reply is not None and reply.requires_clarification,
        interrupts=asked,
        conversation_complete=_is_complete(reply),
        citations=() if reply is None else reply.citations,
        **_backed(reply, tally),
        details={} if reply is None else reply.details,
        degraded=tuple(sorted(tally.lacked)),
        routes=routes,
        input_tokens=sum(route.input_tokens for route in routes),
        output_tokens=sum(route.output_tokens for route in routes),
        gpu_seconds=round(sum(route.gpu_seconds for route in routes), 6),
        cost_usd=round(sum(route.cost_usd for route in routes), 6),
        first_token_ms=_first_token_ms(routes),
        processing_time_ms=max(0, round((now - claim.started_at).total_seconds() * 1000)),
        attempt=claim.attempt,
    )
    return result if error is None else _failed(result, error)


def _left_out(tally: Tally) -> LeftOut | None:
    is_cut = Degradation.HISTORY in tally.lacked
    return LeftOut(tally.summarised, is_cut) if tally.summarised or is_cut else None


def _backed(reply: Reply | None, tally: Tally) -> Backed:
    said = Reply("", "") if reply is None else reply
    return Backed(support=said.support, answered_by=said.answered_by, withheld=said.withheld, left_out=_left_out(tally))


def _failed(result: RunResult, error: SwitchyardError) -> RunResult:
    return msgspec.structs.replace(
        result, error_code=error.code, error_detail=error.detail, error_facts=dict(error.facts)
    )


def _first_token_ms(routes: Sequence[RouteSummary]) -> float | None:
    chats = (route.first_token_ms for route in routes if route.kind == "chat")
    return next((first_ms for first_ms in chats if first_ms is not None), None)


def _question(asked: tuple[Interrupt, ...]) -> Reply:
    """Return what a run that waits shows as its message: what it asks."""
    text = "\n\n".join(one.request.text for one in asked)
    # Of what a person takes over, the asker has nothing to make clear.
    asks = any(one.request.kind is not RequestKind.ESCALATION for one in asked)
    return Reply(asked[0].request.agent, text, requires_clarification=asks)


def _is_complete(reply: Reply | None) -> bool:
    """Whether the asker has all that there is: an answer that was cut off is to be gone on with."""
    if reply is None or reply.requires_clarification:
        return False
    return reply.finish_reason in {None, FinishReason.STOP}


def _ms(microseconds: int | None) -> float | None:
    return None if not microseconds else round(microseconds / 1000, 1)
