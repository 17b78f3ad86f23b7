"""Qdrant's query route: nearness, BM25 weights, fusion, filters, over all shards of a collection.

Sources are files of github.com/qdrant/qdrant at v1.18.3 and v1.19.0, and its OpenAPI document `docs/redoc/master`.
"""

import math
import random
from collections.abc import Sequence

import pytest

from tests.contract.qdrant_server import Json, Server

pytest_plugins = ("tests.contract.qdrant_fixtures",)
pytestmark = pytest.mark.integration

SIZE = 8
RRF = {"fusion": "rrf"}
RRF_K = 2  # lib/segment/src/common/reciprocal_rank_fusion.rs DEFAULT_RRF_K


def equal(value: str) -> Json:
    """OpenAPI Filter: the tenant's points."""
    return {"must": [{"key": "tenant_id", "match": {"value": value}}]}


def sparse(*terms: int) -> Json:
    """OpenAPI SparseVector with equal weights."""
    return {"indices": list(terms), "values": [1.0] * len(terms)}


def ids(points: Sequence[Json]) -> list[object]:
    """Ids in the order of the answer."""
    return [point["id"] for point in points]


def scores(points: Sequence[Json]) -> dict[object, float]:
    """Scores by id."""
    return {point["id"]: point["score"] for point in points}


def random_points(count: int, seed: int) -> list[Json]:
    """Points with distinct dense vectors and BM25 weights, for two tenants in turn."""
    rng = random.Random(seed)  # noqa: S311
    return [
        {
            "id": number,
            "vector": {
                "dense": [rng.gauss(0, 1) for _ in range(SIZE)],
                "bm25": {"indices": [1, 2 + number % 5], "values": [rng.uniform(0.5, 2), rng.uniform(0.5, 2)]},
            },
            "payload": {"tenant_id": "even" if number % 2 == 0 else "odd"},
        }
        for number in range(count)
    ]


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """Cosine similarity."""
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))


def dense_of(point: Json) -> list[float]:
    """The dense vector of a written point."""
    return point["vector"]["dense"]


def fused(legs: Sequence[Sequence[Json]], k: int = RRF_K) -> dict[object, float]:
    """Exact reciprocal rank fusion: each list adds 1 / (k + place), places from 0."""
    total: dict[object, float] = {}
    for leg in legs:
        for place, point in enumerate(leg):
            total[point["id"]] = total.get(point["id"], 0.0) + 1.0 / (k + place)
    return total


def assert_ranked(found: Sequence[Json], exact: dict[object, float]) -> None:
    """Every score is exact, order is by score, and nothing better is missing; ties may stand in any order."""
    assert scores(found) == pytest.approx({one: exact[one] for one in ids(found)}, rel=1e-5)
    best = sorted(exact.values(), reverse=True)[: len(found)]
    assert [point["score"] for point in found] == pytest.approx(best, rel=1e-5)


@pytest.fixture
def filled(server: Server) -> tuple[str, list[Json]]:
    """A collection of three shards with 60 points."""
    name, points = server.create(size=SIZE, shards=3), random_points(60, seed=7)
    server.upsert(name, points)
    return name, points


@pytest.mark.source("qdrant: lib/collection/src/collection/query.rs")
def test_nearest_points_are_the_exact_ones_of_all_shards(server: Server, filled: tuple[str, list[Json]]) -> None:
    """lib/collection/src/collection/query.rs merge_intermediate_results_from_shards; cosine similarity."""
    name, points = filled
    wanted = [0.3, -0.2, 0.9, 0.1, 0.0, 0.4, -0.7, 0.2]
    found = server.found(name, {"query": wanted, "using": "dense", "limit": 10})
    exact = {point["id"]: cosine(wanted, dense_of(point)) for point in points}
    assert ids(found) == sorted(exact, key=lambda one: -exact[one])[:10]
    assert scores(found) == pytest.approx({one: exact[one] for one in ids(found)}, abs=1e-5)


@pytest.mark.source("qdrant: docs/redoc/master/openapi.json")
def test_a_found_point_shows_id_version_and_score_only(server: Server, filled: tuple[str, list[Json]]) -> None:
    """OpenAPI ScoredPoint; QueryRequest: with_payload and with_vector are false by default."""
    name, _ = filled
    found = server.found(name, {"query": [1.0] * SIZE, "using": "dense"})
    assert len(found) == 10  # the default limit
    assert all(set(point) == {"id", "version", "score"} for point in found)
    assert all(isinstance(point["version"], int) and isinstance(point["score"], float) for point in found)


@pytest.mark.source("qdrant: docs/redoc/master/openapi.json")
def test_payload_and_vectors_are_shown_when_asked(server: Server, filled: tuple[str, list[Json]]) -> None:
    """OpenAPI WithPayloadInterface, WithVector."""
    name, points = filled
    body: Json = {"query": dense_of(points[4]), "using": "dense", "limit": 1}
    assert server.found(name, {**body, "with_payload": True})[0]["payload"] == {"tenant_id": "even"}
    assert server.found(name, {**body, "with_payload": ["other"]})[0]["payload"] == {}
    assert server.found(name, {**body, "with_payload": {"exclude": ["tenant_id"]}})[0]["payload"] == {}
    shown = server.found(name, {**body, "with_vector": ["bm25"]})[0]["vector"]
    assert set(shown) == {"bm25"}


