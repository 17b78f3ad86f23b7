"""The JSON that goes in and out of the chat surface."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from app.agents.evidence import Citation, SentenceSupport
from app.agents.life import FINAL_STATES, RunState
from app.agents.support_policy import AnsweredBy, SupportPolicy
from app.agents.values import LeftOut, OnDisconnect, RouteSummary, RunOptions, RunResult, StartRun
from app.api.asking import InterruptView, check_storable, to_interrupts
from app.degradation import Degradation
from app.errors import BadInput, RunCancelled
from app.ids import RunId, SessionId
from app.inference.words.contract import NO_CONTRACT, Contract
from app.inference.words.ends import FinishReason
from app.inference.words.priority import Priority
from app.inference.words.thinking import Think
from app.stored_ends import kind_of

CONTEXT_ENTRIES = 32
CONTEXT_KEY_CHARACTERS = 64
CONTEXT_VALUE_CHARACTERS = 500
OUTPUT_TOKENS = 32_768

Text500 = Annotated[str, Meta(max_length=CONTEXT_VALUE_CHARACTERS)]
Name64 = Annotated[str, Meta(min_length=1, max_length=CONTEXT_KEY_CHARACTERS)]
Context = Annotated[dict[Name64, Text500], Meta(max_length=CONTEXT_ENTRIES)]
Deadline = Annotated[float, Meta(gt=0, le=3600)]
Temperature = Annotated[float, Meta(ge=0, le=2)]
MaxTokens = Annotated[int, Meta(ge=1, le=OUTPUT_TOKENS)]
Seed = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class ChatRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A message to a team of agents. Unknown fields are refused."""

    message: Annotated[
        str,
        Meta(
            min_length=1,
            description="The question. No NUL, no half of a surrogate pair, not only white space.",
            examples=["When may I return a lamp?"],
        ),
    ]
    session_id: Annotated[
        UUID | None, Meta(description="A session that an earlier answer named; absent begins a new one.")
    ] = None
    support_policy: Annotated[
        SupportPolicy | None,
        Meta(
            description="What becomes of sentences that the documents found do not say: `supported_only` shows each "
            "once it is checked and withholds the others. Absent leaves it to the platform's setting."
        ),
    ] = None
    context: Annotated[
        Context | None,
        Meta(
            description="Facts about the asker, kept with the session.",
            examples=[{"customer_id": "CUST00001", "policy_number": "POL000004"}],
        ),
    ] = None
    team: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,62}$", description="Which team answers.")] = "assistant"
    stream: Annotated[bool, Meta(description="Answer with server-sent events.")] = False
    priority: Annotated[Priority, Meta(description="Whose turn comes first among calls that wait for a slot.")] = (
        Priority.INTERACTIVE
    )
    deadline_s: Annotated[
        Deadline | None,
        Meta(description="Seconds after which the answer is worthless: the run then ends with `deadline_exceeded`."),
    ] = None
    temperature: Temperature | None = None
    max_tokens: MaxTokens | None = None
    seed: Seed | None = None
    think: Annotated[
        Think | None,
        Meta(
            description="Whether, or how hard, the model thinks before it answers; its thinking is then shown, and "
            "counts against `max_tokens`. A model that cannot think answers without (`degraded`). Absent leaves it to "
            "the model's setting, and shows none."
        ),
    ] = None
    contract: Annotated[
        Contract | None,
        Meta(
            description="What the answer's model must be: rather `contract_unmet` than another one. The headers "
            "`x-route-min-tier`, `x-route-digest` and `x-route-no-degrade` say the same; the strictest holds."
        ),
    ] = None
    on_disconnect: Annotated[
        OnDisconnect | None,
        Meta(
            description="What happens when this request's client leaves. "
            "`continue` when an Idempotency-Key is sent, else `cancel`."
        ),
    ] = None


class ChatMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """What the answer took."""

    tokens_used: int
    processing_time_ms: int
    run_id: UUID
    input_tokens: int
    output_tokens: int
    gpu_seconds: float
    cost_usd: float
    first_token_ms: float | None
    attempt: int
    routes: tuple[RouteSummary, ...]


class ChatResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The answer, with where it comes from and what it took. Also the body of a stream's `done` event."""

    session_id: UUID
    message: str
    finish_reason: Annotated[
        FinishReason | None,
        Meta(description="Why the model stopped. Only after `stop` is the answer whole; null for answers of old."),
    ]
    agent_used: str
    requires_clarification: bool
    conversation_complete: bool
    metadata: ChatMetadata
    citations: tuple[Citation, ...]
    degraded: Annotated[tuple[Degradation, ...], Meta(description="What the answer had to do without.")]
    thinking: Annotated[
        str | None, Meta(description="What the model thought before it answered; null unless `think` was asked for.")
    ]
    state: Annotated[
        RunState,
        Meta(description="`waiting` when the run asks a person before it goes on: `message` is what it asks."),
    ] = RunState.DONE
    interrupts: Annotated[
        tuple[InterruptView, ...],
        Meta(description="What it asks; answer at /api/v1/runs/{run_id}/resume."),
    ] = ()
    support: Annotated[
        tuple[SentenceSupport, ...],
        Meta(
            description="Whether the documents say what each sentence of `message` says: the characters `start` to "
            "`end` of it. Empty where none were found, and for sentences that claim nothing."
        ),
    ] = ()
    answered_by: Annotated[AnsweredBy, Meta(description="Whose words `message` is.")] = AnsweredBy.MODEL
    withheld: Annotated[int, Meta(description="Sentences kept back, because no document found says them.")] = 0
    left_out: Annotated[
        LeftOut | None,
        Meta(description="What of the conversation the model was not shown word for word; null for nothing."),
    ] = None
    details: Annotated[
        dict[str, Any],
        Meta(description="What the team found, in a form of its own; its page in the manual says which."),
    ] = {}


