"""Imports point one way."""

import subprocess
import sys

import pytest

from tests.architecture.sources import ROOT

LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
LIMIT_S = 100


@pytest.mark.requirement("INS-02.one-way")
def test_every_part_uses_only_those_below_it() -> None:
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", LINT], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout
