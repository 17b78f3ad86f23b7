"""Where the programs of the bundled servers are."""

import importlib.util
import os
import platform
import shutil
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from ops.local.problems import ProgramMissing


def bundled(package: str, *paths: str) -> Path:
    """Return the first of `paths` that exists inside an installed package, executable. Raises ProgramMissing."""
    spec = importlib.util.find_spec(package)
    folder = Path(spec.origin).parent if spec is not None and spec.origin else None
    for path in paths:
        program = folder / path.format(machine=_machine()) if folder else None
        if program is not None and program.is_file():
            _make_executable(program)
            return program
    raise ProgramMissing(f"the package {package} is not installed for this machine: run `make setup`")


def on_path(names: Sequence[str], environ: Mapping[str, str], *more_folders: str) -> Path | None:
    """Return the first program of those names on PATH (or in `more_folders`), or None."""
    search = os.pathsep.join([environ.get("PATH", os.defpath), *more_folders])
    found = (shutil.which(name, path=search) for name in names)
    return next((Path(program) for program in found if program), None)


def _machine() -> str:
    machine = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)


def _make_executable(program: Path) -> None:
    mode = program.stat().st_mode
    if not mode & stat.S_IXUSR:
        program.chmod(mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
