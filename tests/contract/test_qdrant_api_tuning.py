"""How Qdrant's collections keep and index vectors, and what of it changes in place: statuses, bodies, texts.

Sources are files of github.com/qdrant/qdrant at v1.19.0: `lib/storage/src/content_manager/toc/collection_meta_ops.rs`
(update_collection), `lib/collection/src/operations/{config_diff,types,validation}.rs`, `lib/collection/src/config.rs`
(update_vectors_from_diff, CollectionParams), `lib/segment/src/types.rs` (HnswConfig, QuantizationConfig, SearchParams).
"""

import pytest

from tests.contract.qdrant_server import Json, Server
from tests.contract.test_qdrant_api import assert_error, assert_true

pytest_plugins = ("tests.contract.qdrant_fixtures",)
pytestmark = [
    pytest.mark.integration,
    pytest.mark.source(
        "qdrant: lib/storage/src/content_manager/toc/collection_meta_ops.rs",
        "qdrant: lib/collection/src/operations/config_diff.rs",
        "qdrant: lib/segment/src/types.rs",
    ),
]

INT8: Json = {"scalar": {"type": "int8", "always_ram": True}}
POINTS = [
    {"id": number, "vector": {"dense": [1.0, number / 10, 0.0, 0.0]}, "payload": {"tenant_id": "t"}}
    for number in range(1, 9)
]


def configured(server: Server, name: str) -> Json:
    """OpenAPI CollectionConfig."""
    return server.ask("GET", f"/collections/{name}").result()["config"]


def change(server: Server, name: str, **diff: object) -> None:
    """OpenAPI update_collection."""
    assert_true(server.ask("PATCH", f"/collections/{name}", diff))


def nearest(server: Server, name: str, **params: object) -> list[object]:
    """Ids of the points nearest to the first."""
    body: Json = {"query": [1.0, 0.1, 0.0, 0.0], "using": "dense", "limit": 3}
    return [point["id"] for point in server.found(name, body | ({"params": params} if params else {}))]


def test_a_collection_is_made_with_what_it_is_told_of_its_vectors(server: Server) -> None:
    """create_collection.rs: what is not given is the server's own."""
    name = server.name()
    body = {
        "vectors": {"dense": {"size": 4, "distance": "Cosine", "on_disk": True}},
        "hnsw_config": {"m": 24, "ef_construct": 200},
        "optimizers_config": {"indexing_threshold": 5000},
        "quantization_config": INT8,
        "on_disk_payload": False,
    }
    assert_true(server.ask("PUT", f"/collections/{name}", body))
    config = configured(server, name)
    assert config["params"]["vectors"] == {"dense": {"size": 4, "distance": "Cosine", "on_disk": True}}
    assert config["params"]["on_disk_payload"] is False
    assert (config["hnsw_config"]["m"], config["hnsw_config"]["ef_construct"]) == (24, 200)
    assert config["hnsw_config"]["full_scan_threshold"] >= 10
    assert config["optimizer_config"]["indexing_threshold"] == 5000
    assert config["quantization_config"] == INT8


@pytest.mark.parametrize(
    ("diff", "place", "shown"),
    [
        ({"hnsw_config": {"m": 32}}, ("hnsw_config", "m"), 32),
        ({"hnsw_config": {"ef_construct": 64}}, ("hnsw_config", "ef_construct"), 64),
        ({"optimizers_config": {"indexing_threshold": 0}}, ("optimizer_config", "indexing_threshold"), 0),
        ({"params": {"on_disk_payload": False}}, ("params", "on_disk_payload"), False),
        ({"quantization_config": INT8}, ("quantization_config", "scalar"), INT8["scalar"]),
        ({"quantization_config": {"binary": {}}}, ("quantization_config", "binary"), {}),
    ],
    ids=str,
)
def test_what_a_change_gives_is_shown_and_the_rest_stays(
    server: Server, diff: Json, place: tuple[str, str], shown: object
) -> None:
    """config_diff.rs DiffConfig::update."""
    name = server.create()
    server.upsert(name, POINTS)
    before = configured(server, name)
    change(server, name, **diff)
    after = configured(server, name)
    assert after[place[0]][place[1]] == shown
    if before[place[0]] is None:
        before[place[0]] = after[place[0]]
    before[place[0]][place[1]] = shown
    assert after == before
    assert nearest(server, name) == [1, 2, 3]


def test_a_quantisation_takes_the_place_of_another_and_can_be_disabled(server: Server) -> None:
    """update_quantization_config_from_diff: replaced as a whole; `"Disabled"` is none."""
    name = server.create()
    server.upsert(name, POINTS)
    change(server, name, quantization_config=INT8)
    change(server, name, quantization_config={"scalar": {"type": "int8"}})
    assert configured(server, name)["quantization_config"] == {"scalar": {"type": "int8"}}
    change(server, name, quantization_config="Disabled")
    assert configured(server, name)["quantization_config"] is None
    assert nearest(server, name) == [1, 2, 3]


