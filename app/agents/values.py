"""What a run is asked, and what it tells."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from app.agents.evidence import Citation, SentenceSupport
from app.agents.life import RunState
from app.agents.support_policy import AnsweredBy, SupportPolicy
from app.degradation import Degradation
from app.ids import Caller, KeyId, RouteId, RunId, SessionId, TenantId
from app.inference.words.account import Account, Purpose
from app.inference.words.contract import NO_CONTRACT, Contract, under_key
from app.inference.words.ends import FinishReason
from app.inference.words.priority import Priority, capped
from app.inference.words.thinking import Think
from app.inference.words.tiers import Tier


class OnDisconnect(StrEnum):
    """What happens to a run when the reader that started it leaves."""

    CANCEL = "cancel"
    """It is cancelled and frees its slot."""
    CONTINUE = "continue"
    """It goes on to its end."""


class RequestKind(StrEnum):
    """What a run wants of the person whom it asks."""

    QUESTION = "question"
    """Something that it does not know."""
    APPROVAL = "approval"
    """Leave to do what it is about to do."""
    ESCALATION = "escalation"
    """That a person takes over the matter."""


class Request(msgspec.Struct, frozen=True):
    """What an agent asks a person, and which answers it expects: any, or one of `options`."""

    agent: str
    text: str
    options: tuple[str, ...] = ()
    kind: RequestKind = RequestKind.QUESTION


class Answered(msgspec.Struct, frozen=True):
    """What a person answered; `option` is the one of the request's options that it is, `by` the name of the key."""

    text: str
    option: str | None = None
    by: str | None = None


class Interrupt(msgspec.Struct, frozen=True):
    """A request that waits for its answer. `id` is the step key of the effect that the answer becomes."""

    id: str
    request: Request
    asked_at: datetime
    input_sha256: str
    """The digest of what that effect depends on, in hexadecimal."""


class RunOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the models of a run are asked."""

    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    deadline_s: float | None = None
    think: Think | None = None
    """None leaves it to the model's own setting, and its thinking unshown."""
    contract: Contract = NO_CONTRACT
    """What the run insists on."""
    priority: Priority = Priority.INTERACTIVE
    support_policy: SupportPolicy | None = None
    """None leaves it to the platform's setting."""


class StartRun(msgspec.Struct, frozen=True, kw_only=True):
    """A question to a team, as it came over the edge."""

    question: str
    request_id: str
    team: str = "assistant"
    session_id: SessionId | None = None
    earlier: "tuple[Turn, ...]" = ()
    """What a new session begins with, before the question."""
    context: dict[str, str] = {}
    on_disconnect: OnDisconnect = OnDisconnect.CANCEL
    idempotency_key: str | None = None
    options: RunOptions = RunOptions()
    callback_url: str | None = None
    """Where the end is told, if the run is a task."""

    def by(self, caller: Caller) -> "StartRun":
        """Return what is asked, with the priority that the caller's key may have, and all that it insists on.

        Raises ContractUnmet for what no model can be.
        """
        options = msgspec.structs.replace(
            self.options,
            priority=capped(self.options.priority, batch_only=caller.batch_only),
            contract=under_key(caller.contract, self.options.contract),
        )
        return self if options == self.options else msgspec.structs.replace(self, options=options)


