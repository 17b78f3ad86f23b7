"""Qdrant's query route: rarity of terms, and what it says to queries that it cannot run.

Sources are files of github.com/qdrant/qdrant at v1.18.3 and v1.19.0. Texts of errors that a shard finds may come from
another peer with its own words around them; they are searched for.
"""

import math

import pytest

from tests.contract.qdrant_server import Json, Reply, Server

pytest_plugins = ("tests.contract.qdrant_fixtures",)
pytestmark = pytest.mark.integration


def document(identity: int, terms: list[int], tenant: str = "t") -> Json:
    """A point with a sparse vector of equal weights only."""
    vector = {"bm25": {"indices": terms, "values": [1.0] * len(terms)}}
    return {"id": identity, "vector": vector, "payload": {"tenant_id": tenant}}


def asked(server: Server, body: Json) -> Reply:
    """A query of a new collection of four dimensions."""
    return server.ask("POST", f"/collections/{server.create(size=4)}/points/query", body)


def idf(points: int, having: int) -> float:
    """Inverse document frequency: lib/segment/src/data_types/query_context.rs, fancy_idf."""
    return math.log((points - having + 0.5) / (having + 0.5) + 1.0)


def by_terms(server: Server, collection: str, terms: list[int], **more: object) -> dict[object, float]:
    """Scores by id of a search by sparse vector."""
    query = {"indices": terms, "values": [1.0] * len(terms)}
    found = server.found(collection, {"query": query, "using": "bm25", "limit": 50, **more})
    return {point["id"]: float(str(point["score"])) for point in found}


@pytest.mark.source("qdrant: docs/redoc/master/openapi.json")
def test_a_rare_term_weighs_more(server: Server) -> None:
    """OpenAPI Modifier idf: statistics of the shard, here the only one."""
    name = server.create(shards=1)
    server.upsert(name, [document(1, [7]), *(document(number, [5]) for number in range(2, 12))])
    found = by_terms(server, name, [5, 7])
    assert max(found, key=lambda one: found[one]) == 1
    assert found[1] == pytest.approx(idf(11, 1), rel=1e-4)
    assert found[2] == pytest.approx(idf(11, 10), rel=1e-4)


@pytest.mark.source("qdrant: tests/openapi/test_sparse_idf_corpus.py")
def test_rarity_can_be_counted_among_a_tenants_points(server: Server) -> None:
    """tests/openapi/test_sparse_idf_corpus.py; SearchParams idf is new in 1.19."""
    if server.minor() < (1, 19):
        pytest.skip("the server counts over all points only")
    name = server.create(shards=1)
    own = [document(1, [5]), document(2, [7]), document(3, [7]), document(4, [7])]
    server.upsert(name, [*own, *(document(number, [5], tenant="u") for number in range(5, 25))])
    tenant: Json = {"must": [{"key": "tenant_id", "match": {"value": "t"}}]}
    everywhere = by_terms(server, name, [5, 7], filter=tenant)
    assert everywhere[1] < everywhere[2]
    within = by_terms(server, name, [5, 7], filter=tenant, params={"idf": {"corpus": tenant}})
    assert within[1] > within[2]
    assert (within[1], within[2]) == (pytest.approx(idf(4, 1), rel=1e-4), pytest.approx(idf(4, 3), rel=1e-4))


@pytest.mark.source("qdrant: tests/openapi/test_query.py")
def test_a_limit_of_zero_is_not_valid(server: Server) -> None:
    """tests/openapi/test_query.py."""
    reply = asked(server, {"query": [1.0] * 4, "using": "dense", "limit": 0})
    text = "Validation error in JSON body: [internal.limit: value 0 invalid, must be 1 or larger]"
    assert (reply.status, reply.error) == (422, text)


@pytest.mark.source("qdrant: lib/segment/src/common/operation_error.rs")
def test_a_query_vector_of_another_length_is_wrong_input(server: Server) -> None:
    """lib/segment/src/common/operation_error.rs WrongVectorDimension."""
    reply = asked(server, {"query": [1.0, 2.0], "using": "dense"})
    assert reply.status == 400, reply.text
    assert reply.error.startswith("Wrong input: ")
    assert "Vector dimension error: expected dim: 4, got 2" in reply.error
    assert "for vector" not in reply.error


@pytest.mark.source("qdrant: lib/segment/src/common/operation_error.rs")
def test_a_query_of_an_unknown_vector_is_wrong_input(server: Server) -> None:
    """lib/segment/src/common/operation_error.rs VectorNameNotExists."""
    reply = asked(server, {"query": [1.0] * 4, "using": "nope"})
    assert reply.status == 400, reply.text
    assert "Not existing vector name error: nope" in reply.error


@pytest.mark.source("qdrant: lib/collection/src/tests/shard_query.rs")
def test_a_fusion_needs_prefetches(server: Server) -> None:
    """lib/collection/src/tests/shard_query.rs."""
    reply = asked(server, {"query": {"fusion": "rrf"}})
    assert reply.status == 400, reply.text
    assert "cannot apply Fusion without prefetches" in reply.error


@pytest.mark.source("qdrant: lib/collection/src/operations/universal_query/collection_query.rs")
def test_a_fusion_takes_no_vector_name(server: Server) -> None:
    """lib/collection/src/operations/universal_query/collection_query.rs."""
    prefetch = {"query": [1.0] * 4, "using": "dense"}
    reply = asked(server, {"prefetch": [prefetch], "query": {"fusion": "rrf"}, "using": "dense"})
    text = "Bad request: Fusion queries cannot be combined with the 'using' field."
    assert (reply.status, reply.error) == (400, text)


@pytest.mark.source("qdrant: lib/collection/src/operations/universal_query/collection_query.rs")
def test_prefetches_need_a_query(server: Server) -> None:
    """lib/collection/src/operations/universal_query/collection_query.rs."""
    reply = asked(server, {"prefetch": [{"query": [1.0] * 4, "using": "dense"}]})
    text = "A query is needed to merge the prefetches. Can't have prefetches without defining a query."
    assert (reply.status, reply.error) == (400, f"Bad request: {text}")


@pytest.mark.source("qdrant: lib/api/src/rest/schema.rs")
@pytest.mark.parametrize("query", [{"fusion": "no-such-fusion"}, {"no_such_query": 1}, "text", True])
def test_a_query_of_no_known_form_is_a_format_error(server: Server, query: object) -> None:
    """lib/api/src/rest/schema.rs QueryInterface, an untagged enum."""
    reply = asked(server, {"query": query, "using": "dense"})
    assert reply.status == 400, reply.text
    assert reply.error.startswith("Format error in JSON body: ")


@pytest.mark.source("qdrant: lib/segment/src/types.rs")
def test_a_filter_of_no_known_form_is_a_format_error(server: Server) -> None:
    """lib/segment/src/types.rs Condition, an untagged enum."""
    body: Json = {"query": [1.0] * 4, "using": "dense", "filter": {"must": [{"no_such_condition": 1}]}}
    reply = asked(server, body)
    assert reply.status == 400, reply.text
    assert reply.error.startswith("Format error in JSON body: ")
