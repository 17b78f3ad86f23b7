"""The demonstration's documents: uploaded, and awaited until questions find them."""

import time
from collections.abc import Callable
from pathlib import Path

from app.retrieval.media import BY_SUFFIX, TAKEN
from ops.local.console import Console
from ops.local.demo_client import DemoClient, JobSeen, Uploaded
from ops.local.problems import LocalProblem

READ_LIMIT_S = 300.0
LOOK_EVERY_S = 0.2


def readable_files(directory: Path) -> list[Path]:
    """Return the files of a directory that can be read in, by name. Raises LocalProblem if there are none."""
    paths = sorted(path for path in directory.glob("*") if path.suffix.lower() in BY_SUFFIX)
    if not paths:
        raise LocalProblem(f"there are no files {TAKEN} in {directory}; name another folder with --documents")
    return paths


def add_documents(
    directory: Path, client: DemoClient, console: Console, *, clock: Callable[[], float] = time.monotonic
) -> None:
    """Upload the files of a directory and wait until all are read in. Raises LocalProblem."""
    paths = readable_files(directory)
    console.say(f"Documents: {len(paths)} files of {directory.name}")
    waiting = {path: client.upload(path) for path in paths}
    end = clock() + READ_LIMIT_S
    while waiting:
        for path in list(waiting):
            if _is_done(path, client.job(waiting[path].job_id)):
                console.say(_line(path, waiting.pop(path)))
        if clock() > end:
            names = ", ".join(path.name for path in waiting)
            raise LocalProblem(
                f"not read in after {READ_LIMIT_S:.0f} s: {names}; see `python -m ops.local logs worker-1`"
            )
        if waiting:
            time.sleep(LOOK_EVERY_S)


def _is_done(path: Path, job: JobSeen) -> bool:
    if job.status == "failed":
        why = f"{job.error.code}: {job.error.detail}" if job.error is not None else "no reason given"
        raise LocalProblem(f"{path.name} could not be read in: {why}; see `python -m ops.local logs worker-1`")
    return job.status == "done"


def _line(path: Path, uploaded: Uploaded) -> str:
    what = "read in" if uploaded.is_new else "there already"
    return f"  {path.name:<32} {path.stat().st_size / 1000:5.1f} kB  version {uploaded.version}, {what}"
