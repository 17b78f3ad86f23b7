"""Qdrant's alias routes: statuses, bodies, texts.

Sources are files of github.com/qdrant/qdrant at v1.18.3 and v1.19.0, mostly
`lib/storage/src/content_manager/toc/collection_meta_ops.rs` (update_aliases) and `alias_mapping.rs`.
"""

import pytest

from tests.contract.qdrant_server import Json, Reply, Server

pytest_plugins = ("tests.contract.qdrant_fixtures",)
pytestmark = pytest.mark.integration


def change(server: Server, *actions: Json) -> Reply:
    """OpenAPI update_aliases."""
    return server.ask("POST", "/collections/aliases", {"actions": list(actions)})


def create(alias: str, collection: str) -> Json:
    """OpenAPI CreateAliasOperation."""
    return {"create_alias": {"alias_name": alias, "collection_name": collection}}


def aliases(server: Server, path: str) -> list[object]:
    """OpenAPI CollectionsAliasesResponse."""
    return server.ask("GET", path).result()["aliases"]


@pytest.mark.source("qdrant: tests/openapi/test_alias.py")
def test_an_alias_is_made_shown_used_and_removed(server: Server) -> None:
    """tests/openapi/test_alias.py test_alias_operations."""
    name, alias = server.create(), server.name()
    reply = change(server, create(alias, name))
    assert (reply.status, reply.json["result"], reply.json["status"]) == (200, True, "ok")
    shown = {"alias_name": alias, "collection_name": name}
    assert shown in aliases(server, "/aliases")
    assert aliases(server, f"/collections/{name}/aliases") == [shown]
    assert server.ask("GET", f"/collections/{alias}/exists").result() == {"exists": True}
    assert server.ask("POST", f"/collections/{alias}/points/count", {"exact": True}).result() == {"count": 0}
    assert change(server, {"delete_alias": {"alias_name": alias}}).json["result"] is True
    missing = server.ask("POST", f"/collections/{alias}/points/count", {})
    assert (missing.status, missing.error) == (404, f"Not found: Collection `{alias}` doesn't exist!")


@pytest.mark.source("qdrant: lib/storage/src/content_manager/alias_mapping.rs")
def test_an_alias_moves_to_another_collection(server: Server) -> None:
    """alias_mapping.rs insert: the newer one wins."""
    first, second, alias = server.create(), server.create(), server.name()
    change(server, create(alias, first))
    assert change(server, create(alias, second)).status == 200
    assert aliases(server, f"/collections/{first}/aliases") == []
    assert aliases(server, f"/collections/{second}/aliases") == [{"alias_name": alias, "collection_name": second}]


@pytest.mark.source("qdrant: lib/storage/src/content_manager/alias_mapping.rs")
def test_an_alias_is_renamed(server: Server) -> None:
    """alias_mapping.rs rename_alias."""
    name, old, new = server.create(), server.name(), server.name()
    change(server, create(old, name))
    renamed = change(server, {"rename_alias": {"old_alias_name": old, "new_alias_name": new}})
    assert renamed.status == 200
    assert aliases(server, f"/collections/{name}/aliases") == [{"alias_name": new, "collection_name": name}]


@pytest.mark.source("qdrant: lib/storage/src/content_manager/alias_mapping.rs")
def test_renaming_a_missing_alias_is_404(server: Server) -> None:
    """alias_mapping.rs rename_alias."""
    reply = change(server, {"rename_alias": {"old_alias_name": "absent-alias", "new_alias_name": server.name()}})
    assert (reply.status, reply.error) == (404, "Not found: Alias absent-alias does not exists!")


@pytest.mark.source("qdrant: lib/storage/src/content_manager/alias_mapping.rs")
def test_removing_a_missing_alias_is_no_error(server: Server) -> None:
    """alias_mapping.rs remove."""
    assert change(server, {"delete_alias": {"alias_name": "absent-alias"}}).json["result"] is True


@pytest.mark.source("qdrant: lib/storage/src/content_manager/collections_ops.rs")
def test_an_alias_of_a_missing_collection_is_404(server: Server) -> None:
    """collections_ops.rs validate_collection_exists."""
    reply = change(server, create(server.name(), "absent"))
    assert (reply.status, reply.error) == (404, "Not found: Collection `absent` doesn't exist!")


@pytest.mark.source("qdrant: lib/storage/src/content_manager/collections_ops.rs")
def test_an_alias_may_not_hide_a_collection(server: Server) -> None:
    """collections_ops.rs validate_collection_not_exists."""
    name, other = server.create(), server.create()
    reply = change(server, create(other, name))
    assert (reply.status, reply.error) == (409, f"Wrong input: Collection `{other}` already exists!")


@pytest.mark.source(
    "qdrant: lib/storage/src/content_manager/toc/create_collection.rs", "qdrant: tests/openapi/test_alias.py"
)
def test_a_collection_may_not_take_the_name_of_an_alias(server: Server) -> None:
    """toc/create_collection.rs; tests/openapi/test_alias.py expects 400."""
    name, alias = server.create(), server.name()
    change(server, create(alias, name))
    reply = server.ask("PUT", f"/collections/{alias}", {"vectors": {"dense": {"size": 4, "distance": "Cosine"}}})
    text = f"Wrong input: Can't create collection with name {alias}. Alias with the same name already exists"
    assert (reply.status, reply.error) == (400, text)


@pytest.mark.source("qdrant: lib/storage/src/content_manager/toc/collection_meta_ops.rs")
def test_a_deleted_collection_takes_its_aliases_along(server: Server) -> None:
    """collection_meta_ops.rs delete_collection."""
    name, alias = server.create(), server.name()
    change(server, create(alias, name))
    server.ask("DELETE", f"/collections/{name}")
    assert alias not in str(aliases(server, "/aliases"))


@pytest.mark.source("qdrant: lib/storage/src/content_manager/collection_meta_ops.rs")
def test_an_action_that_is_none_is_a_format_error(server: Server) -> None:
    """AliasOperations is an untagged enum: lib/storage/src/content_manager/collection_meta_ops.rs."""
    reply = change(server, {"no_such_action": {}})
    assert reply.status == 400
    assert reply.error.startswith("Format error in JSON body: ")
