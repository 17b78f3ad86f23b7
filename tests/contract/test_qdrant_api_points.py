"""Qdrant's point routes: upsert, delete, count, scroll.

Sources are files of github.com/qdrant/qdrant at v1.18.3 and v1.19.0, and its OpenAPI document `docs/redoc/master`.
Texts of errors that a shard finds may come from another peer with its own words around them; they are searched for.
"""

from uuid import UUID

import pytest

from tests.contract.qdrant_server import Json, Server

pytest_plugins = ("tests.contract.qdrant_fixtures",)
pytestmark = pytest.mark.integration

A, B, C = (str(UUID(int=number)) for number in (1, 2, 3))


def point(identity: int | str, *, tenant: str = "t", dense: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0)) -> Json:
    """OpenAPI PointStruct."""
    return {"id": identity, "vector": {"dense": list(dense)}, "payload": {"tenant_id": tenant}}


def equal(key: str, value: str) -> Json:
    """OpenAPI Filter with one FieldCondition."""
    return {"must": [{"key": key, "match": {"value": value}}]}


def count(server: Server, collection: str, matching: Json | None = None, *, peer: int = 0) -> object:
    """OpenAPI count_points, CountResult."""
    body: Json = {"exact": True} if matching is None else {"exact": True, "filter": matching}
    return server.ask("POST", f"/collections/{collection}/points/count", body, peer=peer).result()["count"]


def scroll(server: Server, collection: str, body: Json) -> tuple[list[Json], object]:
    """OpenAPI scroll_points, ScrollResult: the page and the id of the next one."""
    reply = server.ask("POST", f"/collections/{collection}/points/scroll", body)
    assert reply.status == 200, reply.text
    result = reply.result()
    assert set(result) == {"points", "next_page_offset"}
    return result["points"], result["next_page_offset"]


@pytest.mark.source("qdrant: docs/redoc/master/openapi.json")
@pytest.mark.parametrize(("query", "status"), [("?wait=true", "completed"), ("", "acknowledged")])
def test_an_upsert_says_how_far_it_came(server: Server, query: str, status: str) -> None:
    """OpenAPI upsert_points, UpdateResult, UpdateStatus."""
    reply = server.ask("PUT", f"/collections/{server.create()}/points{query}", {"points": [point(A)]})
    assert (reply.status, reply.json["status"]) == (200, "ok")
    result = reply.result()
    assert result["status"] == status
    assert set(result) <= {"operation_id", "status"}
    assert isinstance(result.get("operation_id", 0), int)


@pytest.mark.source("qdrant: docs/redoc/master/openapi.json")
def test_a_point_is_replaced_by_one_of_the_same_id(server: Server) -> None:
    """OpenAPI upsert_points: an existing point is overwritten."""
    name = server.create()
    server.upsert(name, [point(A, tenant="old"), point(B)])
    server.upsert(name, [point(A, tenant="new")])
    assert count(server, name) == 2
    assert (count(server, name, equal("tenant_id", "old")), count(server, name, equal("tenant_id", "new"))) == (0, 1)


@pytest.mark.source(
    "qdrant: lib/collection/src/shards/replica_set/update.rs",
    "qdrant: lib/collection/src/shards/replica_set/execute_read_operation.rs",
)
def test_what_one_peer_wrote_every_peer_reads(server: Server) -> None:
    """Every peer coordinates: documentation, "distributed deployment"."""
    name = server.create()
    for peer in range(len(server.urls)):
        path = f"/collections/{name}/points?wait=true"
        assert server.ask("PUT", path, {"points": [point(peer)]}, peer=peer).status == 200
    for peer in range(len(server.urls)):
        assert count(server, name, peer=peer) == len(server.urls)


@pytest.mark.source("qdrant: src/common/validate_vectors.rs")
def test_a_vector_of_another_length_is_wrong_input(server: Server) -> None:
    """src/common/validate_vectors.rs."""
    name = server.create(size=4)
    path = f"/collections/{name}/points?wait=true"
    reply = server.ask("PUT", path, {"points": [point(A), point(B, dense=(1.0, 2.0, 3.0))]})
    text = "Wrong input: Vector dimension error: expected dim: 4, got 3 for vector 'dense'"
    assert (reply.status, reply.error) == (400, text)
    assert count(server, name) == 0


@pytest.mark.source("qdrant: src/common/update.rs")
@pytest.mark.parametrize(
    "first",
    [{"nope": [1.0]}, {"dense": {"indices": [1], "values": [1.0]}}, {"bm25": [1.0]}],
    ids=["unknown name", "sparse for dense", "dense for sparse"],
)
def test_lengths_are_looked_at_before_names_and_kinds(server: Server, first: Json) -> None:
    """src/common/update.rs do_upsert_points: validate_vector_dimensions passes over what it does not know."""
    path = f"/collections/{server.create(size=4)}/points?wait=true"
    points = [{"id": A, "vector": first}, point(B, dense=(1.0, 2.0))]
    reply = server.ask("PUT", path, {"points": points})
    text = "Wrong input: Vector dimension error: expected dim: 4, got 2 for vector 'dense'"
    assert (reply.status, reply.error) == (400, text)


