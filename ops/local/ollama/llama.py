"""Calls to a loaded model over llama.cpp's server routes."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import aiohttp
import msgspec

from ops.local.ollama.faults import Refused
from ops.local.ollama.gojson import Object

T = TypeVar("T")

# A long prompt on a busy CPU is silent for minutes; longer than this is a hung model.
_SILENCE = aiohttp.ClientTimeout(total=None, connect=10.0, sock_read=600.0)
_STOPPED = (
    "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, "
    "check ollama server logs for details"
)
_LONGEST_LINE_BYTES = 8 * 2**20


class Probability(msgspec.Struct, frozen=True):
    """One candidate token."""

    token: str = ""
    logprob: float = 0.0
    top_logprobs: tuple["Probability", ...] = ()


class Timings(msgspec.Struct, frozen=True):
    """Counts of tokens and milliseconds of a finished call."""

    cache_n: int = 0
    prompt_n: int = 0
    prompt_ms: float = 0.0
    predicted_n: int = 0
    predicted_ms: float = 0.0


class Piece(msgspec.Struct, frozen=True):
    """A piece of a completion; `stop` marks the last, which has the timings."""

    content: str = ""
    stop: bool = False
    stop_type: str = ""
    timings: Timings = Timings()
    completion_probabilities: tuple[Probability, ...] = ()
    error: msgspec.Raw = msgspec.Raw()


class _Prompt(msgspec.Struct, frozen=True):
    prompt: str


class _Tokens(msgspec.Struct, frozen=True):
    tokens: tuple[int, ...]


class _Content(msgspec.Struct, frozen=True):
    content: str


class _Vector(msgspec.Struct, frozen=True):
    embedding: list[float]
    index: int = 0


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int = 0


class _Embeddings(msgspec.Struct, frozen=True):
    data: list[_Vector]
    usage: _Usage = _Usage()


class _Fault(msgspec.Struct, frozen=True):
    message: str = ""


class _Faulty(msgspec.Struct, frozen=True):
    error: _Fault = _Fault()


class Llama:
    """One model's routes. Every method raises Refused with llama.cpp's own status and body when it declines."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str) -> None:
        self._session = session
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    async def apply_template(self, body: Object) -> str:
        """The prompt that the model's chat template makes of messages and tools."""
        return (await self._post("/apply-template", body, _Prompt)).prompt

    async def tokenize(self, text: str, *, add_special: bool = False) -> tuple[int, ...]:
        """The tokens of `text`."""
        return (await self._post("/tokenize", {"content": text, "add_special": add_special}, _Tokens)).tokens

    async def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of `tokens`."""
        return (await self._post("/detokenize", {"tokens": list(tokens)}, _Content)).content

    async def embed(self, texts: Sequence[str]) -> tuple[list[list[float]], int]:
        """A vector for each text, in order, and the number of tokens read."""
        reply = await self._post("/v1/embeddings", {"input": list(texts)}, _Embeddings)
        vectors = [item.embedding for item in sorted(reply.data, key=lambda item: item.index)]
        return vectors, reply.usage.prompt_tokens

    async def complete(self, body: Object) -> AsyncGenerator[Piece]:
        """Streams a completion. Closing the generator closes the connection, which stops the generation."""
        async with self._open("/completion", {**body, "stream": True}) as response:
            async for line in response.content:
                event = line.strip().removeprefix(b"data: ")
                if not event or event.startswith(b":") or event == b"[DONE]":
                    continue
                piece = _decode(event, Piece)
                if piece.error:
                    raise Refused(500, _message(event))
                yield piece
                if piece.stop:
                    return

    async def _post(self, route: str, body: Object, wanted: type[T]) -> T:
        async with self._open(route, body) as response:
            return _decode(await response.read(), wanted)

    @asynccontextmanager
    async def _open(self, route: str, body: Object) -> AsyncGenerator[aiohttp.ClientResponse]:
        content = msgspec.json.encode(body)
        try:
            async with self._session.post(self._url + route, data=content, headers=self._headers) as response:
                if response.status >= 400:
                    raise Refused(response.status, (await response.text()).strip())
                yield response
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Refused(500, _STOPPED) from error


def message_of(refused: Refused) -> str:
    """The words inside a JSON error body of llama.cpp, else the whole text."""
    return _message(refused.text.encode())


def _message(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Faulty).error.message or body.decode("utf-8", "replace")
    except msgspec.DecodeError:
        return body.decode("utf-8", "replace")


def _decode(body: bytes, wanted: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=wanted)
    except msgspec.DecodeError as error:
        raise Refused(500, f"error unmarshalling llama-server response: {error}") from error


@asynccontextmanager
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    """The connections to all loaded models; a new one for each call, so that closing it always stops the call."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(
        connector=connector, timeout=_SILENCE, read_bufsize=_LONGEST_LINE_BYTES, trust_env=False
    ) as opened:
        yield opened
    # aiohttp closes its sockets one turn of the loop later.
    await asyncio.sleep(0)
