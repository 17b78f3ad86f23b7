"""Which commit is checked out, and whether files differ from it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

GIT_LIMIT_S = 20


@dataclass(frozen=True, slots=True)
class Checkout:
    """The short commit (`unknown` without git), and whether tracked files differ from it."""

    commit: str
    is_changed: bool


def read_checkout(root: Path, *paths: str) -> Checkout:
    """Return what is checked out at `root`; only differences in `paths` (git's pathspecs) count, if any are given."""
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no", "--", *paths)
    return Checkout(commit or "unknown", bool(changes))


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            ["git", *words],  # noqa: S607 - git is found where the user has it
            cwd=root,
            capture_output=True,
            text=True,
            timeout=GIT_LIMIT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
