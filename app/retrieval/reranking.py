"""The order that a reranker, which reads question and passage together, gives to the first passages of a search."""

import asyncio
import math
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

import httpx
import msgspec

from app.breaker import Breaker, BreakerState
from app.retrieval.chunks import embedded_text
from app.retrieval.passages import Passage

FAILURES = 3
OPEN_FOR_S = 10.0
LONGEST_OPEN_S = 300.0
CONNECTIONS = 16


class RerankerFailed(Exception):
    """No order came, and why; the passages keep the one that they have."""


class _Asked(msgspec.Struct, frozen=True):
    """A request in both common forms.

    Servers read the one that they know and pass over the other: `documents` as Jina and Cohere have it (llama.cpp:
    tools/server/server-context.cpp; vLLM: vllm/entrypoints/pooling/score/protocol.py, RerankRequest), `texts` as
    Text Embeddings Inference (router/src/http/types.rs, RerankRequest). llama.cpp answers in the second form where
    `texts` is there.
    """

    query: str
    documents: Sequence[str]
    texts: Sequence[str]
    truncate: bool = True
    """A text that is too long for the model is cut (Text Embeddings Inference refuses it otherwise)."""
    model: str | msgspec.UnsetType = msgspec.UNSET


class _Rank(msgspec.Struct, frozen=True):
    """`score` of Text Embeddings Inference, `relevance_score` of the others; of any scale."""

    index: int
    score: float | None = None
    relevance_score: float | None = None


class _Ranks(msgspec.Struct, frozen=True):
    results: list[_Rank]


_ANSWER: msgspec.json.Decoder[_Ranks | list[_Rank]] = msgspec.json.Decoder(_Ranks | list[_Rank])


class Reranker:
    """One reranker; it is left alone for a while when three questions in a row got no order."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        url: str,
        *,
        model: str | None,
        candidates: int,
        limit_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`url` is the whole address, its path too. Only the first `candidates` passages of a question are ordered."""
        self._client = client
        self._url = url
        self._model = model
        self._candidates = candidates
        self._limit_s = limit_s
        self._breaker = Breaker(clock=clock, failures=FAILURES, open_for_s=OPEN_FOR_S, longest_s=LONGEST_OPEN_S)

    async def ordered(self, question: str, passages: Sequence[Passage]) -> list[Passage]:
        """Return the passages, the first of them in the reranker's order. Their scores stay: what it gives is a rank.

        Raises RerankerFailed.
        """
        first, rest = passages[: self._candidates], passages[self._candidates :]
        if len(first) < 2:
            return list(passages)
        if self._breaker.state is BreakerState.OPEN:
            raise RerankerFailed(f"it failed before, and is asked again in {self._breaker.reopens_in_s:.0f} s")
        self._breaker.start()
        try:
            ranks = await self._ask(question, [_text_of(passage) for passage in first])
        except RerankerFailed:
            self._breaker.fail()
            raise
        except asyncio.CancelledError:
            self._breaker.absolve()
            raise
        self._breaker.succeed()
        # Python's sort is stable: equals stay as they were.
        return [first[at] for at in sorted(range(len(first)), key=lambda at: -ranks[at])] + list(rest)

    async def _ask(self, question: str, texts: Sequence[str]) -> list[float]:
        body = msgspec.json.encode(_Asked(question, texts, texts, model=self._model or msgspec.UNSET))
        try:
            async with asyncio.timeout(self._limit_s):
                reply = await self._client.post(self._url, content=body)
        except TimeoutError as error:
            raise RerankerFailed(f"no answer within {self._limit_s:g} s") from error
        except httpx.HTTPError as error:
            raise RerankerFailed(f"{type(error).__name__}: {error}") from error
        if reply.status_code != HTTPStatus.OK:
            raise RerankerFailed(f"status {reply.status_code}")
        return _scores(reply.content, len(texts))


@asynccontextmanager
async def open_reranker(
    url: str | None,
    *,
    key: str | None,
    model: str | None,
    candidates: int,
    limit_s: float,
    tls_ca: str | None = None,
) -> AsyncGenerator[Reranker | None]:
    """Open the reranker at an address; None where there is none. It need not be there yet."""
    if url is None:
        yield None
        return
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    # Reading certificates takes tens of milliseconds.
    tls = await asyncio.to_thread(ssl.create_default_context, cafile=tls_ca)
    client = httpx.AsyncClient(headers=headers, timeout=limit_s, limits=limits, trust_env=False, verify=tls)
    async with client:
        yield Reranker(client, url, model=model, candidates=candidates, limit_s=limit_s)


def _text_of(passage: Passage) -> str:
    title = f"{passage.title}\n" if passage.title else ""
    return title + embedded_text(passage.heading, passage.text, passage.lead)


def _scores(content: bytes, count: int) -> list[float]:
    """Return a score for each text, by its place. Raises RerankerFailed unless each has one."""
    try:
        said = _ANSWER.decode(content)
    except msgspec.MsgspecError as error:
        raise RerankerFailed(f"its answer is not in a form that is known: {error}") from error
    ranks = said if isinstance(said, list) else said.results
    found = {rank.index: rank.relevance_score if rank.score is None else rank.score for rank in ranks}
    scores = [found.get(at) for at in range(count)]
    known = [score for score in scores if score is not None and math.isfinite(score)]
    if len(known) < count or len(ranks) != count:
        raise RerankerFailed(f"it scored {len(known)} of {count} texts")
    return known
