"""Points in Qdrant, asked over several peers.

A point's payload holds only `tenant_id`, `document_id` and `ordinal`: the text of a chunk lives in PostgreSQL, and the
whole collection can be built again from there. Isolation between tenants is ours: every read is filtered by tenant.
"""

import math
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from json import JSONDecodeError
from typing import TypeVar
from uuid import UUID

import httpx
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.conversions import common_types as types
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from app.causes import Cause, Finding
from app.errors import StoreMisconfigured, StoreUnavailable
from app.ids import DocumentId, TenantId
from app.retrieval.collection import WRITE_TIMEOUT_S, CollectionKeeper
from app.retrieval.peer_causes import STRANGER, cause_of_error, cause_of_status
from app.retrieval.peers import PeerFailed, PeerRefused, Peers
from app.retrieval.points import Point as Point
from app.retrieval.points import ScoredPoint as ScoredPoint
from app.retrieval.points import SparseVector as SparseVector
from app.retrieval.rebuild import Rebuild, Rebuilt
from app.retrieval.shape import DENSE, SPARSE, Copies, Shape, State
from app.standing import standing_of
from app.telemetry.metrics import Metrics

# Beside every 5xx: the peer gave up in time, or has too much to do.
RETRIED_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
# A request body may have 32 MB (Qdrant's max_request_size_mb); a point of 4,096 dimensions takes about 90 kB of JSON.
POINTS_PER_REQUEST = 128
# Each search brings this many times the wanted points to the fusion, and at least PREFETCH_LEAST.
PREFETCH_FACTOR = 4
PREFETCH_LEAST = 40
MAX_CONNECTIONS = 64
# Owns nothing.
NOBODY = TenantId(UUID(int=0))
MAX_IDLE_CONNECTIONS = 16

T = TypeVar("T")
Ask = Callable[[AsyncQdrantClient], Awaitable[T]]


class QdrantPeers:
    """One collection behind an alias, asked over all peers of a cluster; every write here is idempotent."""

    def __init__(  # noqa: PLR0913 - every one is a fact of the deployment
        self,
        urls: Sequence[str],
        *,
        api_key: str | None,
        collection: str,
        shard_number: int,
        replication_factor: int,
        dense_size: int,
        metrics: Metrics,
        timeout_s: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        tls_ca: str | None = None,
    ) -> None:
        """`dense_size` is the embedding's length; `timeout_s` bounds one read at one peer, a write has 10 s."""
        self._collection = collection
        self._dense_size = dense_size
        self._timeout_s = timeout_s
        tls = ssl.create_default_context(cafile=tls_ca)
        self._clients = tuple(_client(url, api_key, tls) for url in urls)
        self.standings = tuple(
            standing_of(f"qdrant-{number}" if len(urls) > 1 else "qdrant", url, metrics)
            for number, url in enumerate(urls, 1)
        )
        self._peers = Peers(self._clients, standings=self.standings, metrics=metrics, timeout_s=timeout_s, clock=clock)
        shape = Shape(dense_size, shard_number, replication_factor)
        self._keeper = CollectionKeeper(self._ask, collection, shape, clock=clock)
        self._rebuild = Rebuild(self._ask, self._keeper, collection, shape)

    async def ensure_collection(self) -> None:
        """Make what is missing of the collection. See `CollectionKeeper.ensure`."""
        await self._keeper.ensure()

    async def state(self) -> State:
        """Return what the alias names and how that differs from the settings. See `CollectionKeeper.state`."""
        return await self._keeper.state()

    async def complete_copies(self) -> Copies | None:
        """Begin copies of shards that are missing on other peers. See `CollectionKeeper.complete`."""
        return await self._keeper.complete()

    async def rebuild(self, told: Callable[[int, int], None]) -> Rebuilt | None:
        """Build the collection anew in the shape that the settings ask. See `Rebuild.run`."""
        return await self._rebuild.run(told)

    async def upsert(self, points: Sequence[Point]) -> None:
        """Insert or replace points; they are durable and visible when this returns. Repeating it changes nothing.

        Raises:
            StoreUnavailable: a part may be written; send all again.
        """
        for start in range(0, len(points), POINTS_PER_REQUEST):
            part = [_point(point) for point in points[start : start + POINTS_PER_REQUEST]]
            await self._write("upsert", lambda client, part=part: client.upsert(self._collection, part, wait=True))

    async def remove_document(self, tenant_id: TenantId, document_id: DocumentId) -> None:
        """Remove every point of a tenant's document; removing nothing is no error."""
        chosen = models.FilterSelector(filter=_owned(tenant_id, document_id))
        await self._write("remove", lambda client: client.delete(self._collection, chosen, wait=True))

    async def count(self, tenant_id: TenantId, document_id: DocumentId | None = None) -> int:
        """The tenant's points, or those of one of its documents, counted exactly."""
        owned = _owned(tenant_id, document_id)
        counted = await self._ask(
            "count",
            lambda client: client.count(
                self._collection, count_filter=owned, exact=True, timeout=math.ceil(self._timeout_s)
            ),
        )
        return counted.count

    async def query(
        self, tenant_id: TenantId, dense: Sequence[float], sparse: SparseVector, *, limit: int
    ) -> list[ScoredPoint]:
        """The tenant's best points by reciprocal rank fusion of nearness and BM25, best first.

        Term frequencies are weighed by their rarity among this tenant's points (Qdrant 1.19; 1.18 counts all points).

        Raises:
            StoreUnavailable: two peers did not answer, or the collection's vectors are of another kind.
        """
        found = await self._ask("query", self._question(tenant_id, dense, sparse, limit))
        return [_scored(point) for point in found.points]

    def _question(
        self, tenant_id: TenantId, dense: Sequence[float], sparse: SparseVector, limit: int
    ) -> Ask[types.QueryResponse]:
        if self._keeper.unreadable is not None:
            raise StoreMisconfigured(self._keeper.unreadable, store="qdrant", reason="drift")
        owned = _owned(tenant_id, None)
        searches = _searches(dense, sparse, owned, limit)
        return lambda client: client.query_points(
            self._collection,
            prefetch=searches,
            query=models.FusionQuery(fusion=models.Fusion.RRF),
            query_filter=owned,
            limit=limit,
            with_payload=["document_id"],
            timeout=math.ceil(self._timeout_s),
        )

    async def look(self) -> None:
        """Ask a question in which nobody's points can be found. Raises what `query` raises."""
        await self._ask("look", self._question(NOBODY, [1.0] * self._dense_size, SparseVector((), ()), 1))

    async def close(self) -> None:
        """Close the connections to every peer."""
        for client in self._clients:
            await client.close()

    async def _write(self, operation: str, ask: Ask[models.UpdateResult]) -> None:
        result = await self._ask(operation, ask, WRITE_TIMEOUT_S)
        if result.status is not models.UpdateStatus.COMPLETED:
            raise StoreUnavailable(f"{operation} is {result.status.value}", store="qdrant", operation=operation)

    async def _ask(self, operation: str, ask: Ask[T], limit_s: float | None = None) -> T:
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


