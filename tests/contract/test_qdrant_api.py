"""Qdrant's service, collection and alias routes: statuses, bodies, texts.

Sources are files of github.com/qdrant/qdrant at v1.18.3 and v1.19.0, and its OpenAPI document `docs/redoc/master`.
"""

import pytest

from tests.contract.qdrant_server import Reply, Server

pytest_plugins = ("tests.contract.qdrant_fixtures",)
pytestmark = pytest.mark.integration


def assert_error(reply: Reply, status: int, text: str) -> None:
    """An error body: lib/api/src/rest/models.rs, ApiResponse and ApiStatus."""
    assert reply.status == status, reply.text
    assert reply.content_type == "application/json"
    assert set(reply.json) - {"usage"} == {"status", "time"}
    assert reply.error == text


def assert_true(reply: Reply) -> None:
    """An answer whose result is `true`: lib/api/src/rest/models.rs, ApiResponse."""
    assert reply.status == 200, reply.text
    assert reply.content_type == "application/json"
    assert (reply.json["result"], reply.json["status"]) == (True, "ok")
    assert isinstance(reply.json["time"], float)


@pytest.mark.source("qdrant: src/actix/mod.rs", "qdrant: lib/api/src/rest/models.rs")
def test_root_tells_title_and_version(server: Server) -> None:
    """src/actix/mod.rs index; lib/api/src/rest/models.rs VersionInfo."""
    reply = server.ask("GET", "/")
    assert (reply.status, reply.content_type) == (200, "application/json")
    assert reply.json["title"] == "qdrant - vector search engine"
    assert (1, 18) <= server.minor() < (2, 0)


@pytest.mark.source("qdrant: src/actix/api/service_api.rs", "qdrant: src/actix/mod.rs")
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/healthz", "healthz check passed"),
        ("/livez", "healthz check passed"),
        ("/readyz", "all shards are ready"),
    ],
)
def test_health_routes_answer_in_plain_text_without_a_key(server: Server, path: str, text: str) -> None:
    """src/actix/api/service_api.rs; the key is not asked for: src/actix/mod.rs api_key_whitelist."""
    reply = server.ask("GET", path, headers={})
    assert (reply.status, reply.text) == (200, text)
    assert reply.content_type == "text/plain; charset=utf-8"


@pytest.mark.source("qdrant: src/actix/mod.rs")
def test_a_path_that_is_no_route_is_an_empty_404(server: Server) -> None:
    """src/actix/mod.rs registers no default service; actix answers 404 without a body."""
    reply = server.ask("GET", "/no/such/route")
    assert (reply.status, reply.text) == (404, "")


@pytest.mark.source("qdrant: src/common/auth/mod.rs", "qdrant: src/actix/auth.rs")
@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, "Must provide an API key or an Authorization bearer token"),
        ({"api-key": "wrong"}, "Invalid API key or JWT"),
        ({"authorization": "Bearer wrong"}, "Invalid API key or JWT"),
    ],
)
def test_without_the_key_the_answer_is_401_in_plain_text(server: Server, headers: dict[str, str], text: str) -> None:
    """src/common/auth/mod.rs validate_request; src/actix/auth.rs answers with the bare text."""
    if not server.api_key:
        pytest.skip("the server has no key")
    reply = server.ask("GET", "/collections", headers=headers)
    assert (reply.status, reply.text) == (401, text)


@pytest.mark.source("qdrant: src/common/auth/mod.rs")
def test_the_key_is_also_taken_as_a_bearer_token(server: Server) -> None:
    """src/common/auth/mod.rs validate_request."""
    if not server.api_key:
        pytest.skip("the server has no key")
    assert server.ask("GET", "/collections", headers={"authorization": f"Bearer {server.api_key}"}).status == 200


@pytest.mark.source("qdrant: docs/redoc/master/openapi.json")
def test_a_collection_is_created_listed_and_deleted(server: Server) -> None:
    """OpenAPI create_collection, get_collections, collection_exists, delete_collection."""
    name = server.name()
    assert server.ask("GET", f"/collections/{name}/exists").result() == {"exists": False}
    assert_true(server.ask("PUT", f"/collections/{name}", {"vectors": {"dense": {"size": 4, "distance": "Cosine"}}}))
    assert {"name": name} in [*_list(server.ask("GET", "/collections"), "collections")]
    assert server.ask("GET", f"/collections/{name}/exists").result() == {"exists": True}
    assert_true(server.ask("DELETE", f"/collections/{name}"))
    again = server.ask("DELETE", f"/collections/{name}")
    assert (again.status, again.json["result"], again.json["status"]) == (200, False, "ok")
    assert server.ask("GET", f"/collections/{name}/exists").result() == {"exists": False}