def test_a_vector_has_parameters_of_its_own(server: Server) -> None:
    """update_vectors_from_diff; VectorParams leaves out what is not set."""
    name = server.create()
    change(server, name, vectors={"dense": {"on_disk": True, "hnsw_config": {"m": 8}, "quantization_config": INT8}})
    change(server, name, vectors={"dense": {"hnsw_config": {"ef_construct": 50}}})
    dense = configured(server, name)["params"]["vectors"]["dense"]
    assert dense == {
        "size": 4,
        "distance": "Cosine",
        "on_disk": True,
        "hnsw_config": {"m": 8, "ef_construct": 50},
        "quantization_config": INT8,
    }
    change(server, name, vectors={"dense": {"quantization_config": "Disabled", "on_disk": False}})
    after = configured(server, name)["params"]["vectors"]["dense"]
    assert (after["on_disk"], "quantization_config" in after) == (False, False)


def test_where_vectors_and_payloads_are_kept_is_said_by_memory_too(server: Server) -> None:
    """Memory (1.19), beside the older flags, which stay as they are."""
    if server.minor() < (1, 19):
        pytest.skip("1.19 and later")
    name = server.create()
    change(
        server,
        name,
        vectors={"dense": {"memory": "cold"}},
        params={"payload": {"memory": "cached"}},
        quantization_config={"scalar": {"type": "int8", "memory": "pinned"}},
    )
    config = configured(server, name)
    assert config["params"]["vectors"]["dense"] == {"size": 4, "distance": "Cosine", "memory": "cold"}
    assert (config["params"]["payload"], config["params"]["on_disk_payload"]) == ({"memory": "cached"}, True)
    assert config["quantization_config"]["scalar"]["memory"] == "pinned"


def test_a_change_of_a_vector_that_is_not_there_is_refused(server: Server) -> None:
    """VectorsConfigDiff::check_vector_names; lib/segment/src/common/operation_error.rs vector_name_not_exists."""
    reply = server.ask("PATCH", f"/collections/{server.create()}", {"vectors": {"other": {"on_disk": True}}})
    assert_error(reply, 400, "Wrong input: Not existing vector name error: other")


@pytest.mark.parametrize(
    ("diff", "text"),
    [
        ({"hnsw_config": {"ef_construct": 3}}, "hnsw_config.ef_construct: value 3 invalid, must be 4 or larger"),
        (
            {"vectors": {"dense": {"hnsw_config": {"ef_construct": 3}}}},
            "vectors.?.hnsw_config.ef_construct: value 3 invalid, must be 4 or larger",
        ),
        (
            {"vectors": {"dense": {"memory": "pinned"}}},
            "vectors.?.memory: `pinned` memory placement is not supported for dense vector storage",
        ),
        (
            {"params": {"payload": {"memory": "pinned"}}},
            "params.payload.memory: `pinned` memory placement is not supported for payload storage",
        ),
    ],
)
def test_a_change_out_of_its_bounds_is_not_valid(server: Server, diff: Json, text: str) -> None:
    """The validate attributes of config_diff.rs, types.rs and config.rs; words: validation.rs; status: actix/mod.rs."""
    if "pinned" in text and server.minor() < (1, 19):
        pytest.skip("1.19 and later")
    reply = server.ask("PATCH", f"/collections/{server.create()}", diff)
    assert_error(reply, 422, f"Validation error in JSON body: [{text}]")


@pytest.mark.parametrize("form", [{"scalar": {"type": "int7"}}, {"octal": {}}, {}, "Off"], ids=str)
def test_a_quantisation_of_another_form_is_a_format_error(server: Server, form: object) -> None:
    """QuantizationConfigDiff is untagged."""
    reply = server.ask("PATCH", f"/collections/{server.create()}", {"quantization_config": form})
    assert reply.status == 400, reply.text
    assert reply.error.startswith("Format error in JSON body: ")


@pytest.mark.parametrize("kind", [INT8, {"binary": {"always_ram": True}}], ids=["scalar", "binary"])
def test_a_quantised_collection_is_searched_and_scored_anew(server: Server, kind: Json) -> None:
    """QuantizationSearchParams: with rescore, scores are those of the whole vectors."""
    name = server.create()
    server.upsert(name, POINTS)
    whole = server.found(name, {"query": [1.0, 0.1, 0.0, 0.0], "using": "dense", "limit": 3})
    change(server, name, quantization_config=kind)
    quantization = {"rescore": True, "oversampling": 2.0}
    assert nearest(server, name, hnsw_ef=64, quantization=quantization) == [one["id"] for one in whole]
    assert nearest(server, name, quantization={"ignore": True}) == [1, 2, 3]


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"hnsw_ef": 0}, "internal.params.hnsw_ef: value 0 invalid, must be 1 or larger"),
        (
            {"quantization": {"oversampling": 0.5}},
            "internal.params.quantization.oversampling: value 0.5 invalid, must be 1.0 or larger",
        ),
    ],
)
def test_search_parameters_out_of_their_bounds_are_not_valid(server: Server, params: Json, text: str) -> None:
    """SearchParams and QuantizationSearchParams: validate(range)."""
    body = {"query": [1.0, 0.0, 0.0, 0.0], "using": "dense", "params": params}
    reply = server.ask("POST", f"/collections/{server.create()}/points/query", body)
    assert_error(reply, 422, f"Validation error in JSON body: [{text}]")
