"""What is asked of a model, and what comes back."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from uuid import UUID

import msgspec

from app.degradation import Degradation
from app.inference.words.abilities import Ability
from app.inference.words.account import Account
from app.inference.words.contract import NO_CONTRACT, Contract
from app.inference.words.ends import FinishReason
from app.inference.words.messages import Message as Message
from app.inference.words.messages import ToolCall
from app.inference.words.priority import Priority
from app.inference.words.route import Route
from app.inference.words.sampling import Sampling
from app.inference.words.thinking import Think
from app.inference.words.tiers import Tier

_encode = msgspec.json.Encoder().encode


class CallKind(StrEnum):
    """What a call does."""

    CHAT = "chat"
    """It answers messages."""
    EMBED = "embed"
    """It makes vectors of texts."""


class Outcome(StrEnum):
    """How a call ended."""

    DONE = "done"
    """The node answered to the end."""
    FAILED = "failed"
    """The node broke off, refused, was too late, or had no answer."""
    CANCELLED = "cancelled"
    """Whoever asked wants no answer any more."""
    LOST = "lost"
    """The process that made the call died; the lease ran out."""


class Vector(msgspec.Struct, frozen=True):
    """A text as an embedder gave it; `digest` is the embedder's, for vectors of two cannot be compared."""

    numbers: tuple[float, ...]
    digest: str


class ChatCall(msgspec.Struct, frozen=True, kw_only=True):
    """One chat call.

    `tier` None has it rated from `question`. `model` overrides both. `prefix` is text that the reader was already
    shown and that the answer continues; `prefix_tokens` of `max_tokens` went into it, and are free again for an answer
    that begins anew. `deadline_s` counts from the start of the call; `patience_s` is for how long
    it may wait, all in all, for a node that can take it. The `history` messages before the last are earlier turns:
    whole ones are left out, oldest first, where the rest would not fit; no other message ever is. `think` None leaves
    it to the model's own setting; thinking counts against `max_tokens`. `temperature` None does so too, as what
    `sampling` leaves out. `response_schema` is a JSON schema, or PLAIN_JSON. `tools` are what the model may ask for,
    each as Ollama words it (api/types.go, Tool). `takes_back` false is for a reader that cannot be told to drop what
    it was shown: where nobody can go on with that, the call ends.
    `team` and `agent` say whose answers its length is expected to be like. `vector` is the question's, where a search
    had it made anyway: the rating heeds it, and never asks for one.
    """

    messages: tuple[Message, ...]
    question: str
    agent: str
    account: Account
    max_tokens: int
    temperature: float | None
    tier: Tier | None = None
    model: str | None = None
    session_tier: Tier | None = None
    turns: int = 0
    priority: Priority = Priority.INTERACTIVE
    history: int = 0
    last_node: str | None = None
    prefix: str = ""
    prefix_tokens: int = 0
    seed: int | None = None
    think: Think | None = None
    response_schema: msgspec.Raw | None = None
    tools: tuple[msgspec.Raw, ...] = ()
    sampling: Sampling | None = None
    takes_back: bool = True
    deadline_s: float | None = None
    patience_s: float = 0.0
    contract: Contract = NO_CONTRACT
    team: str = ""
    vector: Vector | None = None

    @property
    def is_constrained(self) -> bool:
        """Whether the answer has a form, so that half of one is worth nothing: a schema, or calls of tools."""
        return self.response_schema is not None or bool(self.tools)

    @property
    def abilities(self) -> frozenset[Ability]:
        """What a model must be able to do that answers."""
        asked = {Ability.TOOLS: bool(self.tools), Ability.VISION: any(message.images for message in self.messages)}
        return frozenset(ability for ability, is_asked in asked.items() if is_asked)

    @property
    def identity(self) -> str:
        """The same for each call that asks the same of a model, whoever asks and for how long."""
        asked = (self.messages, self.response_schema, self.tools, self.sampling)
        try:
            return blake2b(_encode(asked), digest_size=16).hexdigest()
        except UnicodeEncodeError:
            # Half of a surrogate pair: such a text is sent without it.
            return identity_of((repr(asked),))


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What one call used, for whom and how it ended. Durations are integer microseconds, money integer micro-dollars.

    `route` says why a chat went where it did. `wait_us` is the wait for a slot, `first_token_us` the time from the
    lease to the first text (0: there was none). `output_tokens` are all that were generated; at least
    `thinking_tokens` of them were thinking. `finish_reason` is None where the node did not come to its end.
    """

    id: UUID
    account: Account
    kind: CallKind
    agent: str
    route: Route | None
    tier: Tier | None
    node: str
    model: str
    digest: str
    input_tokens: int
    output_tokens: int
    wait_us: int
    load_us: int
    prefill_us: int
    decode_us: int
    first_token_us: int
    gpu_us: int
    cost_usd_micro: int
    outcome: Outcome
    started_at: datetime
    ended_at: datetime
    thinking_tokens: int = 0
    finish_reason: FinishReason | None = None

    @property
    def facts(self) -> dict[str, str | int | None]:
        """What a line of the log says of it."""
        return {
            "call_id": str(self.id),
            "purpose": self.account.purpose.value,
            **self.account.ids,
            "node": self.node,
            "model": self.model,
            "gpu_us": self.gpu_us,
            "cost_usd_micro": self.cost_usd_micro,
            "outcome": self.outcome.value,
        }


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A finished chat call: text that somebody can see, after `ChatCall.prefix` if that was not dropped, or tool calls.

    `text` is the new text, without `ChatCall.prefix`; after an `on_restart` it is all there is. `thinking` is what the
    model thought before it. `continued` says that another node went on where one broke off. `degraded` names what was
    missing.
    """

    text: str
    route: Route
    usage: Usage
    continued: bool
    finish_reason: FinishReason
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    degraded: tuple[Degradation, ...] = ()


class Embedding(msgspec.Struct, frozen=True, kw_only=True):
    """One vector a text, in order, made by the weights of `digest`.

    `usage` is that of the call that made them, None where all of them were kept from earlier calls.
    """

    vectors: tuple[tuple[float, ...], ...]
    digest: str
    usage: Usage | None
    degraded: tuple[Degradation, ...] = ()

    @property
    def used(self) -> Usage:
        """What its call used. Raises LookupError where none was made."""
        if self.usage is None:
            raise LookupError("these vectors were kept, and no call made them")
        return self.usage


def identity_of(texts: Iterable[str]) -> str:
    """Return what tells a request from others, and its repetitions by nothing: a digest of what is asked."""
    digest = blake2b(digest_size=16)
    for text in texts:
        raw = text.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()
