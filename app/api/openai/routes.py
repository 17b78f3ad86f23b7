"""OpenAI's interface under /v1: what its clients ask goes to a model or a team of this installation."""

import base64
import struct
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from app.api.auth import HttpRequest, Permission, caller_of
from app.api.bodies import read_json
from app.api.call_headers import read_headers
from app.api.direct.abilities import check_abilities, has_pictures, offer_of
from app.api.direct.door import Direct
from app.api.direct.reply import DirectReply
from app.api.direct.talk import Ask
from app.api.direct.wanted import Rated, model_unknown, read_wanted
from app.api.doors import Offers
from app.api.openai.asked import AGENT, read_chat, read_completion, read_embeddings
from app.api.openai.bodies import ChatBody, CompletionBody, EmbeddingsBody
from app.api.openai.completions import CompletionTeller
from app.api.openai.docs import CHAT, COMPLETIONS, EMBEDDINGS, MODEL, MODELS
from app.api.openai.shapes import EmbeddingOut, EmbeddingsReply, EmbeddingsUsage, ModelOut, ModelsReply
from app.api.openai.told import ChatTeller
from app.api.replies import cost_header, reply
from app.api.routing import route
from app.inference.words.offers import Offer

T = TypeVar("T")
OWNER = "switchyard"


class OpenAI:
    """The routes under /v1."""

    def __init__(
        self, direct: Direct, offers: Offers, *, body_limit_bytes: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._direct = direct
        self._offers = offers
        self._body_limit_bytes = body_limit_bytes
        self._clock = clock
        self._chat = msgspec.json.Decoder(ChatBody)
        self._completion = msgspec.json.Decoder(CompletionBody)
        self._embeddings = msgspec.json.Decoder(EmbeddingsBody)

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [
            route("POST", "/v1/chat/completions", self.chat, Permission.RUN, CHAT),
            route("POST", "/v1/completions", self.complete, Permission.RUN, COMPLETIONS),
            route("POST", "/v1/embeddings", self.embed, Permission.RUN, EMBEDDINGS),
            route("GET", "/v1/models", self.models, Permission.READ, MODELS),
            route("GET", "/v1/models/{name:path}", self.model, Permission.READ, MODEL),
        ]

    async def chat(self, request: HttpRequest) -> ASGIApp:
        """Answer a conversation."""
        body = await self._read(request, self._chat)
        asked = read_chat(body, read_headers(request))
        self._check(asked.asks[0])
        teller = ChatTeller(
            body.model,
            int(self._clock()),
            count=len(asked.asks),
            stream=bool(body.stream),
            offered=asked.offered,
            with_usage=asked.with_usage,
        )
        return DirectReply(self._direct, caller_of(request), asked.asks, teller)

    async def complete(self, request: HttpRequest) -> ASGIApp:
        """Answer prompts."""
        body = await self._read(request, self._completion)
        asked = read_completion(body, read_headers(request))
        teller = CompletionTeller(
            body.model,
            int(self._clock()),
            stream=bool(body.stream),
            echoes=asked.echoes,
            with_usage=asked.with_usage,
        )
        return DirectReply(self._direct, caller_of(request), asked.asks, teller)

    async def embed(self, request: HttpRequest) -> ASGIApp:
        """Return vectors of texts."""
        body = await self._read(request, self._embeddings)
        texts = read_embeddings(body)
        # The installation has one model for vectors: `auto` is that.
        model = None if isinstance(read_wanted(body.model), Rated) else body.model
        made = await self._direct.embed(caller_of(request), texts, model=model, agent=AGENT)
        vectors = [shortened(vector, body.dimensions) for vector in made.vectors]
        used = EmbeddingsUsage(prompt_tokens=made.used.input_tokens, total_tokens=made.used.input_tokens)
        told = EmbeddingsReply(
            object="list", data=_embeddings(vectors, as_text=body.encoding_format == "base64"), model=body.model,
            usage=used,
        )  # fmt: skip
        headers = {"x-route-model": made.used.model, "x-route-node": made.used.node}
        return reply(told, headers=headers | cost_header(made.used.cost_usd_micro / 1_000_000))

    async def models(self, request: HttpRequest) -> ASGIApp:  # noqa: ARG002
        """List every name that a client may give as `model`."""
        return reply(ModelsReply(object="list", data=tuple(map(_model, self._offers.list()))))

    async def model(self, request: HttpRequest) -> ASGIApp:
        """Show one name; `:latest` may be said or left out."""
        name = str(request.path_params["name"]).removeprefix("/")
        offer = offer_of(name, self._offers.list())
        if offer is None:
            raise model_unknown(name)
        return reply(_model(offer))

    def _check(self, ask: Ask) -> None:
        """Raise BadInput for tools and pictures that the named model knows nothing of; asked to think, it answers."""
        if ask.tools or has_pictures(ask):
            check_abilities(msgspec.structs.replace(ask, think=None), self._offers.list())

    async def _read(self, request: HttpRequest, decoder: "msgspec.json.Decoder[T]") -> T:
        return await read_json(request, decoder, self._body_limit_bytes)


def shortened(vector: Sequence[float], dimensions: int | None) -> Sequence[float]:
    """Return the first so many numbers as a unit vector again, as OpenAI has it for its own models."""
    if dimensions is None or dimensions >= len(vector):
        return vector
    kept = vector[:dimensions]
    length = sum(value * value for value in kept) ** 0.5
    return [value / length for value in kept] if length > 0 else kept


def _embeddings(vectors: Sequence[Sequence[float]], *, as_text: bool) -> tuple[EmbeddingOut, ...]:
    return tuple(
        EmbeddingOut(object="embedding", index=index, embedding=_text_of(vector) if as_text else tuple(vector))
        for index, vector in enumerate(vectors)
    )


def _text_of(vector: Sequence[float]) -> str:
    """Return 32-bit floats, little-endian (openai-python, resources/embeddings.py, reads them so)."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")


def _model(offer: Offer) -> ModelOut:
    return ModelOut(id=offer.name, object="model", created=0, owned_by=OWNER)
