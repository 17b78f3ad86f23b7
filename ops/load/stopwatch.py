"""Times the events of one streamed answer."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import msgspec

from app.inference.words.tiers import Tier
from ops.load.samples import Entry, Outcome, Sample


class Route(msgspec.Struct, frozen=True):
    """The parts of a call's route that a load run reads."""

    kind: str
    tier: str | None
    model: str
    wait_ms: float
    outcome: str


class Took(msgspec.Struct, frozen=True):
    """The parts of `metadata` that a load run reads."""

    cost_usd: float
    routes: tuple[Route, ...]
    output_tokens: int = 0


class Citation(msgspec.Struct, frozen=True):
    """A document behind an answer."""

    document: str


class Answered(msgspec.Struct, frozen=True):
    """The parts of a `done` event that a load run reads."""

    session_id: str
    metadata: Took
    citations: tuple[Citation, ...]

    @property
    def call(self) -> Route | None:
        """The call that gave the answer: the last chat call that ended well."""
        chats = [route for route in self.metadata.routes if route.kind == "chat" and route.outcome == "done"]
        return chats[-1] if chats else None

    def cites(self, document: str) -> bool:
        """Say whether the answer names the document."""
        return any(citation.document == document for citation in self.citations)


class Stopwatch:
    """Sees the events of one answer; all times are in seconds from the run's start, latencies from the intended one."""

    def __init__(self, intended_s: float, *, must_cite: bool = False) -> None:
        self._intended_s = intended_s
        self._must_cite = must_cite
        self._deltas_s: list[float] = []
        self._answered: Answered | None = None

    def delta(self, at_s: float) -> None:
        """Note a piece of the answer."""
        self._deltas_s.append(at_s)

    def done(self, answered: Answered) -> None:
        """Note what the answer says of itself."""
        self._answered = answered

    def samples(self, ended_s: float, outcome: Outcome, code: str = "") -> list[Sample]:
        """Return what was measured: first token, gaps, time per token, the waits that the answer names, the whole."""
        answered, call = self._answered, None if self._answered is None else self._answered.call
        tier = known_tier(call)
        parts: list[Sample] = []
        if self._deltas_s:
            first_s = max(self._deltas_s[0] - self._intended_s, 0.0)
            parts.append(Sample(Entry.FIRST_TOKEN, self._intended_s, first_s, tier=tier))
        if answered is not None:
            wait_s = sum(route.wait_ms for route in answered.metadata.routes) / 1000
            parts.append(Sample(Entry.QUEUE_WAIT, self._intended_s, wait_s, tier=tier))
        for before_s, after_s in pairwise(self._deltas_s):
            parts.append(Sample(Entry.GAP, before_s, after_s - before_s, tier=tier))
        if answered is not None and (per_token_s := self._per_token_s(answered.metadata.output_tokens)) is not None:
            parts.append(Sample(Entry.PER_TOKEN, self._deltas_s[0], per_token_s, tier=tier))
        whole = Sample(
            Entry.END_TO_END,
            self._intended_s,
            max(ended_s - self._intended_s, 0.0),
            outcome,
            tier=tier,
            code=code,
            model="" if call is None else call.model,
            cost_usd=0.0 if answered is None else answered.metadata.cost_usd,
            output_tokens=0 if answered is None else answered.metadata.output_tokens,
            must_cite=self._must_cite,
        )
        return [*parts, whole]

    def _per_token_s(self, tokens: int) -> float | None:
        """The time between two tokens, on average: unlike a gap, it does not depend on how many a delta holds."""
        if tokens <= 1 or len(self._deltas_s) <= 1:
            return None
        return (self._deltas_s[-1] - self._deltas_s[0]) / (tokens - 1)


def known_tier(call: Route | None) -> str:
    """Return the tier that answered, or nothing when it is not one of the three."""
    tier = None if call is None else call.tier
    return tier if tier is not None and tier in set(Tier) else ""


def read_answered(body: Mapping[str, Any]) -> Answered:
    """Return a `done` event's body. Raises msgspec.ValidationError."""
    return msgspec.convert(body, Answered)
