"""One attempt at a node, while it streams: what is shown of it, and whether it brought an answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypedDict

import structlog

from app.degradation import Degradation
from app.inference.calls.attempts import Attempt
from app.inference.calls.calibration import SEEN_SHARE
from app.inference.calls.progress import Progress
from app.inference.calls.settling import OnUsage, reported_of_chat
from app.inference.slots.admission import Held
from app.inference.slots.patience import OnQueue, OnWait
from app.inference.wire.bodies import ChatLine
from app.inference.wire.separator import Parts, Separator
from app.inference.wire.stream import Heard
from app.inference.words.ends import FinishReason, finish_reason_of
from app.inference.words.failures import CallBroke, Failure
from app.inference.words.messages import ToolCall
from app.inference.words.route import Route
from app.inference.words.tiers import TIERS

log = structlog.stdlib.get_logger(__name__)

OnThinking: TypeAlias = Callable[[int, str], None]
"""Told a piece of thinking and how many characters of it come before; what was told after those is dropped."""


def ignore_thinking(_offset: int, _text: str) -> None:
    """Take a piece of thinking and do nothing with it."""


class Ears(TypedDict):
    """All who can be told of a call, as `Dispatcher.chat` takes them."""

    on_route: Callable[[Route], None]
    on_delta: Callable[[str], None]
    on_restart: Callable[[], None]
    on_thinking: OnThinking
    on_usage: OnUsage
    on_wait: OnWait
    on_queue: OnQueue


@dataclass(frozen=True, slots=True)
class Reader:
    """Who is told what a call brings, as it comes."""

    show: Callable[[str], None]
    restart: Callable[[], None]
    think: OnThinking = ignore_thinking


@dataclass(frozen=True, slots=True)
class End:
    """How an attempt ended that brought an answer."""

    line: ChatLine
    finish_reason: FinishReason


@dataclass(slots=True)
class ChatAttempt:
    """One attempt at a node."""

    progress: Progress
    attempt: Attempt
    route: Route
    reader: Reader
    tool_calls: tuple[ToolCall, ...] = ()
    separator: Separator | None = None
    """None for one that goes on with a text: what a model says in the middle of it is no thinking."""

    @property
    def held(self) -> Held:
        """The slot that it has."""
        return self.attempt.held

    def begin(self) -> None:
        """Begin to stream; what the reader has and the node cannot go on with is dropped."""
        if self.progress.shown and not self.progress.goes_on(self.held):
            self.progress.restart()
            self.reader.restart()
        if not self.progress.shown:
            self.separator = Separator(thinks=self.held.model.think is not None and self.progress.call.takes_back)

    def on_heard(self, heard: Heard) -> None:
        """Note what came, and show what is for the reader."""
        self.attempt.hear(heard)
        self.progress.tokens += heard.tokens
        self.tool_calls += heard.tool_calls
        self.held.lease.thinking_tokens += heard.thinking_tokens
        self._think(heard.thinking)
        if self.separator is None or self.separator.is_settled:
            self._take(Parts(heard.text))
            return
        for text in heard.texts:
            parts = self.separator.feed(text)
            self.held.lease.thinking_tokens += bool(parts.thinking and not parts.shown)
            self._take(parts)

    def end(self, line: ChatLine) -> End:
        """Take the last line. Raises CallBroke when there is no answer."""
        if self.separator is not None:
            self._take(self.separator.end())
        reason = finish_reason_of(
            line.done_reason,
            has_tool_calls=bool(self.tool_calls),
            is_at_limit=line.eval_count >= self.held.asked.need.max_tokens,
        )
        seen = self.attempt.seen
        seen.finish_reason, seen.reported = reason, reported_of_chat(line, self.held)
        if reason is FinishReason.OTHER:
            log.warning("call.unknown_done_reason", node=self.route.node, model=self.route.model)
        if not self.progress.shown and not self.tool_calls:
            raise CallBroke(Failure.EMPTY, self.route.node, self.route.model, self._emptiness(reason))
        return End(line, reason)

    def degraded(self, line: ChatLine) -> tuple[Degradation, ...]:
        """Return what the answer had to do without."""
        sent, call = self.progress.sent, self.progress.call
        found = {
            Degradation.COORDINATION: not self.held.lease.coordinated,
            Degradation.TIER: TIERS.index(self.route.tier) < TIERS.index(self.progress.tier),
            Degradation.HISTORY: bool(sent.left_out),
            Degradation.PROMPT_TRUNCATED: 0 < line.prompt_eval_count < SEEN_SHARE * sent.size.least_tokens,
            Degradation.THINKING: bool(call.think) and not self.progress.can_think(self.held),
        }
        return tuple(what for what, is_so in found.items() if is_so)

    def _take(self, parts: Parts) -> None:
        if parts.takes_back:
            self.progress.pieces.clear()
            self.attempt.seen.first_token_us = 0
            self.reader.restart()
        self._think(parts.thinking)
        if parts.shown:
            seen = self.attempt.seen
            seen.first_token_us = seen.first_token_us or self.attempt.elapsed_us()
            self.progress.pieces.append(parts.shown)
            self.reader.show(parts.shown)

    def _think(self, text: str) -> None:
        if text:
            self.reader.think(len(self.progress.thinking), text)
            self.progress.thinking += text

    def _emptiness(self, reason: FinishReason) -> str:
        if not self.progress.thinking:
            return "the model gave no text"
        if reason is FinishReason.LENGTH:
            return "the model's tokens ran out while it was thinking: give it more with max_tokens"
        return "the model thought, and gave no text"
