"""Writes docs/reference, or with --check says which pages are old: `python -m ops.docs`."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ops.docs.api_page import write_api
from ops.docs.errors_page import write_errors
from ops.docs.settings_page import write_settings
from ops.docs.words_page import write_words

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "api.md": write_api,
    "errors.md": write_errors,
    "settings.md": write_settings,
    "words.md": write_words,
}


def old_pages(directory: Path) -> list[str]:
    """Return the names of pages that differ from what the code gives."""
    return [name for name, write in PAGES.items() if _text(directory / name) != write()]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; with --check 1 when a page is old."""
    parser = argparse.ArgumentParser(prog="python -m ops.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--directory", type=Path, default=REFERENCE)
    given = parser.parse_args(argv)
    if given.check:
        old = old_pages(given.directory)
        sys.stdout.write("".join(f"docs/reference/{name} is old: run make docs\n" for name in old))
        return int(bool(old))
    given.directory.mkdir(parents=True, exist_ok=True)
    for name, write in PAGES.items():
        (given.directory / name).write_text(write(), encoding="utf-8")
    sys.stdout.write(f"wrote {len(PAGES)} pages in {given.directory.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
