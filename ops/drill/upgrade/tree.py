"""The code of a commit, in a folder of its own."""

import io
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.drill.target import DrillFailed
from ops.local.process import REPOSITORY

CODE = ("app", "alembic", "prompts")
"""What runs. Whatever else a commit holds does not touch an installation's data."""
LOCK = "requirements/runtime.lock"
GIT_LIMIT_S = 60.0
SHORT = 7


@dataclass(frozen=True, slots=True)
class Tree:
    """Code that can be run: where it is, and its commit (empty for the working tree)."""

    folder: Path
    commit: str = ""

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.commit or "the present code"


PRESENT = Tree(REPOSITORY)


def take_out(commit: str, folder: Path) -> Tree:
    """Write the code of a commit below `folder`. Raises DrillFailed when git does not know it."""
    short = _git("rev-parse", "--verify", f"{commit}^{{commit}}").decode().strip()[:SHORT]
    target = folder / short
    with tarfile.open(fileobj=io.BytesIO(_git("archive", "--format=tar", short, *CODE))) as archive:
        archive.extractall(target, filter="data")
    return Tree(target, short)


def commit_before() -> str:
    """Return the newest commit of the first-parent line whose code differs from the working tree's.

    Raises DrillFailed when there is none, as in a shallow clone.
    """
    for commit in _git("rev-list", "--first-parent", "--max-count=200", "HEAD").decode().split():
        if _differs(commit, CODE):
            return commit[:SHORT]
    raise DrillFailed("no commit of this clone has other code than the working tree")


def knows(commit: str) -> bool:
    """Whether this clone has a commit."""
    return _run("cat-file", "-e", f"{commit}^{{commit}}").returncode == 0


def locks_differ(commit: str) -> bool:
    """Whether a commit was locked to other versions of libraries than those that it is run with here."""
    return _differs(commit, (LOCK,))


def _differs(commit: str, paths: tuple[str, ...]) -> bool:
    done = _run("diff", "--quiet", commit, "--", *paths)
    return done.returncode != 0


def _git(*arguments: str) -> bytes:
    done = _run(*arguments)
    if done.returncode != 0:
        raise DrillFailed(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()[:300]}")
    return done.stdout


def _run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603 - no shell, and the arguments are our own
            ("git", "-C", str(REPOSITORY), *arguments),  # noqa: S607
            capture_output=True,
            timeout=GIT_LIMIT_S,
            check=False,
            env=_environ(),
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise DrillFailed(f"git {arguments[0]}: {error}") from error


def _environ() -> Mapping[str, str]:
    return {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": "/nonexistent", "GIT_OPTIONAL_LOCKS": "0"}
