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
[[nodes]]
name = "a"
url = "http://127.0.0.1:1"
slots = 1
gpus = 1
price_usd_per_hour = 0
models = ["m"]
"""


def start(process: str, directory: Path, **more: str) -> subprocess.CompletedProcess[str]:
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
        [sys.executable, "-m", process],
        env=environ | {f"SWITCHYARD_{name}": value for name, value in given.items()},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_wrong_settings_of_a_worker_are_named_and_end_with_two(tmp_path: Path) -> None:
    ended = start("app.worker", tmp_path, PROT="8000")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "SWITCHYARD_PROT is not a setting" in ended.stderr
    assert "Traceback" not in ended.stderr


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
