"""Evidence: a Markdown page that says what was run, on which commit, with which seed, and what came out."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from ops.checkout import read_checkout
from ops.local.process import REPOSITORY

CELL_CHARACTERS = 160


class Verdict(StrEnum):
    """How a part ended."""

    HELD = "held"
    FAILED = "failed"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A part's verdict, and one line that says why."""

    verdict: Verdict
    line: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page: a title, what was done and how to repeat it, and sections of (heading, text)."""

    title: str
    introduction: str
    command: str
    sections: tuple[tuple[str, str], ...]


def write(directory: Path, name: str, page: Page, *, seed: int | None) -> Path:
    """Write `<name>.md` and return its path."""
    seeded = "" if seed is None else f", seed {seed}"
    head = f"{datetime.now(UTC):%Y-%m-%d}, commit {commit()}{seeded}, {os.cpu_count()} cores."
    repeat = f"Repeat it with `{page.command}`."
    parts = [f"# {page.title}", page.introduction, f"{head} {repeat}"]
    parts += [f"## {heading}\n\n{text}" for heading, text in page.sections]
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.md"
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return path


def commit() -> str:
    """Return the short commit, and whether tracked files differ from it."""
    # A page of evidence is a tracked file that this very run changes.
    found = read_checkout(REPOSITORY, ".", ":!docs/evidence")
    return f"`{found.commit}` with uncommitted changes" if found.is_changed else f"`{found.commit}`"


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell(value) for value in line)} |" for line in lines)


def cell(value: object) -> str:
    """Return a value as one short line that a table can hold."""
    text = " ".join(str(value).split()).replace("|", "\\|")
    return text if len(text) <= CELL_CHARACTERS else f"{text[:CELL_CHARACTERS]}…"


def share(part: int, whole: int) -> str:
    """Return `part of whole (percent)`."""
    return "none asked" if whole == 0 else f"{part} of {whole} ({part / whole:.0%})"


def quantile(values: Sequence[float], at: float) -> float:
    """Return the value below which the share `at` of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(at * len(ordered)))]
