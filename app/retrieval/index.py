"""One collection of the vector store: its points, and the shape that keeps them.

A point's payload holds only `tenant_id`, `document_id`, `ordinal` and, where its document has one, `ticker`: the text
of a chunk lives in PostgreSQL, and the whole collection can be built again from there. Isolation between tenants is
ours: every read is filtered by tenant.
"""

import math
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from itertools import chain, zip_longest
from typing import TypeVar
from uuid import UUID

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.conversions import common_types as types

from app.errors import StoreMisconfigured, StoreUnavailable
from app.ids import DocumentId, TenantId
from app.retrieval.collection import WRITE_TIMEOUT_S, Ask, CollectionKeeper
from app.retrieval.points import Point, Proposal, SparseVector
from app.retrieval.rebuild import Rebuild, Rebuilt
from app.retrieval.shape import DENSE, SPARSE, Copies, Shape, State, dense_size_of
from app.retrieval.tuning import search_params

# A request body may have 32 MB (Qdrant's max_request_size_mb); a point of 4,096 dimensions takes about 90 kB of JSON.
POINTS_PER_REQUEST = 128
# Owns nothing.
NOBODY = TenantId(UUID(int=0))

T = TypeVar("T")
Question = Callable[[AsyncQdrantClient], Awaitable[T]]


class Index:
    """The points behind an alias, asked over all peers of a cluster; every write here is idempotent."""

    def __init__(self, ask: Ask, alias: str, shape: Shape, *, timeout_s: float, clock: Callable[[], float]) -> None:
        """`timeout_s` bounds one read at one peer, a write has 10 s."""
        self._ask = ask
        self.alias = alias
        self._dense_size = shape.dense_size
        self._params = search_params(shape.tuning)
        self._timeout_s = timeout_s
        self._keeper = CollectionKeeper(ask, alias, shape, clock=clock)
        self._rebuild = Rebuild(ask, self._keeper, alias, shape)

    async def ensure_collection(self) -> None:
        """Make what is missing of the collection. See `CollectionKeeper.ensure`."""
        await self._keeper.ensure()

    async def target(self) -> str | None:
        """Return the collection that the alias names, if there is one. Raises StoreUnavailable."""
        return await self._keeper.target()

    async def name(self, collection: str) -> None:
        """Let the alias name a collection that is there. Raises StoreUnavailable."""
        await self._keeper.point_alias(collection)

    async def found_size(self) -> int | None:
        """Return the length of the vectors in what the alias names; None: it names nothing. Raises StoreUnavailable."""
        target = await self.target()
        return None if target is None else dense_size_of(await self._keeper.describe(target))

    async def remove(self) -> None:
        """Remove the collection that the alias names, with its points and aliases. Raises StoreUnavailable."""
        target = await self.target()
        if target is not None:
            await self._ask("drop", lambda client: client.delete_collection(target), WRITE_TIMEOUT_S)

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
            await self._write("upsert", lambda client, part=part: client.upsert(self.alias, part, wait=True))

    async def remove_document(self, tenant_id: TenantId, document_id: DocumentId) -> None:
        """Remove every point of a tenant's document; removing nothing is no error."""
        chosen = models.FilterSelector(filter=_owned(tenant_id, (document_id,)))
        await self._write("remove", lambda client: client.delete(self.alias, chosen, wait=True))

    async def count(self, tenant_id: TenantId, document_id: DocumentId | None = None) -> int:
        """The tenant's points, or those of one of its documents, counted exactly."""
        owned = _owned(tenant_id, None if document_id is None else (document_id,))
        counted = await self._ask(
            "count",
            lambda client: client.count(self.alias, count_filter=owned, exact=True, timeout=math.ceil(self._timeout_s)),
        )
        return counted.count

    async def query(
        self,
        tenant_id: TenantId,
        dense: Sequence[float],
        sparse: SparseVector,
        *,
        limit: int,
        documents: Collection[DocumentId] | None = None,
    ) -> list[Proposal]:
        """The tenant's `limit` nearest points and its `limit` best by BM25, in turns, best first; each point once.

        Of these documents only, where they are given. Term frequencies are weighed by their rarity among all of this
        tenant's points (Qdrant 1.19; 1.18 counts all points).

        Raises:
            StoreUnavailable: two peers did not answer, or the collection's vectors are of another kind.
        """
        found = await self._ask("query", self._question(tenant_id, dense, sparse, limit, documents))
        nearest, *matching = (one.points for one in found)
        known = {point.id for point in nearest}
        far = [point.id for one in matching for point in one if point.id not in known]
        if far:
            # What its words alone brought has a nearness too: a guess in its place ranks it too high.
            rest = await self._ask("query", self._nearness(tenant_id, dense, far))
            nearest = [*nearest, *rest.points]
        return _proposals(nearest, matching[0] if matching else [])

    def _nearness(
        self, tenant_id: TenantId, dense: Sequence[float], ids: Sequence[models.ExtendedPointId]
    ) -> Question[types.QueryResponse]:
        of_these = _owned(tenant_id, points=ids)
        return lambda client: client.query_points(
            self.alias,
            query=list(dense),
            using=DENSE,
            query_filter=of_these,
            search_params=self._params,
            limit=len(ids),
            with_payload=["document_id"],
            timeout=math.ceil(self._timeout_s),
        )

    def _question(
        self,
        tenant_id: TenantId,
        dense: Sequence[float],
        sparse: SparseVector,
        limit: int,
        documents: Collection[DocumentId] | None = None,
    ) -> Question[list[types.QueryResponse]]:
        if self._keeper.unreadable is not None:
            raise StoreMisconfigured(self._keeper.unreadable, store="qdrant", reason="drift")
        asked = _searches(tenant_id, dense, sparse, documents, limit, self._params)
        return lambda client: client.query_batch_points(self.alias, requests=asked, timeout=math.ceil(self._timeout_s))

    async def look(self) -> None:
        """Ask a question in which nobody's points can be found. Raises what `query` raises."""
        await self._ask("look", self._question(NOBODY, [1.0] * self._dense_size, SparseVector((), ()), 1))

    async def _write(self, operation: str, ask: Question[models.UpdateResult]) -> None:
        result = await self._ask(operation, ask, WRITE_TIMEOUT_S)
        if result.status is not models.UpdateStatus.COMPLETED:
            raise StoreUnavailable(f"{operation} is {result.status.value}", store="qdrant", operation=operation)