@pytest.mark.source(
    "qdrant: lib/collection/src/collection/query.rs", "qdrant: lib/segment/src/common/reciprocal_rank_fusion.rs"
)
def test_fusion_is_computed_over_what_all_shards_found(server: Server, filled: tuple[str, list[Json]]) -> None:
    """lib/collection/src/collection/query.rs intermediates_to_final_list; reciprocal_rank_fusion.rs."""
    name, points = filled
    dense: Json = {"query": dense_of(points[11]), "using": "dense", "limit": 20}
    terms: Json = {"query": sparse(1, 4), "using": "bm25", "limit": 20}
    exact = fused([server.found(name, dense), server.found(name, terms)])
    found = server.found(name, {"prefetch": [dense, terms], "query": RRF, "limit": 15})
    assert len(found) == 15
    assert_ranked(found, exact)
    page = server.found(name, {"prefetch": [dense, terms], "query": RRF, "limit": 5, "offset": 5})
    assert [p["score"] for p in page] == [p["score"] for p in found[5:10]]


@pytest.mark.source("qdrant: lib/segment/src/common/reciprocal_rank_fusion.rs")
def test_the_constant_of_the_fusion_can_be_chosen(server: Server, filled: tuple[str, list[Json]]) -> None:
    """OpenAPI RrfQuery; reciprocal_rank_fusion.rs position_score."""
    name, points = filled
    dense: Json = {"query": dense_of(points[3]), "using": "dense", "limit": 6}
    terms: Json = {"query": sparse(2), "using": "bm25", "limit": 6}
    exact = fused([server.found(name, dense), server.found(name, terms)], k=60)
    assert_ranked(server.found(name, {"prefetch": [dense, terms], "query": {"rrf": {"k": 60}}}), exact)


@pytest.mark.source("qdrant: docs/redoc/master/openapi.json")
def test_a_prefetch_brings_ten_points_unless_told(server: Server, filled: tuple[str, list[Json]]) -> None:
    """OpenAPI Prefetch: the default limit is 10."""
    name, points = filled
    dense: Json = {"query": dense_of(points[3]), "using": "dense"}
    assert len(server.found(name, {"prefetch": dense, "query": RRF, "limit": 50})) == 10


@pytest.mark.source("qdrant: lib/shard/src/query/planned_query.rs")
def test_the_filter_of_the_query_holds_in_every_prefetch(server: Server, filled: tuple[str, list[Json]]) -> None:
    """lib/shard/src/query/planned_query.rs: filters are propagated into the leaves."""
    name, points = filled
    dense: Json = {"query": dense_of(points[1]), "using": "dense", "limit": 30}
    terms: Json = {"query": sparse(1), "using": "bm25", "limit": 30, "filter": {"must": [{"has_id": [1, 2, 3, 5]}]}}
    body: Json = {"prefetch": [dense, terms], "query": RRF, "filter": equal("odd"), "limit": 60}
    found = server.found(name, body)
    odd = {one for one in range(60) if one % 2}
    assert set(ids(found)) == odd
    alone: list[Sequence[Json]] = [
        server.found(name, {**dense, "filter": equal("odd")}),
        server.found(name, {"query": sparse(1), "using": "bm25", "filter": {"must": [{"has_id": [1, 3, 5]}]}}),
    ]
    assert_ranked(found, fused(alone))


@pytest.mark.source("qdrant: docs/redoc/master/openapi.json")
def test_another_tenant_is_never_found(server: Server, filled: tuple[str, list[Json]]) -> None:
    """OpenAPI Filter; documentation, "multitenancy"."""
    name, points = filled
    body: Json = {
        "prefetch": [
            {"query": dense_of(points[1]), "using": "dense", "filter": equal("even"), "limit": 60},
            {"query": sparse(1), "using": "bm25", "filter": equal("even"), "limit": 60},
        ],
        "query": RRF,
        "filter": equal("even"),
        "limit": 60,
    }
    assert set(ids(server.found(name, body))) == set(range(0, 60, 2))
    assert server.found(name, {**body, "filter": equal("nobody")}) == []


@pytest.mark.source("qdrant: docs/redoc/master/openapi.json")
def test_scores_below_the_threshold_are_left_out(server: Server, filled: tuple[str, list[Json]]) -> None:
    """OpenAPI QueryRequest score_threshold."""
    name, points = filled
    body: Json = {"query": dense_of(points[9]), "using": "dense", "limit": 60}
    found = server.found(name, body)
    kept = server.found(name, {**body, "score_threshold": 0.25})
    assert kept == [point for point in found if point["score"] >= 0.25]
    assert 0 < len(kept) < len(found)


@pytest.mark.source("qdrant: src/actix/api/query_api.rs")
def test_a_batch_answers_each_query_in_its_order(server: Server, filled: tuple[str, list[Json]]) -> None:
    """`query_points_batch`: one QueryResponse a search."""
    name, points = filled
    asked = [{"query": dense_of(points[n]), "using": "dense", "limit": 2} for n in (4, 7)]
    batch = f"/collections/{name}/points/query/batch"
    reply = server.ask("POST", batch, {"searches": asked}).json["result"]
    assert [ids(one["points"]) for one in reply] == [ids(server.found(name, one)) for one in asked]
    assert [one["points"][0]["id"] for one in reply] == [points[4]["id"], points[7]["id"]]
    assert server.ask("POST", batch, {"searches": []}).json["result"] == []
