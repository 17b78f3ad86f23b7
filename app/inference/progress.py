"""How far a chat call has come, over all its attempts."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from app.errors import ContextTooLong
from app.inference.admission import Held
from app.inference.estimates import least_tokens, prompt_tokens
from app.inference.failures import ELSEWHERE, CallBroke, Failure, RetryBudget, refused
from app.inference.placement import Need, explain
from app.inference.records import CallKind, ChatCall
from app.inference.route import Reason
from app.inference.tiers import TIERS, Tier


@dataclass(slots=True)
class Progress:
    """The text that the reader has, and what the next attempt must look like.

    `prefix` was there before this call (`ChatCall.prefix`) and is dropped with the rest by a restart.
    """

    call: ChatCall
    tier: Tier
    attempts_left: int
    prefix: str = ""
    pieces: list[str] = field(default_factory=list[str])
    tokens: int = 0
    least_prompt: int = 0
    tried: set[str] = field(default_factory=set[str])
    broke_at: Held | None = None
    identity: str = field(init=False)

    def __post_init__(self) -> None:
        self.prefix = self.call.prefix
        self.identity = self.call.identity

    @property
    def text(self) -> str:
        """The text of this call so far."""
        return "".join(self.pieces)

    @property
    def shown(self) -> str:
        """All text that the reader has."""
        return self.prefix + self.text

    @property
    def tokens_left(self) -> int:
        """How many more tokens may be generated."""
        return max(1, self.call.max_tokens - self.tokens)

    def needs(self) -> Iterator[Need]:
        """Yield what the next attempt needs, best first; the next one is for when no node serves the last.

        First another node with the model and digest that broke off, then any other node. Then all are forgotten that
        were tried, and the same one may be it again.
        """
        wants_same = bool(self.pieces) and self.broke_at is not None and self._can_go_on(self.broke_at)
        if wants_same:
            yield self.need(pinned=True, tried=self.tried)
        yield self.need(pinned=False, tried=self.tried)
        if self.tried:
            self.tried.clear()
            yield self.need(pinned=wants_same, tried=())

    def need(self, *, pinned: bool = False, tried: Collection[str] = ()) -> Need:
        """Return what an attempt needs; `pinned` to the model and digest that broke off."""
        last = self.broke_at.candidate if pinned and self.broke_at is not None else None
        estimate = prompt_tokens(self.call.messages, self.shown)
        return Need(
            kind=CallKind.CHAT,
            tier=self.tier,
            prompt_tokens=max(estimate, self.least_prompt),
            max_tokens=self.tokens_left,
            model=last.model if last is not None else self.call.model,
            digest=last.digest if last is not None else None,
            last_node=self.call.last_node,
            tried=frozenset(tried),
        )

    def goes_on(self, held: Held) -> bool:
        """Whether the node can go on with what is shown: own text only with the model and digest that wrote it."""
        if not self._can_go_on(held):
            return False
        if not self.pieces or self.broke_at is None:
            return True
        before, now = self.broke_at.candidate, held.candidate
        return (before.model, before.digest) == (now.model, now.digest)

    def restart(self) -> None:
        """Drop all that was shown."""
        self.prefix = ""
        self.pieces.clear()
        self.tokens = 0

    def reason(self, held: Held) -> Reason:
        """Return why this attempt goes where it goes; ask before `restart`."""
        if self.broke_at is not None:
            if not self.pieces:
                return Reason.RETRY
            return Reason.CONTINUED if self.goes_on(held) else Reason.RESTARTED
        served = held.tier
        if served is not None and served is not self.tier:
            higher = TIERS.index(served) > TIERS.index(self.tier)
            return Reason.ESCALATED_TIER if higher else Reason.DEGRADED_TIER
        return explain(held.candidates, held.candidate)

    def _can_go_on(self, held: Held) -> bool:
        # Under a schema the grammar would begin anew in the middle of the text.
        return held.model.continues and self.call.response_schema is None

    def after(self, broke: CallBroke, held: Held, budget: RetryBudget) -> bool:
        """Prepare the next attempt; return whether it may be made at once.

        Raises ContextTooLong and NodeRefused when there must not be one.
        """
        if broke.failure is Failure.CONTEXT:
            self._grow(broke, held)
            return True
        if broke.failure not in ELSEWHERE:
            raise refused(broke) from broke
        self.attempts_left -= 1
        self.tried.add(held.candidate.node)
        self.broke_at = held
        at_once = self.attempts_left > 0 and (broke.failure is Failure.BUSY or budget.take())
        # Later there is one more attempt for each pause.
        self.attempts_left = max(1, self.attempts_left)
        return at_once

    def _grow(self, broke: CallBroke, held: Held) -> None:
        """Ask for the next larger context size; the estimate was too low."""
        if held.candidate.num_ctx >= held.model.num_ctx[-1]:
            raise too_long(held.model.num_ctx[-1], least_tokens(self.call.messages)) from broke
        self.least_prompt = held.candidate.num_ctx + 1 - self.tokens_left


def too_long(limit_tokens: int, at_least_tokens: int) -> ContextTooLong:
    """Return the error of a prompt that fits no context size of the model."""
    return ContextTooLong(
        "the prompt does not fit the largest context of the model",
        limit_tokens=limit_tokens,
        at_least_tokens=at_least_tokens,
    )
