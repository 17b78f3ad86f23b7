"""Calls to Ollama nodes over HTTP."""

import asyncio
import math
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass

import aiohttp
import httpx
import msgspec
from httpx_aiohttp import AiohttpTransport

from app.causes import Finding, find_network_cause, plain
from app.errors import NodeFailed
from app.inference.fleet.catalogue import full_name
from app.inference.fleet.node_causes import STRANGER, cause_of_status
from app.inference.fleet.nodes import Look
from app.inference.fleet.traits import Traits, read_traits
from app.inference.fleet.views import Resident
from app.inference.wire.bodies import BODY_LIMIT_BYTES, ChatLine, EmbedReply
from app.inference.wire.environment import unread_environment
from app.inference.wire.exchange import Target, exchange_with
from app.inference.wire.stream import Broken, ChatStream, Heard
from app.inference.words.failures import CallBroke, Failure

with unread_environment():
    import ollama

_NO_ANSWER = (
    aiohttp.ClientError,
    httpx.HTTPError,
    OSError,  # the official client's ConnectionError, and TimeoutError
)
_NOT_OLLAMAS = (
    ValueError,  # JSON, and pydantic's ValidationError
    # ollama/_client.py: `cls(**response.json())` of a list or a number; JSON nested too deep.
    TypeError,
    AttributeError,
    RecursionError,
    msgspec.MsgspecError,
)
CONNECT_S = 3.0
# After `done: true` the end of the body follows at once; a node that keeps the connection open loses it.
_END_S = 1.0


@dataclass(frozen=True, slots=True)
class Waits:
    """How long to wait for the first token (with load, if cold) and between two, in seconds."""

    first_s: float
    gap_s: float


@dataclass(frozen=True, slots=True)
class Pulled:
    """How far a node is with fetching a model: what it does, and the bytes of the present part."""

    status: str
    done_bytes: int
    bytes: int


class Ollama:
    """The nodes' HTTP API: chat and embed by aiohttp and msgspec, looks by the official client on the same session."""

    def __init__(self, session: aiohttp.ClientSession, *, token_of: Callable[[str], str | None]) -> None:
        self._session = session
        self._token_of = token_of
        self._transport = AiohttpTransport(client=session)
        self._clients: dict[str, tuple[str | None, ollama.AsyncClient]] = {}

    async def chat(self, target: Target, body: bytes, waits: Waits, on_heard: Callable[[Heard], None]) -> ChatLine:
        """Stream one chat; `on_heard` gets each piece that holds something. Returns the last line.

        Text and thinking both count as life. Raises CallBroke. Leaving early (also by cancellation) closes the
        connection, which stops the node at once.
        """
        async with exchange_with(target, waits.first_s) as exchange:
            reply = await exchange.accept(
                await self._session.post(target.at("/api/chat"), data=body, headers=self._headers(target.url))
            )
            started, timer = False, exchange.timer
            async with aclosing(_hear(reply)) as pieces:
                async for heard in pieces:
                    if heard.tokens:
                        started = True
                        on_heard(heard)
                    if isinstance(heard.end, Broken):
                        raise exchange.broke(heard.end.failure, heard.end.detail)
                    if heard.end is not None:
                        # The caller's time limit is not for a node that dawdles over closing the body.
                        timer.reschedule(None)
                        await _finish(reply)
                        return heard.end
                    if started:
                        timer.reschedule(asyncio.get_running_loop().time() + waits.gap_s)
            raise exchange.broke(Failure.INCOMPLETE)

    async def embed(self, target: Target, body: bytes, limit_s: float, count: int) -> EmbedReply:
        """Embed `count` texts. Raises CallBroke, also when the vectors are too few, empty, or not finite and equal."""
        async with exchange_with(target, limit_s) as exchange:
            reply = await exchange.accept(
                await self._session.post(target.at("/api/embed"), data=body, headers=self._headers(target.url))
            )
            raw = await _read_all(target, reply)
        try:
            decoded = msgspec.json.decode(raw, type=EmbedReply)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CallBroke(Failure.GARBAGE, target.node, target.model) from error
        vectors = decoded.embeddings
        if not any(map(any, vectors)):
            raise CallBroke(Failure.EMPTY, target.node, target.model, "the model gave no vector, or nothing but zeros")
        sizes = {len(vector) for vector in vectors}
        if len(vectors) != count or len(sizes) != 1 or 0 in sizes or not all(map(_is_finite, vectors)):
            raise CallBroke(Failure.GARBAGE, target.node, target.model, "vectors of the wrong number, size or value")
        return decoded

    async def look(self, url: str, *, limit_s: float) -> Look | Finding:
        """Return what a node holds and has in memory, or why it does not say: no answer in time, or not Ollama's."""
        try:
            async with asyncio.timeout(limit_s):
                client = self._client(url)
                held, loaded = await asyncio.gather(client.list(), client.ps())
                version_url = f"{url.rstrip('/')}/api/version"
                async with self._session.get(version_url, headers=self._headers(url)) as reply:
                    version = msgspec.json.decode(await reply.content.read(10_000), type=dict[str, str])
            return Look(
                version=version.get("version", ""),
                holds={full_name(entry.model): _digest(entry.digest) for entry in held.models if entry.model},
                loaded={full_name(one.model): max(0, one.context_length or 0) for one in loaded.models if one.model},
                sizes={full_name(entry.model): int(entry.size or 0) for entry in held.models if entry.model},
                residents={full_name(one.model): _resident(one) for one in loaded.models if one.model},
            )
        except ollama.ResponseError as error:
            return cause_of_status(error.status_code)
        except _NO_ANSWER as error:
            return find_network_cause(error, limit_s=limit_s) or STRANGER
        except _NOT_OLLAMAS:
            return STRANGER

    async def show(self, url: str, model: str) -> ollama.ShowResponse:
        """Return the node's description of a model, by the official client."""
        return await self._client(url).show(model)

    async def traits(self, url: str, model: str, *, limit_s: float) -> Traits | None:
        """Return what a model can do and needs; None if the node does not say, or not in time."""
        try:
            async with asyncio.timeout(limit_s):
                told = await self.show(url, model)
            return read_traits(told.capabilities or (), told.modelinfo or {})
        except (ollama.ResponseError, *_NO_ANSWER, *_NOT_OLLAMAS):
            return None

    async def pull(self, url: str, model: str, *, gap_s: float) -> AsyncGenerator[Pulled]:
        """Have a node fetch a model, and yield how far it is. Raises NodeFailed, also when it falls silent."""
        try:
            pieces = aiter(await self._client(url).pull(model, stream=True))
            while True:
                async with asyncio.timeout(gap_s):
                    piece = await anext(pieces, None)
                if piece is None:
                    return
                yield Pulled(piece.status or "", piece.completed or 0, piece.total or 0)
        except ollama.ResponseError as error:
            raise NodeFailed(plain(error.error), model=model) from error
        except _NO_ANSWER as error:
            finding = find_network_cause(error, limit_s=gap_s) or STRANGER
            raise NodeFailed(f"{finding.text}; {finding.advice}", model=model) from error
        except _NOT_OLLAMAS as error:
            raise NodeFailed(f"{STRANGER.text}; {STRANGER.advice}", model=model) from error

    async def template(self, url: str, model: str, *, limit_s: float) -> str | None:
        """Return the template that the node writes a model's prompts with; None if it does not say, or not in time."""
        try:
            async with asyncio.timeout(limit_s):
                return (await self.show(url, model)).template
        except (ollama.ResponseError, *_NO_ANSWER, *_NOT_OLLAMAS):
            return None

    def _client(self, url: str) -> ollama.AsyncClient:
        # Never closed one by one: that would close the session that all share.
        token = self._token_of(url)
        known, client = self._clients.get(url, (None, None))
        if client is None or known != token:
            with unread_environment():
                client = ollama.AsyncClient(
                    host=url, transport=self._transport, trust_env=False, headers=self._headers(url)
                )
            self._clients[url] = token, client
        return client

    def _headers(self, url: str) -> dict[str, str]:
        token = self._token_of(url)
        return {} if token is None else {"authorization": f"Bearer {token}"}


