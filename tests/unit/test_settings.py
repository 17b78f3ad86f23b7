"""How settings are read: from variables, or from files that variables name."""

import io
import socket
from pathlib import Path

import pytest

from app.cli import build_parser, database_url, run
from app.console import Console
from app.settings import FILE_BYTES, SettingsWrong, read_settings

NEEDED = {
    "SWITCHYARD_DATABASE_URL": "postgresql://switchyard@postgres/switchyard",
    "SWITCHYARD_CACHE_URL": "redis://cache",
    "SWITCHYARD_COORDINATION_URL": "redis://coordination",
    "SWITCHYARD_QDRANT_URLS": "http://qdrant-1:6333",
    "SWITCHYARD_NODES_FILE": "/etc/switchyard/nodes.toml",
    "SWITCHYARD_BLOBS_DIR": "/var/lib/switchyard/blobs",
}


def _written(folder: Path, content: bytes) -> str:
    path = folder / "secret"
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"s3cret", "s3cret"),
        (b"s3cret\n", "s3cret"),
        (b"s3cret\n\n", "s3cret\n"),
        (b" s3cret \n", " s3cret "),
        (b"", ""),
    ],
)
def test_a_setting_is_read_from_a_file_less_one_newline_at_its_end(tmp_path: Path, content: bytes, value: str) -> None:
    settings = read_settings(NEEDED | {"SWITCHYARD_QDRANT_API_KEY_FILE": _written(tmp_path, content)})
    assert settings.qdrant_api_key == value


def test_a_needed_setting_may_come_from_a_file_and_is_converted_like_any_other(tmp_path: Path) -> None:
    environ = {name: value for name, value in NEEDED.items() if name != "SWITCHYARD_DATABASE_URL"}
    environ["SWITCHYARD_DATABASE_URL_FILE"] = _written(tmp_path, b"postgresql://from-file\n")
    assert read_settings(environ).database_url == "postgresql://from-file"
    (tmp_path / "port").write_text("9000\n")
    assert read_settings(NEEDED | {"SWITCHYARD_PORT_FILE": str(tmp_path / "port")}).port == 9000


def test_a_setting_given_both_ways_is_refused_by_name(tmp_path: Path) -> None:
    both = NEEDED | {"SWITCHYARD_DATABASE_URL_FILE": _written(tmp_path, b"x")}
    with pytest.raises(SettingsWrong, match="SWITCHYARD_DATABASE_URL and SWITCHYARD_DATABASE_URL_FILE are both given"):
        read_settings(both)


def test_a_file_that_is_not_there_is_named_with_its_variable(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    with pytest.raises(SettingsWrong, match=r"SWITCHYARD_QDRANT_API_KEY_FILE: .*missing cannot be read: No such file"):
        read_settings(NEEDED | {"SWITCHYARD_QDRANT_API_KEY_FILE": missing})


def test_a_file_that_is_no_text_is_refused_and_its_bytes_are_not_quoted(tmp_path: Path) -> None:
    path = _written(tmp_path, b"s3cret\xff")
    with pytest.raises(SettingsWrong, match="not a file of UTF-8 text") as caught:
        read_settings(NEEDED | {"SWITCHYARD_QDRANT_API_KEY_FILE": path})
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    path = _written(tmp_path, b"x" * (FILE_BYTES + 1))
    with pytest.raises(SettingsWrong, match=f"is over {FILE_BYTES} bytes"):
        read_settings(NEEDED | {"SWITCHYARD_QDRANT_API_KEY_FILE": path})


def test_a_setting_whose_own_name_ends_in_file_is_no_reference_to_one(tmp_path: Path) -> None:
    assert read_settings(NEEDED).nodes_file == "/etc/switchyard/nodes.toml"
    environ = {name: value for name, value in NEEDED.items() if name != "SWITCHYARD_NODES_FILE"}
    environ["SWITCHYARD_NODES_FILE_FILE"] = _written(tmp_path, b"/etc/nodes.toml\n")
    assert read_settings(environ).nodes_file == "/etc/nodes.toml"


@pytest.mark.parametrize(
    "variable", ["SWITCHYARD_NODE", "SWITCHYARD_NO_SUCH_FILE", "SWITCHYARD_port", "SWITCHYARD_", "SWITCHYARD_NODES"]
)
def test_an_unknown_name_is_refused_by_name(variable: str) -> None:
    with pytest.raises(SettingsWrong, match=f"^{variable} is not a setting$"):
        read_settings(NEEDED | {variable: "/dev/null"})


def test_a_missing_and_an_ill_typed_setting_are_named() -> None:
    with pytest.raises(SettingsWrong, match="SWITCHYARD_DATABASE_URL"):
        read_settings({})
    with pytest.raises(SettingsWrong, match="SWITCHYARD_PORT"):
        read_settings(NEEDED | {"SWITCHYARD_PORT": "http"})


def test_names_of_the_local_stack_and_of_tests_are_left_alone() -> None:
    assert read_settings(NEEDED | {"SWITCHYARD_LOCAL_KEY": "x", "SWITCHYARD_TEST_SEED": "1"}).port == 8000


def test_a_process_without_a_name_is_called_after_its_host() -> None:
    assert read_settings(NEEDED).replica == socket.gethostname()
    assert read_settings(NEEDED | {"SWITCHYARD_REPLICA": "a"}).replica == "a"


def test_the_command_line_reads_the_database_address_from_a_file(tmp_path: Path) -> None:
    environ = {"SWITCHYARD_DATABASE_URL_FILE": _written(tmp_path, b"postgresql://from-file\n")}
    assert database_url(environ) == "postgresql://from-file"


def test_the_command_line_says_which_file_it_cannot_read(tmp_path: Path) -> None:
    notes = io.StringIO()
    environ = {"SWITCHYARD_DATABASE_URL_FILE": str(tmp_path / "missing")}
    status = run(build_parser().parse_args(["migrate"]), environ, Console(io.StringIO()), Console(notes))
    assert status == 2
    assert "SWITCHYARD_DATABASE_URL_FILE" in notes.getvalue()
