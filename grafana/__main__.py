"""Writes the dashboards' JSON, or with --check says which is old: `python -m grafana`."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from grafana.dashboards import cost, runbooks, system
from grafana.dashboards.board import Board, to_json

JSON = Path(__file__).parent / "json"
BOARDS: Mapping[str, Callable[[], Board]] = {
    "system.json": system.board,
    "cost.json": cost.board,
    "runbooks.json": runbooks.board,
}


def old_dashboards(directory: Path) -> list[str]:
    """Return the names of files that differ from what the code gives, or that no code gives."""
    strays = [path.name for path in sorted(directory.glob("*.json")) if path.name not in BOARDS]
    return strays + [name for name, board in BOARDS.items() if _text(directory / name) != to_json(board())]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; with --check 1 when a file is old."""
    parser = argparse.ArgumentParser(prog="python -m grafana", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--directory", type=Path, default=JSON)
    given = parser.parse_args(argv)
    if given.check:
        old = old_dashboards(given.directory)
        sys.stdout.write("".join(f"grafana/json/{name} is old: run make dashboards\n" for name in old))
        return int(bool(old))
    given.directory.mkdir(parents=True, exist_ok=True)
    for name, board in BOARDS.items():
        (given.directory / name).write_text(to_json(board()), encoding="utf-8")
    sys.stdout.write(f"wrote {len(BOARDS)} dashboards in {given.directory.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