class RunHandle(msgspec.Struct, frozen=True):
    """The run behind a request; `replayed` when an idempotency key named one, and this request did not set it going."""

    run_id: RunId
    session_id: SessionId
    replayed: bool
    state: RunState = RunState.ACCEPTED
    """How a run that was named stood when it was looked at; one that is new was just accepted."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A run that this process owns under `fence`, with all that its execution needs."""

    run_id: RunId
    tenant_id: TenantId
    key_id: KeyId | None
    session_id: SessionId
    team: str
    question: str
    context: dict[str, str]
    options: RunOptions
    on_disconnect: OnDisconnect
    request_id: str
    fence: int
    attempt: int
    lost: int = 0
    """How many attempts ended with the death of their owner."""
    asked_at: datetime
    """When the run was first accepted: the same in every attempt."""
    started_at: datetime
    """When the run began, or began again at its caller's wish: its deadline counts from there."""
    spent_s: float = 0.0
    """How long before this claim that was, by the database's clock."""
    waited_s: float = 0.0
    """How long a task was accepted before that began: its own deadline counts from acceptance."""
    is_task: bool = False
    """It was accepted for a worker to begin, and its caller told so: it is not refused any more."""
    new_session: bool = False
    cancel_asked: bool = False
    session_tier: Tier | None = None
    session_node: str | None = None
    prompts_sha256: bytes | None = None
    """The set of prompts that it began with; None for a run of a version that pinned none."""

    @property
    def ids(self) -> dict[str, str]:
        """What every line of the log about this run carries."""
        return {
            "run_id": str(self.run_id),
            "session_id": str(self.session_id),
            "tenant_id": str(self.tenant_id),
            "request_id": self.request_id,
        }

    def account(self, purpose: Purpose) -> Account:
        """Return who pays for a call of the run."""
        return Account(
            purpose=purpose,
            tenant_id=self.tenant_id,
            key_id=self.key_id,
            session_id=self.session_id,
            run_id=self.run_id,
        )


class Turn(msgspec.Struct, frozen=True):
    """A message of the conversation so far; `role` is `user` or `assistant`."""

    role: str
    content: str


class History(msgspec.Struct, frozen=True):
    """The newest messages of a session, oldest first; `is_whole` when there are no older ones."""

    turns: tuple[Turn, ...] = ()
    is_whole: bool = True
    summary: str = ""
    """What stands for messages before these."""
    summarised: int = 0
    """How many."""


class LeftOut(msgspec.Struct, frozen=True):
    """What of the conversation the model was not shown word for word.

    A summary stood for `summarised` messages; `is_cut` says whether others were left out without one.
    """

    summarised: int
    is_cut: bool


class RouteSummary(msgspec.Struct, frozen=True):
    """One model call of a run: where it went, why, and what it cost."""

    route_id: RouteId | None
    kind: str
    agent: str
    tier: str | None
    tier_reason: str | None
    reason: str | None
    node: str
    model: str
    digest: str
    input_tokens: int
    output_tokens: int
    first_token_ms: float | None
    gpu_seconds: float
    cost_usd: float
    outcome: str
    wait_ms: float = 0.0
    """How long it waited for a slot."""
    thinking_tokens: int = 0
    """At least so many of `output_tokens` were thinking."""
    finish_reason: FinishReason | None = None


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """A run as its owner may see it; final when `state` is."""

    run_id: RunId
    session_id: SessionId
    state: RunState
    team: str = "assistant"
    message: str = ""
    finish_reason: FinishReason | None = None
    """Why the model stopped that gave the answer; None without one, and for runs of versions that did not ask."""
    thinking: str | None = None
    """What it thought before, if the request asked for that."""
    agent_used: str = ""
    requires_clarification: bool = False
    interrupts: tuple[Interrupt, ...] = ()
    """What it asks a person, while it waits."""
    conversation_complete: bool = False
    citations: tuple[Citation, ...] = ()
    support: tuple[SentenceSupport, ...] = ()
    """Of each sentence of the message that claims something, where documents were found for it."""
    answered_by: AnsweredBy = AnsweredBy.MODEL
    withheld: int = 0
    """How many sentences were kept back, because nothing supports them."""
    left_out: LeftOut | None = None
    """None where the model was shown all of the conversation."""
    details: dict[str, Any] = {}
    """What the team found, in a form of its own."""
    degraded: tuple[Degradation, ...] = ()
    routes: tuple[RouteSummary, ...] = ()
    input_tokens: int = 0
    output_tokens: int = 0
    gpu_seconds: float = 0.0
    cost_usd: float = 0.0
    first_token_ms: float | None = None
    processing_time_ms: int = 0
    attempt: int = 1
    error_code: str | None = None
    error_detail: str | None = None
    error_facts: dict[str, Any] = {}


class WaitReason(StrEnum):
    """Why a run waits for a node; each is the code of the error that it would end with."""

    NO_NODE_AVAILABLE = "no_node_available"
    """No routable node serves what the call needs."""
    NO_SLOT_IN_TIME = "no_slot_in_time"
    """Every slot is taken, and has been for long."""
    NODE_FAILED = "node_failed"
    """A node broke off, and the call may not go to another at once."""
