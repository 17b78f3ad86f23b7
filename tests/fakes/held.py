"""A slot that a call holds on a node, without a fleet or Redis."""

from datetime import UTC, datetime
from uuid import UUID

from app.ids import TenantId
from app.inference.calls.attempts import Attempt
from app.inference.fleet.catalogue import Model
from app.inference.routing.placement import Need
from app.inference.slots.admission import Asked, Held
from app.inference.slots.lease import Lease, LeaseFacts
from app.inference.words.account import Account, Purpose
from app.inference.words.records import CallKind, Usage
from app.inference.words.route import Candidate, Route
from app.inference.words.tiers import Tier

OF_A_TENANT = Account(purpose=Purpose.CHAT, tenant_id=TenantId(UUID(int=1)))
AT = datetime(2026, 3, 1, tzinfo=UTC)


def held_on(
    node: str = "a", *, num_ctx: int = 4096, resident: bool = True, began: float = 0.0, account: Account = OF_A_TENANT
) -> Held:
    """Return a held slot of a call of the simple tier to the model `m`; an hour of the node's GPU costs $3.60."""
    candidate = Candidate(node=node, model="m", tier=Tier.SIMPLE, slots=2, num_ctx=num_ctx, resident=resident)
    facts = LeaseFacts(
        id=UUID(int=7),
        kind=CallKind.CHAT,
        agent="test",
        run_id=None,
        tier=Tier.SIMPLE,
        node=node,
        model="m",
        digest="",
        input_tokens=3,
        wait_us=11,
        price_usd_micro_per_hour=3_600_000,
        started_at=AT,
    )
    return Held(
        asked=Asked(
            need=Need(CallKind.CHAT, Tier.SIMPLE, prompt_tokens=3, max_tokens=5),
            identity="call",
            agent="test",
            account=account,
        ),
        model=Model(name="m", tiers=(Tier.SIMPLE,)),
        candidate=candidate,
        candidates=(candidate,),
        tier=Tier.SIMPLE,
        lease=Lease(facts, 40.0, coordinated=True),
        wait_us=11,
        began=began,
        started_at=AT,
    )


def attempt_in(held: Held, route: Route | None = None) -> Attempt:
    """Return an attempt in that slot, at the moment of its beginning, that does not come to its end."""

    async def never(_attempt: Attempt, _error: BaseException | None) -> Usage:
        raise AssertionError("nobody settles this attempt")

    return Attempt(held, route, never, lambda: held.began, lambda: None)
