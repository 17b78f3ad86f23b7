"""The peers of Qdrant: how each is spoken to, and what becomes of what it answers."""

import math
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from json import JSONDecodeError
from typing import TypeVar

import httpx
import msgspec
from qdrant_client import AsyncQdrantClient
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from app.causes import Cause, Finding
from app.errors import StoreMisconfigured, StoreUnavailable
from app.retrieval.collection import WRITE_TIMEOUT_S
from app.retrieval.index import Index
from app.retrieval.peer_causes import STRANGER, cause_of_error, cause_of_status
from app.retrieval.peers import PeerFailed, PeerRefused, Peers
from app.retrieval.shape import Shape
from app.standing import standing_of
from app.telemetry.metrics import Metrics

# Beside every 5xx: the peer gave up in time, or has too much to do.
RETRIED_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
MAX_CONNECTIONS = 64
MAX_IDLE_CONNECTIONS = 16

T = TypeVar("T")
Question = Callable[[AsyncQdrantClient], Awaitable[T]]


class QdrantPeers(Index):
    """The collection that the settings name, over all peers of a cluster; `at` gives others over the same ones."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        api_key: str | None,
        collection: str,
        shape: Shape,
        metrics: Metrics,
        timeout_s: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        tls_ca: str | None = None,
    ) -> None:
        """`shape` is asked of the collection; `timeout_s` bounds one read at one peer, a write has 10 s."""
        tls = ssl.create_default_context(cafile=tls_ca)
        self._clients = tuple(_client(url, api_key, tls) for url in urls)
        self.standings = tuple(
            standing_of(f"qdrant-{number}" if len(urls) > 1 else "qdrant", url, metrics)
            for number, url in enumerate(urls, 1)
        )
        self._peers = Peers(self._clients, standings=self.standings, metrics=metrics, timeout_s=timeout_s, clock=clock)
        self._shape, self._clock = shape, clock
        super().__init__(self._ask_peers, collection, shape, timeout_s=timeout_s, clock=clock)

    def at(self, alias: str, dense_size: int) -> Index:
        """Return what is behind another alias, of vectors of another length, in the shape that the settings ask."""
        shape = msgspec.structs.replace(self._shape, dense_size=dense_size)
        return Index(self._ask_peers, alias, shape, timeout_s=self._timeout_s, clock=self._clock)

    async def close(self) -> None:
        """Close the connections to every peer."""
        for client in self._clients:
            await client.close()

    async def _ask_peers(self, operation: str, ask: Question[T], limit_s: float | None = None) -> T:
        return await self._peers.ask(operation, lambda client: _answer(ask(client), operation), limit_s)


async def _answer(asked: Awaitable[T], operation: str) -> T:
    """The answer; what another peer may do better is told apart from what all would refuse."""
    try:
        return await asked
    except UnexpectedResponse as error:
        status = error.status_code or 0
        finding = cause_of_status(status, error.content or b"", operation)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in RETRIED_STATUSES:
            raise PeerFailed(finding) from error
        kind = StoreMisconfigured if finding.cause.is_setting else StoreUnavailable
        detail = f"qdrant {operation}: {finding.text}"
        reason = finding.cause.value
        fact = kind(detail, store="qdrant", operation=operation, status=status, reason=reason)
        raise PeerRefused(finding, fact) from error
    except (ResponseHandlingException, ResourceExhaustedResponse) as error:
        raise PeerFailed(_cause(error)) from error
    except (JSONDecodeError, UnicodeDecodeError, RecursionError, AssertionError) as error:
        # Status 200 and no JSON (qdrant_client/common/response_parsing.py), or no result (async_qdrant_remote.py).
        raise PeerFailed(STRANGER) from error


def _cause(error: ResponseHandlingException | ResourceExhaustedResponse) -> Finding:
    if isinstance(error, ResourceExhaustedResponse):
        return Finding(Cause.BUSY, "status 429: it has too much to do")
    return cause_of_error(error, limit_s=WRITE_TIMEOUT_S)


def _client(url: str, api_key: str | None, tls: ssl.SSLContext) -> AsyncQdrantClient:
    # The key goes as a header: given as `api_key` the client warns on every plain connection inside a private network.
    return AsyncQdrantClient(
        url=url,
        headers={"api-key": api_key} if api_key else None,
        prefer_grpc=False,
        timeout=math.ceil(WRITE_TIMEOUT_S),
        check_compatibility=False,
        limits=httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_IDLE_CONNECTIONS),
        verify=tls,
        # A proxy is for what lies outside one's own network, and .netrc would send a peer someone's password.
        trust_env=False,
    )
