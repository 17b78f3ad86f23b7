"""What the user's variables mean."""

import pytest

from ops.local.choices import directory_from, outside_from, size_from
from ops.local.layout import Outside
from ops.local.models.catalogue import Size
from ops.local.problems import LocalProblem


def test_without_variables_everything_is_bundled() -> None:
    assert outside_from({}, is_system=False) == Outside()


def test_each_variable_names_an_outside_server() -> None:
    environ = {
        "SWITCHYARD_LOCAL_OLLAMA_HOST": "gpu-1:11434, https://gpu-2/",
        "SWITCHYARD_LOCAL_QDRANT_URL": "http://q1:6333,http://q2:6333",
        "SWITCHYARD_LOCAL_DATABASE_URL": "postgresql://db/x",
        "SWITCHYARD_LOCAL_CACHE_URL": "redis://c/0",
        "SWITCHYARD_LOCAL_COORDINATION_URL": "redis://c/1",
    }
    assert outside_from(environ, is_system=False) == Outside(
        ollama_hosts=("http://gpu-1:11434", "https://gpu-2"),
        qdrant_urls=("http://q1:6333", "http://q2:6333"),
        database_url="postgresql://db/x",
        cache_url="redis://c/0",
        coordination_url="redis://c/1",
    )


def test_an_empty_variable_is_no_choice() -> None:
    environ = {"SWITCHYARD_LOCAL_OLLAMA_HOST": " , ", "SWITCHYARD_LOCAL_DATABASE_URL": ""}
    assert outside_from(environ, is_system=False) == Outside()


def test_the_directory_can_be_chosen() -> None:
    assert str(directory_from({"SWITCHYARD_LOCAL_DIR": "/some/where else"})) == "/some/where else"
    assert directory_from({}).name == ".local"


def test_all_models_are_run_unless_the_small_ones_are_asked_for() -> None:
    assert size_from({}) is Size.ALL
    assert size_from({"MODELS": "small"}) is Size.SMALL
    with pytest.raises(LocalProblem, match="MODELS=tiny"):
        size_from({"MODELS": "tiny"})
