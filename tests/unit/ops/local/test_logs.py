"""Logs are shown in whole lines, whatever is done to their files meanwhile."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from app.telemetry.masking import Mask
from ops.local.console import Console
from ops.local.logs import show_logs
from ops.local.problems import LocalProblem
from ops.local.process import tail


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    for name in ("nginx", "postgres"):
        (tmp_path / "logs" / f"{name}.log").write_text("".join(f"{name} {number}\n" for number in range(5)))
    return tmp_path


def shown(directory: Path, *parts: str, lines: int = 2) -> list[str]:
    stream = io.StringIO()
    show_logs(directory, parts, lines=lines, is_following=False, console=Console(stream))
    return stream.getvalue().splitlines()


def followed(directory: Path, *steps: Callable[[], object], parts: tuple[str, ...] = (), lines: int = 0) -> list[str]:
    """Follow, and take a step each time it waits; then Ctrl-C."""
    stream, left = io.StringIO(), list(steps)

    def wait(_: float) -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop(0)()

    console = Console(stream, mask=Mask({"c4nary-secret"}))
    assert show_logs(directory, parts, lines=lines, is_following=True, console=console, wait=wait) == 0
    return [line for line in stream.getvalue().splitlines() if not line.startswith("==>")]


def add(directory: Path, name: str, text: str) -> Callable[[], object]:
    """Return what appends to a log."""

    def append() -> None:
        with (directory / "logs" / f"{name}.log").open("a") as file:
            file.write(text)

    return append


def rotate(directory: Path, name: str) -> Callable[[], object]:
    """Return what moves a log away, as a part's start does with one that has become large."""
    path = directory / "logs" / f"{name}.log"
    return lambda: path.replace(path.with_suffix(".log.1"))


def test_the_last_lines_of_one_part_are_shown(directory: Path) -> None:
    assert shown(directory, "nginx") == ["nginx 3", "nginx 4"]
    assert shown(directory, "nginx", lines=0) == []


def test_the_logs_of_several_parts_or_of_all_are_told_apart(directory: Path) -> None:
    (directory / "logs" / "worker-1.log").write_text("")
    both = ["==> nginx", "nginx 3", "nginx 4", "==> postgres", "postgres 3", "postgres 4"]
    assert shown(directory) == [*both, "==> worker-1"]
    assert shown(directory, "postgres", "nginx") == both


def test_an_unknown_part_is_answered_with_the_known_ones(directory: Path) -> None:
    with pytest.raises(LocalProblem, match="no log of 'redis'; there are nginx, postgres"):
        shown(directory, "redis", "nginx")
    with pytest.raises(LocalProblem, match="no logs in"):
        shown(directory / "elsewhere")


def test_lines_longer_than_any_block_are_shown_whole_and_as_many_as_asked_for(directory: Path) -> None:
    long = [f"{number} {'x' * 200_000}" for number in range(3)]
    (directory / "logs" / "nginx.log").write_text("\n".join(["first", *long]) + "\n")
    assert shown(directory, "nginx", lines=3) == long
    assert shown(directory, "nginx", lines=9) == ["first", *long]


def test_the_last_line_of_a_program_that_died_in_it_is_shown_too(directory: Path) -> None:
    (directory / "logs" / "nginx.log").write_text("one\ntwo\nand the")
    assert shown(directory, "nginx") == ["two", "and the"]


def test_a_line_is_shown_once_it_is_whole_and_never_mixed_with_anothers(directory: Path) -> None:
    lines = followed(
        directory,
        add(directory, "nginx", "half "),
        add(directory, "postgres", "of postgres\n"),
        add(directory, "nginx", "a line\nnext"),
    )
    assert lines == ["postgres | of postgres", "nginx | half a line"]


def test_a_line_that_was_begun_before_is_shown_whole(directory: Path) -> None:
    add(directory, "nginx", "begun ")()
    lines = followed(directory, add(directory, "nginx", "and ended\n"), parts=("nginx",), lines=1)
    assert lines == ["nginx 4", "begun and ended"]


def test_a_line_longer_than_a_block_is_followed(directory: Path) -> None:
    long = "x" * 200_000
    assert followed(directory, add(directory, "nginx", f"{long}\n"), parts=("nginx",)) == [long]


def test_a_log_that_is_moved_away_is_read_to_its_end_and_then_the_new_one(directory: Path) -> None:
    away = directory / "logs" / "nginx.log.1"
    lines = followed(
        directory,
        add(directory, "nginx", "old 1\n"),
        rotate(directory, "nginx"),
        lambda: away.write_text(away.read_text() + "old 2\nold, cut"),
        add(directory, "nginx", "new 1 is longer than all that was there before" * 9 + "\n"),
        add(directory, "nginx", "new 2\n"),
        parts=("nginx",),
    )
    assert lines == ["old 1", "old 2", "old, cut", "new 1 is longer than all that was there before" * 9, "new 2"]


def test_a_log_that_is_emptied_is_followed_from_its_begin(directory: Path) -> None:
    path = directory / "logs" / "nginx.log"
    lines = followed(directory, lambda: path.write_text("again\n"), add(directory, "nginx", "more\n"), parts=("nginx",))
    assert lines == ["again", "more"]


def test_a_part_that_starts_later_is_followed_too(directory: Path) -> None:
    assert followed(directory, add(directory, "worker-1", "hello\n")) == ["worker-1 | hello"]


def test_what_is_secret_in_a_log_is_masked(directory: Path) -> None:
    (line,) = followed(directory, add(directory, "nginx", "key c4nary-secret\n"), parts=("nginx",))
    assert "c4nary" not in line


def test_the_end_of_a_log_that_is_quoted_begins_with_a_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text(f"{'x' * 90}\nsecond\nthird\n")
    assert tail(path, limit_bytes=50) == "second\nthird"
    assert tail(path, limit_bytes=500) == f"{'x' * 90}\nsecond\nthird"
    path.write_text("y" * 90)
    assert tail(path, limit_bytes=50) == "y" * 50
