"""POST /api/chat and POST /chat: the assistant, asked and told in few words."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import Meta

from app.agents.assistant.modes import FIELD, Mode
from app.agents.values import Citation, RunResult
from app.api import contracts
from app.api.auth import HttpRequest, Permission
from app.api.bodies import check_json, decode, read_json, read_whole
from app.api.direct.dialects import Dialect, write_in
from app.api.doors import Runner
from app.api.ollama.routes import Ollama
from app.api.problems import describe
from app.api.routing import Doc, Success, route
from app.api.shapes import ChatRequest, to_start
from app.api.surface import PARAMETERS, REFUSALS, ROUTE_HEADERS, STREAM_TEXT, Surface, idempotency_key_of
from app.degradation import Degradation
from app.errors import SwitchyardError

ASSISTANT = "assistant"


class MessageRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A message to the assistant. Unknown fields are refused."""

    message: Annotated[str, Meta(min_length=1, description="The question.", examples=["What is RAG?"])]
    session_id: Annotated[
        UUID | None, Meta(description="A session that an earlier answer named; absent begins a new one.")
    ] = None
    mode: Annotated[Mode | None, Meta(description="How it answers; absent leaves it to the assistant.")] = None
    stream: Annotated[bool, Meta(description="Answer with server-sent events.")] = False


class MessageReply(msgspec.Struct, frozen=True, kw_only=True):
    """What the assistant answers."""

    message: str
    session_id: UUID
    run_id: UUID
    agent: Annotated[str, Meta(description="Which agent answered: its mode's.")]
    mode: Annotated[str, Meta(description="The mode that the answer was made in.")]
    citations: tuple[Citation, ...]
    degraded: tuple[Degradation, ...]


class DocumentChatRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A message about the caller's documents. Unknown fields are refused."""

    message: Annotated[str, Meta(min_length=1, description="The question.", examples=["How long is the warranty?"])]
    session_id: Annotated[
        UUID | None, Meta(description="A session that an earlier answer named; absent begins a new one.")
    ] = None
    stream: Annotated[bool, Meta(description="Answer with server-sent events.")] = False


class Source(msgspec.Struct, frozen=True):
    """A document behind an answer, and its words that support it best."""

    document_id: UUID
    document: str
    page: int | None
    quote: str


class DocumentChatReply(msgspec.Struct, frozen=True, kw_only=True):
    """What the documents say."""

    message: str
    session_id: UUID
    run_id: UUID
    has_context: Annotated[bool, Meta(description="Whether passages of documents stood in the prompt.")]
    sources: tuple[Source, ...]


class _Looked(msgspec.Struct):
    """Tells Ollama's own body, which has a conversation."""

    messages: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


MESSAGE = Doc(
    summary="Ask the assistant in few words",
    tag="chat",
    text="The same run as `POST /api/v1/chat` with the team `assistant`. A body with `messages` is Ollama's own and "
    "answered in its words, as at /ollama/api/chat, where its clients belong.",
    body=MessageRequest,
    example={"message": "What is RAG?"},
    parameters=PARAMETERS,
    successes={
        200: Success("The answer", body=MessageReply, headers=ROUTE_HEADERS, also={"text/event-stream": STREAM_TEXT})
    },
    refusals=REFUSALS,
)
DOCUMENT_CHAT = Doc(
    summary="Ask the caller's documents",
    tag="chat",
    text="The same run as `POST /api/v1/chat` with the team `assistant` in the mode `rag`: passages of the caller's "
    "documents are searched for, and `sources` are those that the answer rests on.",
    body=DocumentChatRequest,
    example={"message": "How long is the warranty?"},
    parameters=PARAMETERS,
    successes={
        200: Success(
            "The answer", body=DocumentChatReply, headers=ROUTE_HEADERS, also={"text/event-stream": STREAM_TEXT}
        )
    },
    refusals=REFUSALS,
)


class Messages:
    """The two short ways to the assistant."""

    def __init__(
        self, runner: Runner, ollama: Ollama, *, body_limit_bytes: int, message_limit: int, run_limit_s: float
    ) -> None:
        self._message = Surface(runner, run_limit_s=run_limit_s, shape=to_message)
        self._documents = Surface(runner, run_limit_s=run_limit_s, shape=to_document_chat)
        self._ollama = ollama
        self._of_message = msgspec.json.Decoder(MessageRequest)
        self._of_documents = msgspec.json.Decoder(DocumentChatRequest)
        self._look = msgspec.json.Decoder(_Looked)
        self._body_limit_bytes = body_limit_bytes
        self._message_limit = message_limit

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        limits = {"message": self._message_limit}
        return [
            route("POST", "/api/chat", self.say, Permission.RUN, replace(MESSAGE, limits=limits)),
            route("POST", "/chat", self.ask_documents, Permission.RUN, replace(DOCUMENT_CHAT, limits=limits)),
        ]

    async def say(self, request: HttpRequest) -> ASGIApp:
        """Answer a message, or a conversation in Ollama's words."""
        raw = await read_whole(request, self._body_limit_bytes)
        if self._is_conversation(raw):
            try:
                return self._ollama.talk(request, raw)
            except SwitchyardError as error:
                return write_in(Dialect.OLLAMA, describe(error), _request_id(request))
        check_json(request)
        asked = decode(self._of_message, raw)
        return await self._answer(request, self._message, asked, asked.mode)

    async def ask_documents(self, request: HttpRequest) -> ASGIApp:
        """Answer a message from documents."""
        asked = await read_json(request, self._of_documents, self._body_limit_bytes)
        return await self._answer(request, self._documents, asked, Mode.RAG)

    async def _answer(
        self, request: HttpRequest, surface: Surface, asked: MessageRequest | DocumentChatRequest, mode: Mode | None
    ) -> ASGIApp:
        chat = ChatRequest(
            message=asked.message,
            session_id=asked.session_id,
            team=ASSISTANT,
            context=None if mode is None else {FIELD: mode.value},
            stream=asked.stream,
        )
        ask = to_start(
            chat,
            message_limit=self._message_limit,
            idempotency_key=idempotency_key_of(request),
            request_id=_request_id(request),
            contract=contracts.contract_of(request, None),
        )
        return await surface.answer(request, ask, stream=asked.stream)

    def _is_conversation(self, raw: bytes) -> bool:
        try:
            return self._look.decode(raw).messages is not msgspec.UNSET
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False


def to_message(result: RunResult) -> MessageReply:
    """Return a run's end as the assistant tells it."""
    return MessageReply(
        message=result.message,
        session_id=result.session_id,
        run_id=result.run_id,
        agent=result.agent_used,
        mode=str(result.details.get(FIELD, "")),
        citations=result.citations,
        degraded=result.degraded,
    )


def to_document_chat(result: RunResult) -> DocumentChatReply:
    """Return a run's end as an answer from documents."""
    sources = tuple(Source(one.document_id, one.document, one.page, one.quote) for one in result.citations)
    return DocumentChatReply(
        message=result.message,
        session_id=result.session_id,
        run_id=result.run_id,
        has_context=result.details.get(FIELD) == Mode.RAG.value,
        sources=sources,
    )


def _request_id(request: HttpRequest) -> str:
    return str(request.scope["state"]["request_id"])
