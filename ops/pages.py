"""A command that writes generated files, or says which are old."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Pages:
    """Files of one folder, each with the function that gives its text; `target` is what `make` calls the command."""

    folder: Path
    texts: Mapping[str, Callable[[], str]]
    target: str

    def old(self, folder: Path) -> list[str]:
        """Return the names of files in `folder` that no code gives, or that differ from what it gives."""
        strays = sorted({path.name for path in folder.glob("*")} - self.texts.keys())
        return strays + [name for name, text in self.texts.items() if _read(folder / name) != text()]

    def run(self, argv: Sequence[str] | None = None) -> int:
        """Write the files; with `--check` write nothing and return 1 when one is old."""
        parser = argparse.ArgumentParser(description=f"Write {self.folder.relative_to(ROOT)}.")
        parser.add_argument("--check", action="store_true", help="write nothing, say which files are old")
        parser.add_argument("--directory", type=Path, default=self.folder)
        given = parser.parse_args(argv)
        folder: Path = given.directory
        if given.check:
            old = self.old(folder)
            place = self.folder.relative_to(ROOT)
            sys.stdout.write("".join(f"{place}/{name} is old: run make {self.target}\n" for name in old))
            return int(bool(old))
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.texts.items():
            (folder / name).write_text(text(), encoding="utf-8")
        sys.stdout.write(f"wrote {len(self.texts)} files in {folder.name}\n")
        return 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
