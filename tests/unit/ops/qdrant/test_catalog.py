"""What is kept in a storage directory, and what a cut leaves behind."""

import shutil
from pathlib import Path

import pytest

from ops.local.qdrant.catalog import Catalog, write_atomically
from ops.local.qdrant.faults import Fault
from ops.local.qdrant.requests import AliasAction, CreateAlias, CreateCollection, DeleteAlias
from ops.local.qdrant.tuning import DenseParams
from ops.local.qdrant_node import settings

CREATED = CreateCollection(vectors={"dense": DenseParams(size=2, distance="Cosine")})


def opened(storage: Path) -> Catalog:
    """A catalog of the storage."""
    catalog = Catalog(storage)
    catalog.open()
    return catalog


def alias(name: str, collection: str) -> AliasAction:
    """Point an alias at a collection."""
    return AliasAction(create_alias=CreateAlias(collection_name=collection, alias_name=name))


def test_a_creation_that_was_cut_leaves_no_collection(tmp_path: Path) -> None:
    catalog = opened(tmp_path)
    catalog.create("whole", CREATED)
    catalog.create("cut", CREATED)
    catalog.close()
    (tmp_path / "collections" / "cut" / "config.json").unlink()
    again = opened(tmp_path)
    assert set(again.collections) == {"whole"}
    assert not (tmp_path / "collections" / "cut").exists()
    again.close()


def test_the_rest_of_a_deletion_that_was_cut_is_removed(tmp_path: Path) -> None:
    catalog = opened(tmp_path)
    catalog.create("doomed", CREATED)
    catalog.close()
    (tmp_path / ".deleted").mkdir()
    shutil.move(tmp_path / "collections" / "doomed", tmp_path / ".deleted" / "x")
    opened(tmp_path).close()
    assert not (tmp_path / ".deleted").exists()


def test_aliases_change_all_or_not_at_all(tmp_path: Path) -> None:
    catalog = opened(tmp_path)
    catalog.create("one", CREATED)
    catalog.change_aliases([alias("a", "one")])
    with pytest.raises(Fault, match="doesn't exist"):
        catalog.change_aliases([AliasAction(delete_alias=DeleteAlias(alias_name="a")), alias("b", "absent")])
    assert catalog.aliases == {"a": "one"}
    catalog.close()
    again = opened(tmp_path)
    assert again.aliases == {"a": "one"}
    again.close()


def test_a_storage_is_open_in_one_place_only(tmp_path: Path) -> None:
    catalog = opened(tmp_path)
    with pytest.raises(BlockingIOError):
        opened(tmp_path)
    catalog.close()
    opened(tmp_path).close()


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.json"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert [one.name for one in path.parent.iterdir()] == ["file.json"]


def test_settings_are_the_real_servers_variables() -> None:
    environ = {
        "QDRANT__SERVICE__HOST": "127.0.0.1",
        "QDRANT__STORAGE__STORAGE_PATH": "/data",
        "QDRANT__SERVICE__API_KEY": "k",
    }
    chosen = settings(["--ports", "1,2,3"], environ)
    assert (chosen.host, chosen.ports, chosen.storage, chosen.api_key) == ("127.0.0.1", (1, 2, 3), Path("/data"), "k")
    assert settings([], {"QDRANT__SERVICE__API_KEY": ""}).api_key is None
