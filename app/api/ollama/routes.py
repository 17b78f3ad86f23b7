"""Ollama's interface under /ollama: what its clients ask goes to a model or a team of this installation."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from app.api.auth import HttpRequest, Permission, caller_of
from app.api.bodies import decode, read_whole
from app.api.call_headers import read_headers
from app.api.direct.abilities import check_abilities
from app.api.direct.door import Direct
from app.api.direct.reply import DirectReply
from app.api.direct.talk import Ask
from app.api.direct.wanted import Rated, read_wanted
from app.api.doors import Offers
from app.api.ollama.asked import (
    AGENT,
    EmbedAsked,
    read_chat,
    read_embed,
    read_embeddings,
    read_generate,
    read_show,
    word_of_nothing,
)
from app.api.ollama.bodies import ChatBody, EmbedBody, EmbeddingsBody, GenerateBody, ShowBody
from app.api.ollama.docs import CHAT, EMBED, EMBEDDINGS, GENERATE, NOT_HERE, PS, RUNNING, SHOW, TAGS, VERSION_DOC
from app.api.ollama.fields import NOT_FROM_CLIENTS
from app.api.ollama.models import (
    OLLAMA_VERSION,
    VersionReply,
    find_offer,
    ps_reply,
    show_reply,
    tags_reply,
)
from app.api.ollama.told import JSON, OllamaTeller, embed_reply, embeddings_reply, shortened
from app.api.replies import reply
from app.api.routing import route
from app.errors import BadInput, NotPermitted
from app.inference.words.priority import Priority
from app.inference.words.records import Embedding

T = TypeVar("T")


class Ollama:
    """The routes under /ollama."""

    def __init__(
        self, direct: Direct, offers: Offers, *, body_limit_bytes: int, now: Callable[[], datetime] | None = None
    ) -> None:
        self._direct = direct
        self._offers = offers
        self._body_limit_bytes = body_limit_bytes
        self._now = now or (lambda: datetime.now(UTC))
        self._chat = msgspec.json.Decoder(ChatBody)
        self._generate = msgspec.json.Decoder(GenerateBody)
        self._embed = msgspec.json.Decoder(EmbedBody)
        self._embeddings = msgspec.json.Decoder(EmbeddingsBody)
        self._show = msgspec.json.Decoder(ShowBody)

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [
            route("GET", "/ollama", running, Permission.PUBLIC, RUNNING),
            route("GET", "/ollama/api/version", version, Permission.PUBLIC, VERSION_DOC),
            route("GET", "/ollama/api/tags", self.tags, Permission.READ, TAGS),
            route("GET", "/ollama/api/ps", self.ps, Permission.READ, PS),
            route("POST", "/ollama/api/show", self.show, Permission.READ, SHOW),
            route("POST", "/ollama/api/chat", self.chat, Permission.RUN, CHAT),
            route("POST", "/ollama/api/generate", self.generate, Permission.RUN, GENERATE),
            route("POST", "/ollama/api/embed", self.embed, Permission.RUN, EMBED),
            route("POST", "/ollama/api/embeddings", self.embeddings, Permission.RUN, EMBEDDINGS),
            *_not_here(),
        ]

    async def chat(self, request: HttpRequest) -> ASGIApp:
        """Answer a conversation."""
        return self.talk(request, await read_whole(request, self._body_limit_bytes))

    def talk(self, request: HttpRequest, raw: bytes) -> ASGIApp:
        """Answer the conversation of a body that is read already."""
        body = _decoded(self._chat, raw)
        ask = read_chat(body, _request_id(request))
        return self._answer(request, body, ask, OllamaTeller(ask, as_chat=True, now=self._now))

    async def generate(self, request: HttpRequest) -> ASGIApp:
        """Answer a prompt."""
        body = await self._read(request, self._generate)
        ask = read_generate(body, _request_id(request))
        return self._answer(request, body, ask, OllamaTeller(ask, as_chat=False, now=self._now))

    async def embed(self, request: HttpRequest) -> ASGIApp:
        """Return vectors of texts."""
        asked = read_embed(await self._read(request, self._embed))
        made = await self._vectors(request, asked)
        vectors = [shortened(vector, asked.dimensions) for vector in made.vectors] if made else []
        return _json(embed_reply(asked.model, vectors, made.usage if made else None))

    async def embeddings(self, request: HttpRequest) -> ASGIApp:
        """Return the vector of a text."""
        made = await self._vectors(request, read_embeddings(await self._read(request, self._embeddings)))
        return _json(embeddings_reply(made.vectors if made else ()))

    async def tags(self, request: HttpRequest) -> ASGIApp:  # noqa: ARG002
        """List every name that a client may give as a model."""
        return reply(tags_reply(self._offers.list()))

    async def ps(self, request: HttpRequest) -> ASGIApp:  # noqa: ARG002
        """List the models that are in memory."""
        return reply(ps_reply(self._offers.in_memory(), self._now()))

    async def show(self, request: HttpRequest) -> ASGIApp:
        """Show one model."""
        return reply(show_reply(read_show(await self._read(request, self._show)), self._offers.list()))

    def _answer(
        self, request: HttpRequest, body: ChatBody | GenerateBody, ask: Ask, teller: OllamaTeller
    ) -> ASGIResponse:
        offers = self._offers.list()
        check_abilities(ask, offers)
        if not ask.messages:
            find_offer(ask.model, offers)
            return _json(teller.nothing(word_of_nothing(body)))
        called = read_headers(request)
        insisting = msgspec.structs.replace(
            ask,
            contract=called.contract,
            tells_queue=called.tells_queue,
            deadline_s=called.deadline_s,
            priority=called.priority or Priority.INTERACTIVE,
        )
        return DirectReply(self._direct, caller_of(request), (insisting,), teller)

    async def _vectors(self, request: HttpRequest, asked: EmbedAsked) -> Embedding | None:
        if not asked.texts:
            find_offer(asked.model, self._offers.list())
            return None
        # The installation has one model for vectors: `auto` is that.
        model = None if isinstance(read_wanted(asked.model), Rated) else asked.model
        return await self._direct.embed(caller_of(request), asked.texts, model=model, agent=AGENT)

    async def _read(self, request: HttpRequest, decoder: "msgspec.json.Decoder[T]") -> T:
        """Return the body; Ollama takes it for JSON whatever its type says, and curl says another."""
        return _decoded(decoder, await read_whole(request, self._body_limit_bytes))


def _decoded(decoder: "msgspec.json.Decoder[T]", raw: bytes) -> T:
    if not raw.strip():
        raise BadInput("missing request body")
    return decode(decoder, raw)


async def running(request: HttpRequest) -> ASGIApp:  # noqa: ARG001
    """Say what the command of Ollama asks before anything else."""
    return ASGIResponse(body=b"Ollama is running", media_type="text/plain; charset=utf-8")


async def version(request: HttpRequest) -> ASGIApp:  # noqa: ARG001
    """Return the version of Ollama whose interface this is."""
    return reply(VersionReply(OLLAMA_VERSION))


async def not_here(request: HttpRequest) -> ASGIApp:
    """Refuse what is no client's to do."""
    name = request.url.path.removeprefix("/ollama/api/").partition("/")[0]
    raise NotPermitted(
        f"`{name}` is not served here: models belong to the installation, and operators bring them with "
        "`switchyard nodes pull`"
    )


def _not_here() -> Sequence[HTTPRouteHandler]:
    paths = {name: f"/ollama/api/{name}{'/{digest:str}' if name == 'blobs' else ''}" for name in NOT_FROM_CLIENTS}
    return [
        route("DELETE" if name == "delete" else "POST", path, not_here, Permission.READ, NOT_HERE)
        for name, path in paths.items()
    ]


def _request_id(request: HttpRequest) -> str:
    return str(request.scope["state"]["request_id"])


def _json(body: bytes) -> ASGIResponse:
    return ASGIResponse(body=body, media_type=JSON, headers={"cache-control": "no-store"})
