"""A claim on a slot while its process lives, and what is left of it when the process dies."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from app.ids import RunId
from app.inference.estimates import US_PER_S, cost_usd_micro
from app.inference.fleet.catalogue import full_name
from app.inference.fleet.loads import Load
from app.inference.words.account import Account, Purpose
from app.inference.words.records import CallKind, Outcome, Usage
from app.inference.words.route import Candidate
from app.inference.words.tiers import Tier


class LeaseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a call when its lease is made: enough for a usage row if its process dies."""

    id: UUID
    kind: CallKind
    agent: str
    run_id: RunId | None
    """Of the account, for workers of an older version."""
    tier: Tier | None
    node: str
    model: str
    digest: str
    input_tokens: int
    wait_us: int
    price_usd_micro_per_hour: int
    started_at: datetime
    account: Account | None = None
    """None of a replica of an older version."""
    expected_us: int = 0
    """How long it should hold the slot, as far as was known when it took it; 0 of an older version."""


class Ending(StrEnum):
    """How a call ended that held a slot, as `register.lua` hears it."""

    DONE = "done"
    """Its answer came to its end."""
    LEFT = "left"
    """It was given up from here: its client left."""
    CUT = "cut"
    """The node broke off, or the slot was given back unused."""


@dataclass(slots=True, eq=False)
class Lease:
    """A held slot. Its holder counts `tokens` as they come, and which of them were thinking."""

    facts: LeaseFacts
    expected_rate: float
    coordinated: bool
    """False if it was made without Redis."""
    gpus: int = 1
    """Of its node, as it was when the lease was made."""
    tokens: int = 0
    thinking_tokens: int = 0
    known_us: int = 0
    """GPU time when Redis last told it."""
    marked_us: int = 0
    """The local meter at that moment."""
    banked_us: int = 0
    """GPU time of stretches that Redis has forgotten."""
    load: Load | None = None
    """What its call waits for, or has loaded and Redis was not told yet."""
    ending: Ending = Ending.CUT
    """How its call ended, when it is released."""
    packed: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.packed = msgspec.json.encode(self.facts)

    @property
    def id(self) -> str:
        """The id of the call, as text."""
        return str(self.facts.id)

    @property
    def load_told(self) -> str:
        """What Redis is told of its load."""
        return "" if self.load is None else self.load.told

    @property
    def node(self) -> str:
        """The name of the node."""
        return self.facts.node


def load_of(candidate: Candidate) -> Load | None:
    """Return what a call that takes the candidate waits for; None if that is in memory."""
    if candidate.resident:
        return None
    return Load(full_name(candidate.model), candidate.num_ctx, candidate.load_s)


class Orphan(msgspec.Struct, frozen=True):
    """A call whose process died: usage with outcome `lost`.

    Of a replica of an older version it names the run only, and no tenant: its account is found from that.
    """

    usage: Usage


class _Lost(msgspec.Struct, frozen=True):
    facts: str
    gpu: int
    tokens: int
    ended: int
    thinking: int = 0
    """Missing in what a process of an earlier version left."""


def read_orphan(packed: bytes) -> Orphan | None:
    """Return the call that `register.lua` stored when its lease ran out; None if it is not one."""
    try:
        lost = msgspec.msgpack.decode(packed, type=_Lost)
        facts = msgspec.json.decode(lost.facts, type=LeaseFacts)
        ended_at = datetime.fromtimestamp(lost.ended / US_PER_S, tz=UTC)
    except (msgspec.MsgspecError, ValueError, OverflowError, OSError):
        return None
    return Orphan(
        Usage(
            id=facts.id,
            account=facts.account or Account(purpose=Purpose.UNSAID, run_id=facts.run_id),
            kind=facts.kind,
            agent=facts.agent,
            route=None,
            tier=facts.tier,
            node=facts.node,
            model=facts.model,
            digest=facts.digest,
            input_tokens=facts.input_tokens,
            output_tokens=lost.tokens,
            wait_us=facts.wait_us,
            load_us=0,
            prefill_us=0,
            decode_us=0,
            first_token_us=0,
            gpu_us=lost.gpu,
            cost_usd_micro=cost_usd_micro(lost.gpu, facts.price_usd_micro_per_hour),
            outcome=Outcome.LOST,
            started_at=facts.started_at,
            ended_at=ended_at,
            thinking_tokens=min(lost.thinking, lost.tokens),
        ),
    )
