"""What the user's variables mean."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.mistakes import ConfigurationWrong
from ops.local.choices import check_application, directory_from, layout_from, mask_from, outside_from, size_from
from ops.local.layout import QDRANT_PEERS, Layout, Outside
from ops.local.models.catalogue import Size


def test_without_variables_everything_is_bundled() -> None:
    assert outside_from({}, is_system=False) == Outside()


def test_each_variable_names_an_outside_server() -> None:
    environ = {
        "SWITCHYARD_LOCAL_OLLAMA_HOST": "gpu-1:11434, https://gpu-2/",
        "SWITCHYARD_LOCAL_QDRANT_URL": "http://q1:6333,http://q2:6333",
        "SWITCHYARD_LOCAL_QDRANT_API_KEY": "of-mine",
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
        qdrant_api_key="of-mine",
    )


def test_the_key_of_a_qdrant_may_lie_in_a_file_and_is_written_nowhere(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("c4nary-key\n")
    environ = {
        "SWITCHYARD_LOCAL_QDRANT_URL": "https://q1:6333",
        "SWITCHYARD_LOCAL_QDRANT_API_KEY_FILE": str(tmp_path / "key"),
    }
    assert outside_from(environ, is_system=False).qdrant_api_key == "c4nary-key"
    assert "c4nary" not in mask_from(environ).text("401 for c4nary-key")
    assert "c4nary" not in mask_from({"SWITCHYARD_LOCAL_QDRANT_API_KEY": "c4nary-key"}).text("401 for c4nary-key")


def test_a_key_for_a_qdrant_that_is_not_named_is_told(tmp_path: Path) -> None:
    environ = {"SWITCHYARD_LOCAL_DIR": str(tmp_path / "stack"), "SWITCHYARD_LOCAL_QDRANT_API_KEY": "c4nary"}
    with pytest.raises(ConfigurationWrong, match="give SWITCHYARD_LOCAL_QDRANT_URL too") as wrong:
        layout_from(environ, is_system=False)
    assert "c4nary" not in str(wrong.value)
    assert not (tmp_path / "stack").exists()


def test_an_empty_variable_is_no_choice() -> None:
    environ = {"SWITCHYARD_LOCAL_OLLAMA_HOST": " , ", "SWITCHYARD_LOCAL_DATABASE_URL": ""}
    assert outside_from(environ, is_system=False) == Outside()


def test_the_directory_can_be_chosen() -> None:
    assert str(directory_from({"SWITCHYARD_LOCAL_DIR": "/some/where else"})) == "/some/where else"
    assert directory_from({}).name == ".local"


def test_all_models_are_run_unless_the_small_ones_are_asked_for() -> None:
    assert size_from({}) is Size.ALL
    assert size_from({"MODELS": "small"}) is Size.SMALL
    with pytest.raises(ConfigurationWrong, match="MODELS: must be one of small, all"):
        size_from({"MODELS": "tiny"})


def test_every_variable_that_makes_no_sense_is_told_at_once_and_nothing_is_made(tmp_path: Path) -> None:
    environ = {
        "SWITCHYARD_LOCAL_DIR": str(tmp_path / "stack"),
        "SWITCHYARD_LOCAL_PORT": "99999",
        "SWITCHYARD_LOCAL_QDRANT_URL": "http://q:0",
        "SWITCHYARD_LOCAL_OLLAMA_HOST": "gpu-1, gpu 2",
        "SWITCHYARD_LOCAL_DATABASE_URL": "postgresql+psycopg://u:c4nary@h/d",
        "SWITCHYARD_LOCAL_UNLIMITED": "everybody",
        "SWITCHYARD_LOCAL_PROT": "1",
        "MODELS": "tiny",
        "SWITCHYARD_GAP_S": "nan",
    }
    with pytest.raises(ConfigurationWrong) as wrong:
        layout_from(environ, is_system=False)
    assert sorted(mistake.place for mistake in wrong.value.mistakes) == sorted(
        environ.keys() - {"SWITCHYARD_LOCAL_DIR"}
    )
    assert "c4nary" not in str(wrong.value)
    assert not (tmp_path / "stack").exists()


def test_a_setting_of_the_application_that_the_stack_gives_too_is_told_before_anything_starts(
    make_layout: Callable[..., Layout],
) -> None:
    check_application(make_layout())
    with pytest.raises(ConfigurationWrong, match="SWITCHYARD_DATABASE_URL: is given twice"):
        check_application(make_layout(environ={"SWITCHYARD_DATABASE_URL_FILE": "/run/secrets/database_url"}))


def never(_port: int) -> bool:
    """Say that no port is free."""
    return False


def test_whoever_looks_at_a_stack_that_runs_leaves_it_its_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.local.layout.is_free", never)
    kept = {"postgres": 5000, "valkey-cache": 5001, "valkey-coordination": 5002, "nginx": 5003}
    kept |= {name: 5004 + number for number, name in enumerate(QDRANT_PEERS)}
    (tmp_path / "ports.json").write_text(json.dumps(kept))
    looked = layout_from({"SWITCHYARD_LOCAL_DIR": str(tmp_path)}, is_system=False, is_running=True)
    assert looked.database_url.endswith("@127.0.0.1:5000/switchyard")
    assert json.loads((tmp_path / "ports.json").read_text()) == kept
