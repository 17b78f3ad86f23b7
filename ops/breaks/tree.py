"""A copy of the checkout, in which one file at a time is broken."""

import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ops.breaks.listed import Break

GIT_LIMIT_S = 60


class NoCheckout(Exception):
    """Git does not say which files belong to the checkout, or cannot hold the copy."""


@contextmanager
def copied(root: Path) -> Generator[Path]:
    """Lend a copy of what git tracks, or would track, at `root`: a repository of its own, with `.venv` as a link.

    It holds no compiled files, and none of what a stack left in the checkout. Raises NoCheckout.
    """
    with tempfile.TemporaryDirectory(prefix="switchyard-breaks-") as folder:
        tree = Path(folder) / "tree"
        for name in _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
            if (root / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, tree / name)
        if (root / ".venv").exists():
            (tree / ".venv").symlink_to((root / ".venv").resolve())
        # Some tests ask git which files there are.
        _git(tree, "init", "--quiet")
        _git(tree, "add", "--all")
        yield tree


@contextmanager
def broken(tree: Path, one: Break) -> Generator[None]:
    """Make a break in a copy, and mend it at the end."""
    path = tree / one.file
    whole = path.read_bytes()
    path.write_bytes(whole.replace(one.old.encode(), one.new.encode(), 1))
    try:
        yield
    finally:
        path.write_bytes(whole)


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
    except subprocess.CalledProcessError as error:
        raise NoCheckout(str(error.stderr).strip()) from error
    except (OSError, subprocess.SubprocessError) as error:
        raise NoCheckout(str(error)) from error
    return done.stdout