@pytest.mark.source("qdrant: lib/api/src/rest/validate.rs")
def test_a_sparse_vector_is_looked_at_before_any_length(server: Server) -> None:
    """lib/api/src/rest/validate.rs: the body is validated where it is read, before the collection is found."""
    vector = {"bm25": {"indices": [1, 1], "values": [1.0, 2.0]}}
    points = [point(A, dense=(1.0, 2.0)), {"id": B, "vector": vector}]
    reply = server.ask("PUT", f"/collections/{server.name()}/points?wait=true", {"points": points})
    assert reply.status == 422, reply.text


@pytest.mark.source(
    "qdrant: lib/segment/src/common/operation_error.rs", "qdrant: tests/openapi/test_collection_update_multivec.py"
)
def test_a_vector_of_an_unknown_name_is_wrong_input(server: Server) -> None:
    """lib/segment/src/common/operation_error.rs; tests/openapi/test_collection_update_multivec.py."""
    path = f"/collections/{server.create()}/points?wait=true"
    reply = server.ask("PUT", path, {"points": [{"id": A, "vector": {"nope": [1.0]}}]})
    assert reply.status == 400, reply.text
    assert "Not existing vector name error: nope" in reply.error


@pytest.mark.source("qdrant: tests/openapi/test_sparse_vector_validations.py")
def test_a_sparse_vector_needs_as_many_values_as_indices(server: Server) -> None:
    """tests/openapi/test_sparse_vector_validations.py."""
    path = f"/collections/{server.create()}/points?wait=true"
    vector = {"bm25": {"indices": [1, 2], "values": [1.0]}}
    reply = server.ask("PUT", path, {"points": [{"id": A, "vector": vector}]})
    assert reply.status == 422, reply.text
    assert "points[0].vector.?.values: Validation error: must be the same length as indices [{}]" in reply.error


@pytest.mark.source("qdrant: tests/openapi/test_sparse_vector_validations.py")
def test_a_sparse_vector_names_a_dimension_once(server: Server) -> None:
    """tests/openapi/test_sparse_vector_validations.py."""
    path = f"/collections/{server.create()}/points?wait=true"
    vector = {"bm25": {"indices": [1, 1], "values": [1.0, 2.0]}}
    reply = server.ask("PUT", path, {"points": [{"id": A, "vector": vector}]})
    assert reply.status == 422, reply.text
    assert "points[0].vector.?.indices: Validation error: must be unique [{}]" in reply.error


@pytest.mark.source("qdrant: lib/segment/src/types.rs")
@pytest.mark.parametrize("identity", ["nope", -1, 1.5])
def test_an_id_is_an_unsigned_integer_or_a_uuid(server: Server, identity: object) -> None:
    """lib/segment/src/types.rs ExtendedPointId."""
    body = {"points": [{"id": identity, "vector": {"dense": [1.0, 0.0, 0.0, 0.0]}}]}
    reply = server.ask("PUT", f"/collections/{server.create()}/points?wait=true", body)
    assert reply.status == 400, reply.text
    assert reply.error.startswith("Format error in JSON body: ")


@pytest.mark.source("qdrant: lib/api/src/rest/schema.rs")
def test_a_body_without_points_is_a_format_error(server: Server) -> None:
    """lib/api/src/rest/schema.rs PointInsertOperations."""
    reply = server.ask("PUT", f"/collections/{server.create()}/points?wait=true", {"vectors": []})
    assert reply.status == 400
    assert reply.error.startswith("Format error in JSON body: ")


@pytest.mark.source("qdrant: docs/redoc/master/openapi.json")
def test_points_are_deleted_by_filter(server: Server) -> None:
    """OpenAPI delete_points, FilterSelector."""
    name = server.create()
    server.upsert(name, [point(A, tenant="t"), point(B, tenant="t"), point(C, tenant="u")])
    path = f"/collections/{name}/points/delete?wait=true"
    reply = server.ask("POST", path, {"filter": equal("tenant_id", "t")})
    assert (reply.status, reply.result()["status"]) == (200, "completed")
    assert count(server, name) == 1
    assert server.ask("POST", path, {"filter": equal("tenant_id", "t")}).result()["status"] == "completed"


@pytest.mark.source("qdrant: docs/redoc/master/openapi.json")
def test_points_are_deleted_by_id(server: Server) -> None:
    """OpenAPI delete_points, PointIdsList; an absent id is no error."""
    name = server.create()
    server.upsert(name, [point(A), point(B), point(7)])
    reply = server.ask("POST", f"/collections/{name}/points/delete?wait=true", {"points": [A, 7, 8]})
    assert (reply.status, reply.result()["status"]) == (200, "completed")
    assert [one["id"] for one in scroll(server, name, {})[0]] == [B]