def _owned(
    tenant_id: TenantId | None,
    documents: Collection[DocumentId] | None = None,
    points: Sequence[models.ExtendedPointId] | None = None,
) -> models.Filter:
    """Only the tenant's points, and of these documents, or these points, only where they are given.

    Raises:
        ValueError: there is no tenant; nothing may be read or removed without one.
    """
    if tenant_id is None:
        raise ValueError("points are only read or removed for a tenant")
    must: list[models.Condition] = [
        models.FieldCondition(key="tenant_id", match=models.MatchValue(value=str(tenant_id)))
    ]
    if documents is not None:
        chosen = models.MatchAny(any=[str(document_id) for document_id in documents])
        must.append(models.FieldCondition(key="document_id", match=chosen))
    if points is not None:
        must.append(models.HasIdCondition(has_id=list(points)))
    return models.Filter(must=must)


def _searches(
    tenant_id: TenantId,
    dense: Sequence[float],
    sparse: SparseVector,
    documents: Collection[DocumentId] | None,
    limit: int,
    params: models.SearchParams | None,
) -> list[models.QueryRequest]:
    owned = _owned(tenant_id, documents)
    best = partial(models.QueryRequest, filter=owned, limit=limit, with_payload=["document_id"])
    asked = [best(query=list(dense), using=DENSE, params=params)]
    if sparse.indices:
        terms = models.SparseVector(indices=list(sparse.indices), values=list(sparse.values))
        rarity = models.SearchParams(idf=models.IdfCorpusParams(corpus=_owned(tenant_id)))
        asked.append(best(query=terms, using=SPARSE, params=rarity))
    return asked


def _point(point: Point) -> models.PointStruct:
    vectors: dict[str, models.Vector] = {DENSE: list(point.dense)}
    if point.sparse.indices:
        vectors[SPARSE] = models.SparseVector(indices=list(point.sparse.indices), values=list(point.sparse.values))
    payload = {"tenant_id": str(point.tenant_id), "document_id": str(point.document_id), "ordinal": point.ordinal}
    if point.ticker is not None:
        payload["ticker"] = point.ticker
    return models.PointStruct(id=str(point.id), vector=vectors, payload=payload)


def _proposals(nearest: Sequence[models.ScoredPoint], matching: Sequence[models.ScoredPoint]) -> list[Proposal]:
    cosines, matches = ({UUID(str(one.id)): one.score for one in found} for found in (nearest, matching))
    in_turns = chain.from_iterable(zip_longest(nearest, matching))
    documents = {UUID(str(one.id)): (one.payload or {})["document_id"] for one in in_turns if one is not None}
    return [
        Proposal(point_id, DocumentId(UUID(str(document_id))), cosines.get(point_id), matches.get(point_id))
        for point_id, document_id in documents.items()
    ]