class RunError(msgspec.Struct, frozen=True):
    """How a run ended that did not end with an answer."""

    code: str
    detail: str


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A run. `answer` is there once `state` is `done`, `error` once it ended otherwise, `interrupts` while it waits."""

    run_id: UUID
    session_id: UUID
    state: RunState
    team: str
    ended: Annotated[bool, Meta(description="Whether `state` is final.")]
    answer: ChatResponse | None
    error: RunError | None
    interrupts: Annotated[
        tuple[InterruptView, ...],
        Meta(description="What it asks a person while `state` is `waiting`; answer at /api/v1/runs/{run_id}/resume."),
    ]
    metadata: ChatMetadata


def to_start(
    asked: ChatRequest,
    *,
    message_limit: int,
    idempotency_key: str | None,
    request_id: str,
    contract: Contract = NO_CONTRACT,
    field: str = "message",
) -> StartRun:
    """Return what the runner is asked. Raises BadInput for text that is too long or that no store can hold.

    `message_limit` is in characters: Unicode code points, as JSON Schema's maxLength counts them; `field` is what the
    surface calls the message.
    """
    length = len(asked.message)
    if length > message_limit:
        raise BadInput(
            f"a message may have {message_limit} characters; this one has {length}",
            field=field,
            limit_characters=message_limit,
            characters=length,
        )
    if not asked.message.strip():
        raise BadInput("the message is only white space", field=field)
    check_storable(asked.message, field)
    for key, value in (asked.context or {}).items():
        check_storable(key, "context")
        check_storable(value, "context")
    promised = OnDisconnect.CONTINUE if idempotency_key is not None else OnDisconnect.CANCEL
    return StartRun(
        question=asked.message,
        request_id=request_id,
        team=asked.team,
        session_id=SessionId(asked.session_id) if asked.session_id is not None else None,
        context=asked.context or {},
        on_disconnect=asked.on_disconnect or promised,
        idempotency_key=idempotency_key,
        options=_options(asked, contract),
    )


def _options(asked: ChatRequest, contract: Contract) -> RunOptions:
    return RunOptions(
        temperature=asked.temperature,
        max_tokens=asked.max_tokens,
        seed=asked.seed,
        deadline_s=asked.deadline_s,
        think=asked.think,
        priority=asked.priority,
        contract=contract,
        support_policy=asked.support_policy,
    )


def to_metadata(result: RunResult) -> ChatMetadata:
    """Return what the run took so far."""
    return ChatMetadata(
        tokens_used=result.input_tokens + result.output_tokens,
        processing_time_ms=result.processing_time_ms,
        run_id=RunId(result.run_id),
        input_tokens=result.input_tokens,
        output_tokens=result.output_tokens,
        gpu_seconds=result.gpu_seconds,
        cost_usd=result.cost_usd,
        first_token_ms=result.first_token_ms,
        attempt=result.attempt,
        routes=result.routes,
    )


def to_response(result: RunResult) -> ChatResponse:
    """Return the answer of a run that is `done`, or what one asks that waits."""
    return ChatResponse(
        session_id=result.session_id,
        message=result.message,
        finish_reason=result.finish_reason,
        agent_used=result.agent_used,
        requires_clarification=result.requires_clarification,
        conversation_complete=result.conversation_complete,
        metadata=to_metadata(result),
        citations=result.citations,
        support=result.support,
        answered_by=result.answered_by,
        withheld=result.withheld,
        left_out=result.left_out,
        details=result.details,
        degraded=result.degraded,
        thinking=result.thinking,
        state=result.state,
        interrupts=to_interrupts(result.interrupts),
    )


def to_view(result: RunResult) -> RunView:
    """Return the run as its owner sees it."""
    done = result.state is RunState.DONE
    error = None
    if result.error_code is not None and not done:
        kind = kind_of(result.error_code, result.error_facts)
        error = RunError(kind.code if kind is RunCancelled else result.error_code, result.error_detail or "")
    return RunView(
        run_id=result.run_id,
        session_id=result.session_id,
        state=result.state,
        team=result.team,
        ended=result.state in FINAL_STATES,
        answer=to_response(result) if done else None,
        error=error,
        interrupts=to_interrupts(result.interrupts),
        metadata=to_metadata(result),
    )
