"""POST /api/v2/query-multi-agent: a question about filings, which a team of agents takes apart and answers."""

from dataclasses import replace
from typing import Annotated, Any, Literal, cast
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import Meta

from app.agents.evidence import Citation, SentenceSupport
from app.agents.finance.filings import forms_of, tickers_of
from app.agents.finance.periods import periods_of
from app.agents.life import RunState
from app.agents.values import RunResult, StartRun
from app.api import contracts
from app.api.auth import HttpRequest, Permission
from app.api.bodies import read_json
from app.api.doors import Runner
from app.api.replies import answering_call
from app.api.routing import Doc, Success, route
from app.api.shapes import ChatRequest, Deadline, to_start
from app.api.surface import PARAMETERS, REFUSALS, ROUTE_HEADERS, STREAM_TEXT, Surface, idempotency_key_of
from app.degradation import Degradation
from app.errors import BadInput
from app.inference.words.priority import Priority

PATH = "/api/v2/query-multi-agent"
TEAM = "finance"
LISTED = 20

Listed = Annotated[list[Annotated[str, Meta(min_length=1, max_length=16)]], Meta(max_length=LISTED)]


class MultiAgentRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A question about filings. Unknown fields are refused."""

    query: Annotated[
        str,
        Meta(
            min_length=1,
            description="The question. No NUL, no half of a surrogate pair, not only white space.",
            examples=["Was there any drop in cash and cash equivalents of Best Buy between FY2023 and Q2 of FY2024?"],
        ),
    ]
    session_id: Annotated[
        UUID | None, Meta(description="A session that an earlier answer named; absent begins a new one.")
    ] = None
    tickers: Annotated[Listed, Meta(description="Only filings of these companies are searched.")] = []
    forms: Annotated[Listed, Meta(description="Only filings of these forms: 10-K, 10-Q, 8-K, EARNINGS.")] = []
    periods: Annotated[
        Listed, Meta(description="Fiscal periods, such as FY2023 and 2024Q2, where the question names none.")
    ] = []
    stream: Annotated[bool, Meta(description="Answer with server-sent events.")] = False
    priority: Annotated[Priority, Meta(description="Whose turn comes first among calls that wait for a slot.")] = (
        Priority.INTERACTIVE
    )
    deadline_s: Annotated[
        Deadline | None,
        Meta(description="Seconds after which the answer is worthless: the run then ends with `deadline_exceeded`."),
    ] = None


class AgentView(msgspec.Struct, frozen=True):
    """An agent that took part: what it did, and the tokens of its calls; a tool's calls have none."""

    name: str
    did: str
    tokens: int = 0


class TokenUsage(msgspec.Struct, frozen=True):
    """What all calls of the run used."""

    prompt: int
    completion: int
    total: int


class QualityView(msgspec.Struct, frozen=True):
    """How good the answer is, from 0 to 1; null for what was not rated."""

    groundedness: Annotated[float | None, Meta(description="The share of its sentences that the filings support.")] = (
        None
    )
    relevance: float | None = None
    completeness: float | None = None
    judged_by: Annotated[
        Literal["rule", "model", "nobody"], Meta(description="What rated relevance and completeness.")
    ] = "nobody"


class MultiAgentResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The answer, who worked on it and what it took. Also the body of a stream's `done` event."""

    answer: str
    query_type: Annotated[
        Literal["simple", "medium", "complex"], Meta(description="The tier that the question was rated as.")
    ]
    agents: tuple[AgentView, ...]
    citations: tuple[Citation, ...]
    token_usage: TokenUsage
    quality: QualityView
    run_id: UUID
    session_id: UUID
    cost_usd: float
    processing_time_ms: int
    state: RunState
    support: Annotated[
        tuple[SentenceSupport, ...], Meta(description="Of each sentence that claims something, whether filings say it.")
    ]
    degraded: Annotated[tuple[Degradation, ...], Meta(description="What the answer had to do without.")]
    details: Annotated[
        dict[str, Any], Meta(description="The plan and the calculations; how-to/finance-team.md tells their form.")
    ]


