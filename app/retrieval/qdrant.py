"""Points in Qdrant, asked over several peers. Nothing else imports `qdrant_client`.

A point's payload holds only `tenant_id`, `document_id` and `ordinal`: the text of a chunk lives in PostgreSQL, and the
whole collection can be built again from there. Isolation between tenants is ours: every read is filtered by tenant.
"""

import asyncio
import math
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import TypeVar
from uuid import UUID

import httpx
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from app.errors import StoreUnavailable
from app.ids import DocumentId, TenantId
from app.retrieval.peers import PeerFailed, Peers
from app.retrieval.points import Point as Point
from app.retrieval.points import ScoredPoint as ScoredPoint
from app.retrieval.points import SparseVector as SparseVector
from app.telemetry.metrics import Metrics

DENSE = "dense"
SPARSE = "bm25"
# Indexed payload fields, and whether a field keeps tenants apart on disk.
INDEXES = {"tenant_id": True, "document_id": False}
WRITE_TIMEOUT_S = 10.0
# Beside every 5xx: the peer gave up in time, or has too much to do.
RETRIED_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
# A request body may have 32 MB (Qdrant's max_request_size_mb); a point of 4,096 dimensions takes about 90 kB of JSON.
POINTS_PER_REQUEST = 128
# Each search brings this many times the wanted points to the fusion, and at least PREFETCH_LEAST.
PREFETCH_FACTOR = 4
PREFETCH_LEAST = 40
MAX_CONNECTIONS = 64
MAX_IDLE_CONNECTIONS = 16
# Another peer may learn of a new collection a little later.
VISIBLE_WITHIN_S = 10.0
VISIBLE_POLL_S = 0.1

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
        self._shard_number = shard_number
        self._replication_factor = replication_factor
        self._dense_size = dense_size
        self._timeout_s = timeout_s
        self._clock = clock
        tls = ssl.create_default_context(cafile=tls_ca)
        self._clients = tuple(_client(url, api_key, tls) for url in urls)
        self._peers = Peers(self._clients, metrics=metrics, timeout_s=timeout_s, clock=clock)

    async def ensure_collection(self) -> None:
        """Make the collection, its payload indexes and its alias where they are missing; others may do the same.

        Raises:
            StoreUnavailable: no peer answers, or the collection differs from what is configured (`reason="drift"`).
        """
        aliases = (await self._ask("aliases", lambda client: client.get_aliases())).aliases
        target = next((a.collection_name for a in aliases if a.alias_name == self._collection), None)
        name = target or f"{self._collection}_v1"
        if target is None:
            await self._create(name)
        found = await self._visible(name)
        self._check_drift(found)
        await self._index(name, found)
        if target is None:
            alias = models.CreateAlias(collection_name=name, alias_name=self._collection)
            actions = [models.CreateAliasOperation(create_alias=alias)]
            await self._ask("alias", lambda client: client.update_collection_aliases(actions), WRITE_TIMEOUT_S)

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
            StoreUnavailable: two peers did not answer.
        """
        owned = _owned(tenant_id, None)
        searches = _searches(dense, sparse, owned, limit)
        found = await self._ask(
            "query",
            lambda client: client.query_points(
                self._collection,
                prefetch=searches,
                query=models.FusionQuery(fusion=models.Fusion.RRF),
                query_filter=owned,
                limit=limit,
                with_payload=["document_id"],
                timeout=math.ceil(self._timeout_s),
            ),
        )
        return [_scored(point) for point in found.points]

    async def alive(self) -> bool:
        """Whether any peer answers."""
        try:
            await self._ask("alive", lambda client: client.collection_exists(self._collection))
        except StoreUnavailable:
            return False
        return True

    async def close(self) -> None:
        """Close the connections to every peer."""
        for client in self._clients:
            await client.close()

    async def _create(self, name: str) -> None:
        try:
            await self._ask(
                "create",
                lambda client: client.create_collection(
                    name,
                    vectors_config={DENSE: models.VectorParams(size=self._dense_size, distance=models.Distance.COSINE)},
                    sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
                    shard_number=self._shard_number,
                    replication_factor=self._replication_factor,
                    write_consistency_factor=self._replication_factor,
                ),
                WRITE_TIMEOUT_S,
            )
        except StoreUnavailable as error:
            if error.facts.get("status") != HTTPStatus.CONFLICT:  # another replica was faster
                raise

    async def _index(self, name: str, found: models.CollectionInfo) -> None:
        for field, is_tenant in INDEXES.items():
            if field in found.payload_schema:
                continue
            schema = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=is_tenant)
            await self._write(
                "index",
                lambda client, field=field, schema=schema: client.create_payload_index(name, field, schema, wait=True),
            )

    async def _visible(self, name: str) -> models.CollectionInfo:
        """The collection as a peer describes it; a peer that has not heard of it yet is asked again."""
        until = self._clock() + VISIBLE_WITHIN_S
        while True:
            try:
                return await self._ask("describe", lambda client: client.get_collection(name))
            except StoreUnavailable as error:
                if error.facts.get("status") != HTTPStatus.NOT_FOUND or self._clock() >= until:
                    raise
            await asyncio.sleep(VISIBLE_POLL_S)

    def _check_drift(self, found: models.CollectionInfo) -> None:
        params = found.config.params
        dense = params.vectors.get(DENSE) if isinstance(params.vectors, dict) else None
        sparse = (params.sparse_vectors or {}).get(SPARSE)
        facts: dict[str, tuple[object, object]] = {
            "vector size": (self._dense_size, dense.size if dense else None),
            "distance": (models.Distance.COSINE, dense.distance if dense else None),
            "sparse modifier": (models.Modifier.IDF, sparse.modifier if sparse else None),
            "shard_number": (self._shard_number, params.shard_number),
            "replication_factor": (self._replication_factor, params.replication_factor),
            "write_consistency_factor": (self._replication_factor, params.write_consistency_factor),
        }
        for field in INDEXES.keys() & found.payload_schema.keys():
            facts[f"index of {field}"] = (models.PayloadSchemaType.KEYWORD, found.payload_schema[field].data_type)
        differing = [f"{fact} is {is_}, not {wanted}" for fact, (wanted, is_) in facts.items() if wanted != is_]
        if differing:
            detail = f"collection {self._collection} differs from the settings: {'; '.join(differing)}"
            raise StoreUnavailable(detail, store="qdrant", reason="drift")

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
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in RETRIED_STATUSES:
            raise PeerFailed(f"status {status}") from error
        detail = f"qdrant {operation}: status {status}"
        raise StoreUnavailable(detail, store="qdrant", operation=operation, status=status) from error
    except (ResponseHandlingException, ResourceExhaustedResponse) as error:
        raise PeerFailed(type(error).__name__) from error


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