@pytest.mark.source(
    "qdrant: lib/storage/src/content_manager/collections_ops.rs",
    "qdrant: lib/storage/src/content_manager/errors.rs",
    "qdrant: src/actix/helpers.rs",
)
def test_a_missing_collection_is_404_in_its_words(server: Server) -> None:
    """lib/storage/src/content_manager/collections_ops.rs; errors.rs; src/actix/helpers.rs status_code."""
    text = "Not found: Collection `absent` doesn't exist!"
    assert_error(server.ask("GET", "/collections/absent"), 404, text)
    assert_error(server.ask("POST", "/collections/absent/points/count", {}), 404, text)
    assert_error(server.ask("POST", "/collections/absent/points/scroll", {}), 404, text)
    assert_error(server.ask("POST", "/collections/absent/points/query", {"query": [1.0], "using": "dense"}), 404, text)
    assert_error(server.ask("POST", "/collections/absent/points/delete?wait=true", {"points": [1]}), 404, text)
    point = {"id": 1, "vector": {"dense": [1.0]}}
    assert_error(server.ask("PUT", "/collections/absent/points?wait=true", {"points": [point]}), 404, text)


@pytest.mark.source("qdrant: lib/storage/src/content_manager/collections_ops.rs", "qdrant: src/actix/helpers.rs")
def test_a_name_that_is_taken_is_a_conflict(server: Server) -> None:
    """lib/storage/src/content_manager/collections_ops.rs; src/actix/helpers.rs maps AlreadyExists to 409."""
    name = server.create()
    reply = server.ask("PUT", f"/collections/{name}", {"vectors": {"dense": {"size": 4, "distance": "Cosine"}}})
    assert_error(reply, 409, f"Wrong input: Collection `{name}` already exists!")


@pytest.mark.source("qdrant: docs/redoc/master/openapi.json")
def test_a_collection_describes_itself(server: Server) -> None:
    """OpenAPI CollectionInfo, CollectionConfig, CollectionParams, HnswConfig, OptimizersConfig, WalConfig."""
    name = server.create(size=4, shards=3)
    info = server.ask("GET", f"/collections/{name}").result()
    assert info["status"] in {"green", "yellow", "grey"}
    assert info["optimizer_status"] == "ok"
    for count in ("indexed_vectors_count", "points_count", "segments_count"):
        assert isinstance(info[count], int)
    assert (info["points_count"], info["payload_schema"]) == (0, {})
    config = info["config"]
    params = config["params"]
    assert params["vectors"] == {"dense": {"size": 4, "distance": "Cosine"}}
    assert params["sparse_vectors"] == {"bm25": {"modifier": "idf"}}
    assert (params["shard_number"], params["on_disk_payload"]) == (3, True)
    assert params["replication_factor"] >= 1
    assert params["write_consistency_factor"] >= 1
    assert {"m", "ef_construct", "full_scan_threshold"} <= set(config["hnsw_config"])
    assert {"default_segment_number", "flush_interval_sec"} <= set(config["optimizer_config"])
    assert {"wal_capacity_mb", "wal_segments_ahead"} <= set(config["wal_config"])
    assert config["quantization_config"] is None


@pytest.mark.source("qdrant: lib/segment/src/types.rs")
def test_a_payload_index_is_shown_with_its_parameters(server: Server) -> None:
    """OpenAPI create_field_index, UpdateResult, PayloadIndexInfo; lib/segment/src/types.rs PayloadIndexInfo::new."""
    name = server.create()
    schema = {"type": "keyword", "is_tenant": True}
    asked = {"field_name": "tenant_id", "field_schema": schema}
    for _ in range(2):  # making it again changes nothing
        reply = server.ask("PUT", f"/collections/{name}/index?wait=true", asked)
        assert (reply.status, reply.result()["status"]) == (200, "completed")
    server.ask("PUT", f"/collections/{name}/index?wait=true", {"field_name": "plain", "field_schema": "keyword"})
    server.upsert(name, [{"id": 1, "vector": {"dense": [1.0, 0.0, 0.0, 0.0]}, "payload": {"tenant_id": "t"}}])
    shown = server.ask("GET", f"/collections/{name}").result()["payload_schema"]
    assert shown == {
        "tenant_id": {"data_type": "keyword", "params": schema, "points": 1},
        "plain": {"data_type": "keyword", "points": 0},
    }