DOC = Doc(
    summary="Ask about filings",
    tag="chat",
    text="A lead agent takes the question apart, researchers search the tenant's filings and compute, a judge rates "
    "the answer. It is a run of the team `finance`: sessions, streams, headers and refusals are those of /api/v1/chat.",
    body=MultiAgentRequest,
    example={"query": "Does AMCOR have an improving gross margin profile as of FY2023?"},
    parameters=PARAMETERS,
    successes={
        200: Success(
            "The answer",
            body=MultiAgentResponse,
            headers=ROUTE_HEADERS,
            also={"text/event-stream": STREAM_TEXT.replace("a ChatResponse", "a MultiAgentResponse")},
        )
    },
    refusals=REFUSALS,
)


class MultiAgent:
    """Asks the finance team."""

    def __init__(self, runner: Runner, *, body_limit_bytes: int, message_limit: int, run_limit_s: float) -> None:
        self._surface = Surface(runner, run_limit_s=run_limit_s, shape=to_multi_agent)
        self._decoder = msgspec.json.Decoder(MultiAgentRequest)
        self._body_limit_bytes = body_limit_bytes
        self._message_limit = message_limit

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        doc = replace(DOC, limits={"query": self._message_limit})
        return [route("POST", PATH, self.start, Permission.RUN, doc)]

    async def start(self, request: HttpRequest) -> ASGIApp:
        """Start a run and answer with its text."""
        key = idempotency_key_of(request)
        asked = await read_json(request, self._decoder, self._body_limit_bytes)
        return await self._surface.answer(request, self._start(request, asked, key), stream=asked.stream)

    def _start(self, request: HttpRequest, asked: MultiAgentRequest, key: str | None) -> StartRun:
        question = ChatRequest(
            message=asked.query,
            session_id=asked.session_id,
            context=context_of(asked),
            team=TEAM,
            priority=asked.priority,
            deadline_s=asked.deadline_s,
        )
        return to_start(
            question,
            message_limit=self._message_limit,
            idempotency_key=key,
            request_id=str(request.scope["state"]["request_id"]),
            contract=contracts.contract_of(request),
            field="query",
        )


def context_of(asked: MultiAgentRequest) -> dict[str, str]:
    """Return what the team reads beside the question. Raises BadInput for what is no ticker, form or period."""
    tickers_of(",".join(asked.tickers))
    forms_of(",".join(asked.forms))
    for period in asked.periods:
        if not periods_of(period):
            raise BadInput("a period is written as FY2023 or 2024Q2", field="periods")
    given = {"tickers": asked.tickers, "forms": asked.forms, "periods": asked.periods}
    return {name: ",".join(listed) for name, listed in given.items() if listed}


def to_multi_agent(result: RunResult) -> MultiAgentResponse:
    """Return the answer of a run that is `done`."""
    details = dict(result.details)
    call = answering_call(result)
    tier = details.pop("query_type", None) or (None if call is None else call.tier) or "medium"
    agents = details.pop("agents", ())
    quality = details.pop("quality", {})
    return MultiAgentResponse(
        answer=result.message,
        query_type=cast("Literal['simple', 'medium', 'complex']", tier),
        agents=_agents(result, agents),
        citations=result.citations,
        token_usage=TokenUsage(result.input_tokens, result.output_tokens, result.input_tokens + result.output_tokens),
        quality=msgspec.convert(quality, QualityView),
        run_id=result.run_id,
        session_id=result.session_id,
        cost_usd=result.cost_usd,
        processing_time_ms=result.processing_time_ms,
        state=result.state,
        support=result.support,
        degraded=result.degraded,
        details=details,
    )


def _agents(result: RunResult, told: list[dict[str, str]] | tuple[()]) -> tuple[AgentView, ...]:
    """Return the agents that say what they did; the first of a name has the tokens of all calls under that name."""
    views: list[AgentView] = []
    for one in told or [{"name": result.agent_used, "did": "answered"}]:
        is_first = all(view.name != one["name"] for view in views)
        calls = [call for call in result.routes if call.agent == one["name"]] if is_first else []
        tokens = sum(call.input_tokens + call.output_tokens for call in calls)
        views.append(AgentView(one["name"], one["did"], tokens))
    return tuple(views)
