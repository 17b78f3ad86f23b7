"""A command whose reader has gone ends without a word; one that is interrupted says so in one line."""

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from io import StringIO
from typing import TextIO

import pytest

from app.finish import finish


def ended(main: Callable[[], int], **given: int) -> int | str | None:
    """Finish with `main`; return the exit status."""
    with pytest.raises(SystemExit) as end:
        finish(main, **given)
    return end.value.code


def says(text: str, status: int = 0) -> Callable[[], int]:
    """Return a command that writes `text`; a short one stays in the buffer until the end."""

    def main() -> int:
        sys.stdout.write(text)
        return status

    return main


@contextmanager
def unread(name: str, monkeypatch: pytest.MonkeyPatch) -> Generator[TextIO]:
    """Have the process write a standard stream whose reader has gone."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream, monkeypatch.context() as patched:
        patched.setattr(sys, name, stream)
        yield stream


@pytest.mark.parametrize("text", ["x", "x" * 1_000_000])
@pytest.mark.parametrize(("given", "status"), [({}, 141), ({"unread": 0}, 0)])
def test_what_nobody_reads_to_its_end_ends_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], text: str, given: dict[str, int], status: int
) -> None:
    with unread("stdout", monkeypatch) as stream:
        assert ended(says(text, 3), **given) == status
        stream.write("the interpreter's last words")
    assert capfd.readouterr().err == ""


def test_a_command_that_ends_itself_is_no_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    with unread("stdout", monkeypatch):
        assert ended(lambda: sys.stdout.write("--help was asked for") and sys.exit(0)) == 141


def test_errors_that_nobody_reads_are_no_other_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with unread("stderr", monkeypatch):
        monkeypatch.setattr(sys, "stdout", None)
        assert ended(lambda: sys.stderr.write("x") and 3) == 141


@pytest.mark.parametrize("status", [0, 1, 3])
def test_what_is_read_ends_with_the_commands_own_status(capsys: pytest.CaptureFixture[str], status: int) -> None:
    assert (ended(says("7", status)), capsys.readouterr().out) == (status, "7")


def test_a_broken_pipe_that_is_not_the_output_is_told() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(BrokenPipeError):
        finish(lambda: os.write(writing, b"x"))
    os.close(writing)


def test_ctrl_c_is_one_line_and_130(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", notes := StringIO())

    def main() -> int:
        raise KeyboardInterrupt

    assert (ended(main), notes.getvalue()) == (130, "interrupted\n")