@pytest.mark.source("qdrant: src/common/update.rs")
def test_an_index_without_a_type_is_refused(server: Server) -> None:
    """src/common/update.rs do_create_index."""
    reply = server.ask("PUT", f"/collections/{server.create()}/index?wait=true", {"field_name": "tenant_id"})
    text = "Bad request: Can't auto-detect field type, please specify `field_schema` in the request"
    assert_error(reply, 400, text)


@pytest.mark.source("qdrant: lib/collection/src/operations/validation.rs", "qdrant: src/actix/mod.rs")
@pytest.mark.parametrize("field", ["shard_number", "replication_factor", "write_consistency_factor"])
def test_a_count_of_zero_is_not_valid(server: Server, field: str) -> None:
    """CreateCollection's range(min = 1); lib/collection/src/operations/validation.rs; status: src/actix/mod.rs."""
    body = {"vectors": {"dense": {"size": 4, "distance": "Cosine"}}, field: 0}
    text = f"Validation error in JSON body: [{field}: value 0 invalid, must be 1 or larger]"
    assert_error(server.ask("PUT", f"/collections/{server.name()}", body), 422, text)


@pytest.mark.source("qdrant: src/actix/api/mod.rs", "qdrant: lib/common/common/src/validation.rs")
def test_a_name_that_is_no_file_name_is_not_valid(server: Server) -> None:
    """src/actix/api/mod.rs StrictCollectionPath; lib/common/common/src/validation.rs INVALID_NAME_CHARS."""
    reply = server.ask("PUT", "/collections/a%2Ab", {"vectors": {"dense": {"size": 4, "distance": "Cosine"}}})
    assert reply.status == 422
    assert reply.error.startswith("Validation error in path parameters: [collection_name:")


@pytest.mark.source("qdrant: src/actix/mod.rs")
@pytest.mark.parametrize("content", ["", "{", "5", '{"vectors": 5}', '{"vectors": {"dense": {"size": 4}}}'])
def test_a_body_of_another_shape_is_a_format_error(server: Server, content: str) -> None:
    """src/actix/mod.rs validation_error_handler."""
    reply = server.ask("PUT", f"/collections/{server.name()}", content=content)
    assert reply.status == 400, reply.text
    assert reply.error.startswith("Format error in JSON body: ")


KINDS = [
    None,
    "text/plain",
    "text/x",
    "application/json; charset=utf-16",
    "application/x-www-form-urlencoded",
    "no kind",
]


@pytest.mark.source("qdrant: src/actix/mod.rs", "actix-web-validator: src/json.rs", "actix-web: src/types/json.rs")
@pytest.mark.parametrize("kind", KINDS)
def test_a_body_is_read_as_json_whatever_it_says_that_it_is(server: Server, kind: str | None) -> None:
    """Every route takes actix_web_validator::Json, which gives JsonBody::new `ctype_required = false`."""
    name = server.name()
    assert_true(said_to_be(server, kind, "PUT", f"/collections/{name}", VECTORS))
    points = '{"points": [{"id": 1, "vector": {"dense": [1, 0, 0, 0]}}]}'
    assert said_to_be(server, kind, "PUT", f"/collections/{name}/points?wait=true", points).status == 200
    assert said_to_be(server, kind, "POST", f"/collections/{name}/points/count", "{}").result() == {"count": 1}
    query = '{"query": [1, 0, 0, 0], "using": "dense"}'
    assert len(said_to_be(server, kind, "POST", f"/collections/{name}/points/query", query).result()["points"]) == 1
    assert said_to_be(server, kind, "POST", f"/collections/{name}/points/query", "").error.startswith("Format error")


VECTORS = '{"vectors": {"dense": {"size": 4, "distance": "Cosine"}}}'


def said_to_be(server: Server, kind: str | None, method: str, path: str, content: str) -> Reply:
    """A request whose body has that content type, or none."""
    own = {"api-key": server.api_key} if server.api_key else {}
    shown = {} if kind is None else {"content-type": kind}
    return server.ask(method, path, sent=content.encode(), headers={**own, **shown})


def _list(reply: Reply, field: str) -> list[object]:
    return reply.result()[field]
