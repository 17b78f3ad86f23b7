"""How far a chat call has come, over all its attempts."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from app.errors import AnswerBroken, ContextTooLong
from app.inference.calls.calibration import Calibration, Size, size_of_tools
from app.inference.calls.continuation import Continuations
from app.inference.calls.history import Draft, Fitted
from app.inference.calls.tries import Tries
from app.inference.routing.placement import Need, explain
from app.inference.slots.admission import Held
from app.inference.words.failures import CallBroke, Failure, RetryBudget
from app.inference.words.records import CallKind, ChatCall
from app.inference.words.route import Reason
from app.inference.words.thinking import Think
from app.inference.words.tiers import TIERS, Tier
from app.scripts import census

ANSWER_SHARE = 0.5
"""Earlier turns leave room for the answer, but for no more than this share of the context."""

# llama.cpp's words, which Ollama passes on: "request (5030 tokens) exceeds the available context size (4096 tokens)"
# (llama.cpp: tools/server/server-context.cpp; ollama: llm/llama_server.go, `statusErrorMessage`).
_REFUSED_TOKENS = re.compile(r"request \((\d{1,9}) tokens\) exceeds")


@dataclass(slots=True)
class Progress:
    """The text that the reader has, and what the next attempt must look like.

    `prefix` was there before this call (`ChatCall.prefix`) and is dropped with the rest by a restart.
    """

    call: ChatCall
    tier: Tier
    """The quality floor: what the call was rated with or asked for, raised by its contract."""
    tries: Tries
    calibration: Calibration
    continuations: Continuations
    output_tokens: float | None = None
    """What answers of its team and agent are known to have."""
    cached: Mapping[tuple[str, str], float] | None = None
    """The share of the prompt that nodes have read before, by node and model; None while nobody can say."""
    prefix: str = ""
    pieces: list[str] = field(default_factory=list[str])
    thinking: str = ""
    tokens: int = 0
    least_prompt: int = 0
    thoughtless: set[str] = field(default_factory=set[str])
    """Models that turned out to be unable to think."""
    broke_at: Held | None = None
    identity: str = field(init=False)
    sent: Fitted = field(init=False)
    """What the last attempt sent."""
    draft: Draft = field(init=False)
    _sent_size: Size = field(default_factory=Size)
    _is_overflown: bool = False
    _has_room: bool = True

    def __post_init__(self) -> None:
        self.prefix = self.call.prefix
        self.tokens = self.call.prefix_tokens
        self.identity = self.call.identity
        self.draft = Draft(self.call.messages, self.call.history, size_of_tools(self.call.tools))
        self.sent = Fitted(self.call.messages, self.draft.whole, 0)

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

        First another node with the model and digest that broke off, then any other node, unless the reader cannot take
        back what it was shown. Then all are forgotten that were tried, and the same one may be it again.
        """
        wants_same = bool(self.pieces) and self.broke_at is not None and self._can_go_on(self.broke_at)
        if wants_same:
            yield self.need(pinned=True, tried=self.tries.nodes)
        if self.call.takes_back or not wants_same:
            yield self.need(pinned=False, tried=self.tries.nodes)
        if self.tries.nodes:
            self.tries.nodes.clear()
            yield self.need(pinned=wants_same, tried=())

    def need(self, *, pinned: bool = False, tried: Collection[str] = ()) -> Need:
        """Return what an attempt needs; `pinned` to the model and digest that broke off."""
        last = self.broke_at.candidate if pinned and self.broke_at is not None else None
        size = self.draft.whole + self._shown_size()
        return Need(
            kind=CallKind.CHAT,
            tier=self.tier,
            prompt_tokens=max(self.calibration.tokens(size), self.least_prompt),
            max_tokens=self.tokens_left,
            model=last.model if last is not None else self.call.model,
            digest=last.digest if last is not None else None,
            last_node=self.call.last_node,
            contract=self.call.contract,
            abilities=self.call.abilities,
            output_tokens=self.output_tokens,
            cached=self.cached,
            tried=frozenset(tried),
            by_digest={
                digest: max(tokens, self.least_prompt) for digest, tokens in self.calibration.by_digest(size).items()
            },
        )

    def fit(self, held: Held) -> ChatCall:
        """Return the call to send: what always goes, with the newest turns that leave room for the answer."""
        num_ctx, digest = held.candidate.num_ctx, held.candidate.digest
        limit = num_ctx - min(self.tokens_left, int(num_ctx * ANSWER_SHARE))
        shown = self._shown_size()
        self.sent = self.draft.fit(
            limit if self._has_room else 0, lambda size: self.calibration.tokens(size + shown, digest)
        )
        self._sent_size = self.sent.size + shown
        return msgspec.structs.replace(self.call, messages=self.sent.messages)

    def note_counted(self, held: Held, tokens: int) -> None:
        """Learn from how many tokens the node counted in what was sent."""
        self.calibration.observe(held.candidate.digest, self._sent_size, tokens)

    def _shown_size(self) -> Size:
        return Size(census(self.shown), 1) if self.shown else Size()

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
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what the call itself has brought so far."""
        self.pieces.clear()
        self.thinking = ""
        self.tokens = self.call.prefix_tokens if self.prefix else 0

    def think(self, held: Held) -> Think:
        """Return whether this attempt thinks first: whoever goes on with a text has done so."""
        if self.shown or not self.can_think(held):
            return False
        return self.call.think if self.call.think is not None else held.model.think or False

    def can_think(self, held: Held) -> bool:
        """Whether the model can think, as far as is known."""
        return held.model.think is not None and held.model.name not in self.thoughtless

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
        # Under a schema the grammar would begin anew in the middle of the text; with tools the template would.
        is_free = held.model.continues and not self.call.is_constrained
        return is_free and self.continuations.goes_on(held.model.name, held.candidate.digest)

    def after(self, broke: CallBroke, held: Held, budget: RetryBudget) -> bool:
        """Prepare the next attempt; return whether it may be made at once.

        Raises ContextTooLong, NodeRefused, AnswerEmpty and AnswerBroken when there must not be one.
        """
        if not self.pieces:
            # Nobody goes on with thinking alone.
            self.begin_anew()
        elif not self.call.takes_back and not self._can_go_on(held):
            raise AnswerBroken(broke.detail, node=broke.node, model=broke.model, failure=broke.failure.value) from broke
        if self._mends(broke, held):
            return True
        at_once = self.tries.after(broke, budget)
        self.broke_at = held
        return at_once

    def _mends(self, broke: CallBroke, held: Held) -> bool:
        """Return whether the same node will take the call when it is asked in another way, which is prepared."""
        if broke.failure is Failure.CONTEXT:
            self._grow(broke, held)
            return True
        if broke.failure is Failure.CANNOT_THINK and self.can_think(held):
            self.thoughtless.add(held.model.name)
            return True
        return False

    def _grow(self, broke: CallBroke, held: Held) -> None:
        """Ask for the next larger context size, or once for less of the session's turns; the estimate was too low."""
        num_ctx, digest = held.candidate.num_ctx, held.candidate.digest
        told = _REFUSED_TOKENS.search(broke.detail)
        self.calibration.overflowed(digest, self._sent_size, at_least=int(told.group(1)) if told else num_ctx)
        if num_ctx < held.model.num_ctx[-1]:
            self.least_prompt = num_ctx + 1 - self.tokens_left
            return
        has_turns = self.sent.size.messages > self.draft.fixed.messages
        if self._is_overflown or not has_turns:
            raise too_long(held.model.num_ctx[-1], self.draft.fixed.least_tokens) from broke
        # With the true count the next fit is right; without it only a prompt of no turns is sure to be shorter.
        self._is_overflown, self._has_room = True, told is not None


def too_long(limit_tokens: int, at_least_tokens: int) -> ContextTooLong:
    """Return the error of a prompt that fits no context size of the model."""
    return ContextTooLong(
        "the prompt does not fit the largest context of the model",
        limit_tokens=limit_tokens,
        at_least_tokens=at_least_tokens,
    )