def no_token(_url: str) -> str | None:
    """Return no token: the node asks for none, as Ollama itself does."""
    return None


@asynccontextmanager
async def open_ollama(
    *, tls_ca: str | None = None, token_of: Callable[[str], str | None] = no_token
) -> AsyncGenerator[Ollama]:
    """Open the session that all nodes share. Connections are not limited: slots limit the calls."""
    context = ssl.create_default_context(cafile=tls_ca) if tls_ca is not None else True
    connector = aiohttp.TCPConnector(limit=0, ssl=context, keepalive_timeout=30)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
        headers={"content-type": "application/json"},
        auto_decompress=False,
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        raise_for_status=False,
    ) as session:
        yield Ollama(session, token_of=token_of)


async def _hear(reply: aiohttp.ClientResponse) -> AsyncGenerator[Heard]:
    """Yield what the body brings, a last line without its end too, however the body ended."""
    stream = ChatStream()
    # What had come when the connection broke may be all that there was to come.
    with suppress(aiohttp.ClientError, ConnectionError):
        async for piece in reply.content.iter_any():
            yield stream.feed(piece)
    yield stream.close()


async def _finish(reply: aiohttp.ClientResponse) -> None:
    """Read to the end of the body, so that the connection can be used again."""
    try:
        async with asyncio.timeout(_END_S):
            while await reply.content.readany():
                pass
    except (TimeoutError, aiohttp.ClientError):
        return
    reply.release()


async def _read_all(target: Target, reply: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in reply.content.iter_any():
        body += piece
        if len(body) > BODY_LIMIT_BYTES:
            raise CallBroke(Failure.GARBAGE, target.node, target.model, "the reply is too large")
    return bytes(body)


def _resident(one: ollama.ProcessResponse.Model) -> Resident:
    at = one.expires_at
    return Resident(gpu_bytes=max(0, int(one.size_vram or 0)), leaves_at=at if at is None or at.tzinfo else None)


def _is_finite(vector: tuple[float, ...]) -> bool:
    # One infinite or undefined member makes the sum so.
    return math.isfinite(math.fsum(vector))


def _digest(digest: str | None) -> str:
    return (digest or "").removeprefix("sha256:")
