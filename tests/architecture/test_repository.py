"""The repository stands alone."""

import re
import subprocess
from pathlib import Path

from tests.architecture.sources import ROOT, none

# Written in parts, so that this file does not find itself.
_PLACES = re.compile((r"(?<![\w.])/wo" + r"rk/|/tm" + r"p/plan|/ro" + r"ot/\.pyenv").encode())
LARGEST_BYTES = 2_000_000


def tracked() -> list[Path]:
    """Return the files that git tracks, or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=30,
    )
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_no_file_names_a_place_on_one_machine() -> None:
    none([str(path.relative_to(ROOT)) for path in tracked() if _PLACES.search(path.read_bytes())])


def test_no_file_is_too_large_for_a_repository() -> None:
    none([str(path.relative_to(ROOT)) for path in tracked() if path.stat().st_size > LARGEST_BYTES])
