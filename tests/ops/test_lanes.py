"""Lines that run side by side: what is told, and when, and what becomes of the others when one fails."""

import io
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.lanes import side_by_side
from ops.local.console import Console


async def told(*lines: str, end_s: float = 30.0) -> tuple[int, list[str]]:
    """Return the status of some lines and what is told of them."""
    stream = io.StringIO()
    status = await side_by_side(lines, Console(stream), end_s=end_s)
    return status, [line.partition(" after ")[0] for line in stream.getvalue().splitlines() if line]


async def test_what_a_line_beside_writes_is_told_as_a_whole_when_it_ends(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ended = tmp_path / "ended"
    first, front = f"echo one; echo two >&2; touch '{ended}'", f"until [ -e '{ended}' ]; do :; done; echo seen"
    status, lines = await told(first, front)
    assert status == 0
    at = lines.index("one")
    assert lines[at : at + 3] == ["one", "two", "== done"]
    assert [*lines[:at], *lines[at + 3 :]] == ["== done"]
    assert capfd.readouterr().out == "seen\n"


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["in front", "in the background"])
def _interrupts(request: pytest.FixtureRequest) -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    """What a shell starts in the background ignores interrupts."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interrupts")
async def test_the_first_that_fails_ends_the_others_as_ctrl_c_does_and_is_told_last(tmp_path: Path) -> None:
    ready, ended = tmp_path / "ready", tmp_path / "ended"
    # No command of its own makes the files: one that the interrupt meets would end the line before its trap.
    waits = f"trap \": > '{ended}'; exit 1\" INT; : > '{ready}'; while :; do :; done"
    fails = f"until [ -e '{ready}' ]; do :; done; echo why; exit 7"
    status, lines = await told(fails, waits)
    assert status == 7
    assert ended.exists()
    assert lines == [f"== ended, because something beside it failed: {waits}", "why", f"== failed with 7: {fails}"]


async def test_what_does_not_end_is_killed() -> None:
    assert await told("exit 1", "trap '' INT; while :; do :; done", end_s=0.2) == (
        1,
        [
            "== ended, because something beside it failed: trap '' INT; while :; do :; done",
            "== failed with 1: exit 1",
        ],
    )


async def test_what_a_signal_ended_has_failed() -> None:
    status, lines = await told("kill -TERM $$", "true")
    assert status == 128 + 15
    assert lines[-1] == "== failed with -15: kill -TERM $$"
