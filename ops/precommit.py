"""Refuses large files and merge marks: `python -m ops.precommit FILE...`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from app.finish import finish

LARGEST_BYTES = 2_000_000
# Written in parts, so that this file passes.
MARKS = (b"<" * 7 + b" ", b">" * 7 + b" ")


def faults(path: Path) -> list[str]:
    """Return what is wrong with one file."""
    if not path.is_file():
        return []
    found: list[str] = []
    if (size := path.stat().st_size) > LARGEST_BYTES:
        found.append(f"{path}: {size} bytes; at most {LARGEST_BYTES} belong in the repository")
    elif any(line.startswith(MARKS) for line in path.read_bytes().splitlines()):
        found.append(f"{path}: a merge mark")
    return found


def main(names: Sequence[str]) -> int:
    """Print the faults of the files; 1 when there are any."""
    found = [fault for name in names for fault in faults(Path(name))]
    sys.stdout.write("".join(f"{fault}\n" for fault in found))
    return int(bool(found))


if __name__ == "__main__":
    finish(lambda: main(sys.argv[1:]))
