"""What the terminal shows while models come."""

import io

import pytest

from ops.local.console import Console, describe
from ops.local.models.progress import Phase, Progress

MODEL = "smollm2:135m"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def downloading(done: int, total: int = 100_000_000) -> Progress:
    return Progress(MODEL, Phase.DOWNLOADING, done, total, "the package index")


def test_elsewhere_than_on_a_terminal_progress_is_lines_now_and_then() -> None:
    stream, times = io.StringIO(), iter([0.0, 1.0, 4.9, 5.0, 6.0])
    console = Console(stream, clock=lambda: next(times))
    for done in (0, 10, 20, 30, 40):
        console.progress(downloading(done * 1_000_000))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert "0% of 100 MB, from the package index" in lines[0]
    assert "30% of 100 MB" in lines[1]


def test_on_a_terminal_one_line_is_redrawn() -> None:
    stream, times = Terminal(), iter([0.0, 1.0, 2.0])
    console = Console(stream, clock=lambda: next(times))
    console.progress(downloading(0))
    console.progress(downloading(50_000_000))
    assert stream.getvalue().count("\n") == 0
    assert stream.getvalue().count("\r") == 2


def test_a_line_after_a_bar_starts_on_an_empty_line() -> None:
    stream = Terminal()
    console = Console(stream, clock=lambda: 0.0)
    console.progress(downloading(0))
    console.say("done")
    assert stream.getvalue().endswith(" \rdone\n")


def test_every_phase_is_news_at_once() -> None:
    stream = io.StringIO()
    console = Console(stream, clock=lambda: 0.0)
    for phase in (Phase.LOOKING, Phase.ASSEMBLING, Phase.READY):
        console.progress(Progress(MODEL, phase, 5_000_000, 5_000_000))
    assert len(stream.getvalue().splitlines()) == 3


def test_the_rate_and_the_time_left_are_told() -> None:
    stream, times = io.StringIO(), iter([0.0, 5.0])
    console = Console(stream, clock=lambda: next(times))
    console.progress(downloading(0))
    console.progress(downloading(50_000_000))
    assert "10 MB/s, 5 s left" in stream.getvalue()


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (Progress(MODEL, Phase.READY, 5, 98_362_432), "ready (98 MB)"),
        (Progress(MODEL, Phase.WAITING, source="another process fetches it"), "waiting another process fetches it"),
        (Progress(MODEL, Phase.FAILED, source="no source"), "failed no source"),
        (Progress(MODEL, Phase.DOWNLOADING, 0, 0, "its publisher"), "downloading its publisher"),
    ],
)
def test_a_model_is_described_in_words(progress: Progress, line: str) -> None:
    assert describe(progress) == f"{MODEL.ljust(20)} {line}"


def test_a_table_has_columns_as_wide_as_their_widest_cell() -> None:
    stream = io.StringIO()
    Console(stream).table([("part", "pid"), ("postgres", "7")])
    assert stream.getvalue() == "  part      pid\n  postgres  7\n"
