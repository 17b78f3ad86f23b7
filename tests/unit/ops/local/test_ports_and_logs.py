"""Ports that stay the same, and logs that are followed."""

import io
import itertools
from pathlib import Path

import pytest

from ops.local.console import Console
from ops.local.logs import show_logs
from ops.local.ports import Ports
from ops.local.problems import LocalProblem


def ports(folder: Path, taken: set[int], preferred: dict[str, int] | None = None, first: int = 20001) -> Ports:
    numbers = itertools.count(first)
    return Ports(
        folder / "ports.json", preferred, is_free=lambda port: port not in taken, find_free=lambda: next(numbers)
    )


def test_a_port_is_the_same_after_a_restart(tmp_path: Path) -> None:
    first = ports(tmp_path, set()).of("postgres")
    assert ports(tmp_path, set(), first=30000).of("postgres") == first


def test_a_port_that_is_taken_by_then_is_changed(tmp_path: Path) -> None:
    first = ports(tmp_path, set()).of("postgres")
    assert ports(tmp_path, {first}, first=30000).of("postgres") == 30000


def test_a_preferred_port_is_used_when_it_is_free(tmp_path: Path) -> None:
    assert ports(tmp_path, set(), {"nginx": 8080}).of("nginx") == 8080
    assert ports(tmp_path / "other", {8080}, {"nginx": 8080}).of("nginx") == 20001


def test_no_two_parts_share_a_port(tmp_path: Path) -> None:
    found = iter([5, 5, 5, 6])
    made = Ports(tmp_path / "ports.json", is_free=lambda _: True, find_free=lambda: next(found))
    assert [made.of("a"), made.of("b")] == [5, 6]


def test_a_port_in_use_by_its_own_part_is_not_asked_about_again(tmp_path: Path) -> None:
    taken: set[int] = set()
    made = ports(tmp_path, taken)
    port = made.of("postgres")
    taken.add(port)
    assert made.of("postgres") == port
    made.move_if_taken("postgres")
    assert made.of("postgres") != port


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    for name in ("nginx", "postgres"):
        (tmp_path / "logs" / f"{name}.log").write_text("".join(f"{name} {number}\n" for number in range(5)))
    return tmp_path


def shown(directory: Path, part: str | None) -> str:
    stream = io.StringIO()
    show_logs(directory, part, lines=2, is_following=False, console=Console(stream))
    return stream.getvalue()


def test_the_last_lines_of_one_part_are_shown(directory: Path) -> None:
    assert shown(directory, "nginx") == "nginx 3\nnginx 4\n"


def test_the_logs_of_all_parts_are_told_apart(directory: Path) -> None:
    assert shown(directory, None) == "==> nginx\nnginx 3\nnginx 4\n==> postgres\npostgres 3\npostgres 4\n"


def test_an_unknown_part_is_answered_with_the_known_ones(directory: Path) -> None:
    with pytest.raises(LocalProblem, match="there are nginx, postgres"):
        shown(directory, "redis")
