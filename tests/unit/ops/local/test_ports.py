"""Ports that stay the same, or move when they are taken."""

import itertools
from pathlib import Path

from ops.local.ports import Ports


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
