"""What ends a start, of a replica and of a worker alike: one line, a status, no traceback."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

NODES = """
[[models]]
name = "m"
kind = "chat"
tiers = ["simple", "medium", "complex"]
num_ctx = [2048]
[[models]]
name = "all-minilm:22m"
kind = "embed"
[[nodes]]
name = "a"
url = "http://127.0.0.1:1"
slots = 1
gpus = 1
price_usd_per_hour = 0
models = ["m", "all-minilm:22m"]
"""


def start(process: str, directory: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Start a process whose stores are all away, and wait for its end."""
    nodes = directory / "nodes.toml"
    nodes.write_text(NODES)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHYARD_")}
    given = {
        "DATABASE_URL": "postgresql://user@127.0.0.1:1/none",
        "CACHE_URL": "redis://127.0.0.1:1/0",
        "COORDINATION_URL": "redis://127.0.0.1:1/0",
        "QDRANT_URLS": "http://127.0.0.1:1",
        "NODES_FILE": str(nodes),
        "BLOBS_DIR": str(directory / "blobs"),
    } | more
    return subprocess.run(  # noqa: S603 - our own modules
        [sys.executable, "-m", process, *arguments],
        env=environ | {f"SWITCHYARD_{name}": value for name, value in given.items()},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_every_process_lists_the_same_mistakes_at_once_and_ends_with_two(tmp_path: Path) -> None:
    (tmp_path / "bom.toml").write_bytes(
        b"\xef\xbb\xbf" + NODES.replace("\n", "\r\n").replace("slots", "slotz").encode()
    )
    (tmp_path / "url").write_bytes(b"postgresql+psycopg://u:c4nary@127.0.0.1/d\r\n")
    wrong = {"PORT": "99999", "GAP_S": "nan", "LOG_LEVEL": "loud", "BLOBS_DIR": f"{tmp_path}/url", "PROT": "1"}
    given = {**wrong, "NODES_FILE": f"{tmp_path}/bom.toml", "NODE_CA": f"{tmp_path}/url"}
    ended = [start(process, tmp_path, **given) for process in ("app.main", "app.worker")]
    assert {(one.returncode, one.stdout) for one in ended} == {(2, "")}
    assert ended[0].stderr == ended[1].stderr
    first, *lines = ended[0].stderr.splitlines()
    assert first == "switchyard: 8 mistakes in the configuration"
    assert [line.split(": ")[0].strip() for line in lines] == [
        "SWITCHYARD_PROT",
        "SWITCHYARD_GAP_S",
        "SWITCHYARD_LOG_LEVEL",
        "SWITCHYARD_PORT",
        "SWITCHYARD_NODE_CA",
        "SWITCHYARD_BLOBS_DIR",
        f"{tmp_path}/bom.toml",
        f"{tmp_path}/bom.toml",
    ]


def test_a_command_lists_mistakes_in_variables_that_it_does_not_need_too(tmp_path: Path) -> None:
    ended = start("app.cli", tmp_path, "migrate", DATABASE_URL=f"postgres://u:c4nary@h:0/{tmp_path}", PORT="99999")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines() == [
        "switchyard: 2 mistakes in the configuration",
        "  SWITCHYARD_DATABASE_URL: its port must be a number from 1 to 65535",
        "  SWITCHYARD_PORT: must be a whole number from 1 to 65535, not 99999",
    ]


def test_a_file_of_nodes_that_is_none_ends_with_two(tmp_path: Path) -> None:
    ended = start("app.main", tmp_path, NODES_FILE=str(tmp_path / "none.toml"))
    assert ended.returncode == 2
    assert "none.toml" in ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(("process", "setting"), [("app.main", "PORT"), ("app.worker", "METRICS_PORT")])
def test_an_address_that_is_taken_ends_with_one_and_is_named(process: str, setting: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = start(process, tmp_path, **{setting: str(port)})
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in ended.stderr
    assert f"SWITCHYARD_{setting}" in ended.stderr
    assert "Address already in use" in ended.stderr
