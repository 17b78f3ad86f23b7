"""A query over all shards of a collection: each search is merged over the shards, then fused."""

from collections.abc import Sequence

import qdrant_edge as edge

from ops.local.qdrant import faults
from ops.local.qdrant.filters import engine_filter
from ops.local.qdrant.fusion import DEFAULT_RRF_K, Scored, merge, rrf
from ops.local.qdrant.points import engine_vector, payload_wanted, scored
from ops.local.qdrant.requests import (
    Filter,
    IdfCorpus,
    Prefetch,
    QuantizationParams,
    Query,
    QueryObject,
    QueryPoints,
    Rrf,
    SearchParams,
    SparseVector,
)
from ops.local.qdrant.shards import Collection

DEFAULT_LIMIT = 10

Nearest = list[float] | SparseVector


def query(collection: Collection, request: QueryPoints) -> list[Scored]:
    """The best points, best first.

    Raises:
        Fault: the request contradicts itself or the collection, or asks for what is not served.
    """
    limit = _limit(request.limit, "internal.limit")
    prefetches = [request.prefetch] if isinstance(request.prefetch, Prefetch) else request.prefetch or []
    if prefetches and request.query is None:
        raise faults.bad_request(
            "A query is needed to merge the prefetches. Can't have prefetches without defining a query."
        )
    wanted = _query(request.query)
    if isinstance(wanted, Rrf):
        found = _fuse(collection, request, wanted, prefetches)
    else:
        if prefetches:
            raise faults.not_served("Rescoring prefetched points by a vector")
        whole = Prefetch(
            query=request.query or [],
            using=request.using,
            filter=request.filter,
            params=request.params,
            score_threshold=request.score_threshold,
            limit=limit + request.offset,
        )
        found = _search(collection, whole, None, request)
    return found[request.offset : request.offset + limit]


def _fuse(collection: Collection, request: QueryPoints, wanted: Rrf, prefetches: Sequence[Prefetch]) -> list[Scored]:
    if not prefetches:
        raise faults.wrong_input("Validation failed: cannot apply Fusion without prefetches")
    if request.using:
        raise faults.bad_request("Fusion queries cannot be combined with the 'using' field.")
    if wanted.weights is not None and len(wanted.weights) != len(prefetches):
        raise faults.wrong_input(
            "Validation failed: Number of weights in RRF should match number of pre-fetches: "
            f"got {len(wanted.weights)}, expected {len(prefetches)}"
        )
    lists = [_search(collection, prefetch, request.filter, request) for prefetch in prefetches]
    fused = rrf(lists, k=DEFAULT_RRF_K if wanted.k is None else wanted.k, weights=wanted.weights)
    return [p for p in fused if request.score_threshold is None or p.score >= request.score_threshold]


def _search(collection: Collection, leaf: Prefetch, outer: Filter | None, request: QueryPoints) -> list[Scored]:
    """One search, merged over the shards; the root's filter holds in every prefetch."""
    nearest = _query(leaf.query)
    if isinstance(nearest, Rrf):
        raise faults.not_served("A fusion inside a prefetch")
    configuration = collection.configuration
    vector = engine_vector(leaf.using, nearest, configuration.created, where="query")
    take = _limit(leaf.limit, "internal.prefetch[0].limit")
    asked = edge.QueryRequest(
        limit=take,
        query=edge.Query.Nearest(vector, using=leaf.using),
        filter=engine_filter(outer, leaf.filter),
        score_threshold=leaf.score_threshold,
        params=_params(leaf.params),
        with_payload=payload_wanted(request.with_payload, default=False),
        with_vector=request.with_vector or False,
    )
    found = [[scored(point) for point in shard.query(asked)] for shard in collection.shards]
    dense = configuration.dense.get(leaf.using)
    larger_better = dense is None or dense.distance in {"Cosine", "Dot"}
    return merge(found, take=take, larger_better=larger_better)


def _limit(given: int | None, field: str) -> int:
    limit = DEFAULT_LIMIT if given is None else given
    if limit < 1:
        raise faults.invalid_body(field, f"value {limit} invalid, must be 1 or larger")
    return limit


def _query(given: Query | None) -> Nearest | Rrf:
    """What is asked for: a vector to be near to, or a fusion."""
    if given is None:
        raise faults.not_served("A query without a vector or a fusion")
    if not isinstance(given, QueryObject):
        return given
    forms: list[Nearest | Rrf] = []
    if given.indices is not None and given.values is not None:
        forms.append(SparseVector(indices=given.indices, values=given.values))
    if given.nearest is not None:
        forms.append(given.nearest)
    if given.fusion is not None:
        forms.append(Rrf())
    if given.rrf is not None:
        forms.append(given.rrf)
    if len(forms) != 1:
        raise faults.bad_format("Expected some form of vector, id, or a type of query")
    return _checked(forms[0])


def _checked(form: Nearest | Rrf) -> Nearest | Rrf:
    if isinstance(form, Rrf) and form.k is not None and form.k < 1:
        raise faults.invalid_body("internal.query.rrf.k", f"value {form.k} invalid, must be 1 or larger")
    return form


def _params(params: SearchParams | None) -> edge.SearchParams | None:
    if params is None:
        return None
    if params.hnsw_ef is not None and params.hnsw_ef < 1:
        raise faults.invalid_body("internal.params.hnsw_ef", f"value {params.hnsw_ef} invalid, must be 1 or larger")
    return edge.SearchParams(
        hnsw_ef=params.hnsw_ef,
        exact=params.exact,
        quantization=_quantization(params.quantization),
        indexed_only=params.indexed_only,
        idf=edge.IdfParams(corpus=engine_filter(params.idf.corpus)) if isinstance(params.idf, IdfCorpus) else None,
    )


def _quantization(params: QuantizationParams | None) -> edge.QuantizationSearchParams | None:
    if params is None:
        return None
    if params.oversampling is not None and params.oversampling < 1:
        text = f"value {params.oversampling} invalid, must be 1.0 or larger"
        raise faults.invalid_body("internal.params.quantization.oversampling", text)
    return edge.QuantizationSearchParams(ignore=params.ignore, rescore=params.rescore, oversampling=params.oversampling)
