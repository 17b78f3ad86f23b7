"""The bench works: every row once and briefly. What it measures so is nothing to go by."""

import subprocess
import sys
from pathlib import Path

import pytest

from ops.local.process import REPOSITORY

pytestmark = pytest.mark.integration
LIMIT_S = 600.0
TITLES = (
    "## Goals",
    "## One JSON answer",
    "## A stream of 20 tokens",
    "## CPU by process",
    "## Poisson arrivals",
    "## A durable run of two effects",
    "## Rating a question",
    "## Routing on seeded traces",
    "## Turns when there are too few slots, simulated",
    "## Too much work, live",
    "## Turns, live",
    "## A refusal",
    "## Reading documents in",
    "## CPU of reading documents in",
    "## Memory of reading a text in",
    "## Retrieval over three shards",
)


@pytest.mark.timeout(LIMIT_S)
def test_every_row_can_be_measured_and_stands_on_the_page(tmp_path: Path) -> None:
    page = tmp_path / "bench.md"
    command = [sys.executable, "-m", "ops.bench", "--smoke", "--out", str(page)]
    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.startswith(
        "bench: paths, durable, rating, routing, turns, overload, ingest, shards: about 3 minutes"
    )
    text = page.read_text()
    assert [title for title in TITLES if title not in text] == []