def _owned(tenant_id: TenantId | None, document_id: DocumentId | None) -> models.Filter:
    """Only the tenant's points.

    Raises:
        ValueError: there is no tenant; nothing may be read or removed without one.
    """
    if tenant_id is None:
        raise ValueError("points are only read or removed for a tenant")
    must: list[models.Condition] = [_equal("tenant_id", tenant_id)]
    if document_id is not None:
        must.append(_equal("document_id", document_id))
    return models.Filter(must=must)


def _equal(key: str, value: UUID) -> models.FieldCondition:
    return models.FieldCondition(key=key, match=models.MatchValue(value=str(value)))


def _searches(dense: Sequence[float], sparse: SparseVector, owned: models.Filter, limit: int) -> list[models.Prefetch]:
    wanted = max(PREFETCH_FACTOR * limit, PREFETCH_LEAST)
    searches = [models.Prefetch(query=list(dense), using=DENSE, filter=owned, limit=wanted)]
    if sparse.indices:
        terms = models.SparseVector(indices=list(sparse.indices), values=list(sparse.values))
        params = models.SearchParams(idf=models.IdfCorpusParams(corpus=owned))
        searches.append(models.Prefetch(query=terms, using=SPARSE, filter=owned, limit=wanted, params=params))
    return searches


def _point(point: Point) -> models.PointStruct:
    vectors: dict[str, models.Vector] = {DENSE: list(point.dense)}
    if point.sparse.indices:
        vectors[SPARSE] = models.SparseVector(indices=list(point.sparse.indices), values=list(point.sparse.values))
    payload = {"tenant_id": str(point.tenant_id), "document_id": str(point.document_id), "ordinal": point.ordinal}
    return models.PointStruct(id=str(point.id), vector=vectors, payload=payload)


def _scored(point: models.ScoredPoint) -> ScoredPoint:
    document_id = DocumentId(UUID(str((point.payload or {})["document_id"])))
    return ScoredPoint(id=UUID(str(point.id)), document_id=document_id, score=point.score)