@pytest.mark.source("qdrant: lib/collection/src/operations/point_ops.rs")
def test_a_delete_without_a_selector_is_a_format_error(server: Server) -> None:
    """lib/collection/src/operations/point_ops.rs PointsSelector, an untagged enum."""
    reply = server.ask("POST", f"/collections/{server.create()}/points/delete?wait=true", {})
    assert reply.status == 400
    assert reply.error.startswith("Format error in JSON body: ")


@pytest.mark.source("qdrant: lib/collection/src/collection/point_ops.rs")
def test_counting_is_by_filter_and_over_all_shards(server: Server) -> None:
    """OpenAPI CountResult; lib/collection/src/collection/point_ops.rs count."""
    name = server.create(shards=3)
    server.upsert(name, [point(number, tenant="even" if number % 2 == 0 else "odd") for number in range(31)])
    assert server.ask("POST", f"/collections/{name}/points/count", {"exact": True}).result() == {"count": 31}
    assert count(server, name, equal("tenant_id", "even")) == 16
    assert count(server, name, {"must_not": [{"key": "tenant_id", "match": {"value": "even"}}]}) == 15
    assert count(server, name, {"should": [{"has_id": [1, 2]}, {"has_id": [3]}]}) == 3
    assert count(server, name, {"must": [{"key": "tenant_id", "match": {"any": ["odd", "else"]}}]}) == 15
    assert count(server, name, {"must": [{"key": "tenant_id", "match": {"except": ["odd"]}}]}) == 16
    assert count(server, name, {"must": {"key": "tenant_id", "match": {"value": "none"}}}) == 0


@pytest.mark.source("qdrant: lib/collection/src/collection/point_ops.rs")
def test_pages_of_a_scroll_follow_the_ids_over_all_shards(server: Server) -> None:
    """lib/collection/src/collection/point_ops.rs scroll_by: sorted by id, numbers before UUIDs."""
    name = server.create(shards=3)
    wanted: list[int | str] = [0, 3, 5, 1 << 40, A, B, C]
    server.upsert(name, [point(identity) for identity in reversed(wanted)])
    seen: list[object] = []
    offset: object = None
    for _ in range(4):
        points, offset = scroll(server, name, {"limit": 2, "offset": offset})
        seen += [one["id"] for one in points]
    assert seen == wanted
    assert offset is None


@pytest.mark.source("qdrant: lib/collection/src/collection/point_ops.rs")
def test_a_full_last_page_names_no_next_one(server: Server) -> None:
    """point_ops.rs scroll_by asks for one more than the limit."""
    name = server.create()
    server.upsert(name, [point(1), point(2)])
    assert scroll(server, name, {"limit": 2})[1] is None
    assert scroll(server, name, {"limit": 1})[1] == 2


@pytest.mark.source("qdrant: docs/redoc/master/openapi.json")
def test_a_scroll_shows_payload_and_no_vectors_unless_asked(server: Server) -> None:
    """OpenAPI ScrollRequest: with_payload is true, with_vector false by default; Record."""
    name = server.create()
    vector = {"dense": [0.0, 3.0, 0.0, 4.0], "bm25": {"indices": [4, 9], "values": [1.5, 2.5]}}
    server.upsert(name, [{"id": A, "vector": vector, "payload": {"tenant_id": "t", "ordinal": 1}}])
    assert scroll(server, name, {})[0] == [{"id": A, "payload": {"tenant_id": "t", "ordinal": 1}}]
    assert scroll(server, name, {"with_payload": ["ordinal"]})[0] == [{"id": A, "payload": {"ordinal": 1}}]
    assert scroll(server, name, {"with_payload": False})[0] == [{"id": A}]
    shown = scroll(server, name, {"with_payload": False, "with_vector": True})[0][0]["vector"]
    # A cosine vector is kept with length 1: documentation, "distance metrics".
    assert shown == {"dense": pytest.approx([0.0, 0.6, 0.0, 0.8]), "bm25": {"indices": [4, 9], "values": [1.5, 2.5]}}


@pytest.mark.source("qdrant: docs/redoc/master/openapi.json")
def test_a_scroll_is_filtered(server: Server) -> None:
    """OpenAPI ScrollRequest filter."""
    name = server.create()
    server.upsert(name, [point(1, tenant="t"), point(2, tenant="u"), point(3, tenant="t")])
    points, following = scroll(server, name, {"filter": equal("tenant_id", "t"), "limit": 10})
    assert ([one["id"] for one in points], following) == ([1, 3], None)


@pytest.mark.source("qdrant: lib/shard/src/scroll.rs", "qdrant: tests/openapi/test_query.py")
def test_a_page_of_nothing_is_not_valid(server: Server) -> None:
    """lib/shard/src/scroll.rs: range(min = 1); the field path is serde's, as in tests/openapi/test_query.py."""
    reply = server.ask("POST", f"/collections/{server.create()}/points/scroll", {"limit": 0})
    text = "Validation error in JSON body: [scroll_request.limit: value 0 invalid, must be 1 or larger]"
    assert (reply.status, reply.error) == (422, text)
