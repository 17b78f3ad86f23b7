"""A local stack of its own for a part of the verification, with the handbook read in."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import httpx

from ops.drill.target import Target, target_of
from ops.local.commands import status_of
from ops.local.models.catalogue import Size
from ops.local.models.progress import Phase
from ops.local.ports import find_free
from ops.local.process import REPOSITORY, poll_until

HANDBOOK = REPOSITORY / "samples" / "handbook"
LIBRARY = REPOSITORY / "samples" / "library"
LEASE_S = 2.0
DRAIN_S = 1.0
START_LIMIT_S = 3600.0
"""A first start fetches weights."""
STOP_LIMIT_S = 180.0
UPLOAD_LIMIT_S = 30.0
INGEST_LIMIT_S = 180.0


class StackFailed(Exception):
    """The stack did not start, or did not read a document in; the message says why."""


@contextmanager
def open_stack(
    environ: Mapping[str, str], size: Size, settings: Mapping[str, str] = MappingProxyType({})
) -> Generator[Target]:
    """Start a stack in a new directory, with further settings, and stop it with the block. Raises StackFailed."""
    with tempfile.TemporaryDirectory(prefix="switchyard-verify-", ignore_cleanup_errors=True) as directory:
        kept = {name: value for name, value in environ.items() if not name.startswith("SWITCHYARD_")}
        ours = (
            kept
            | {
                "SWITCHYARD_LOCAL_DIR": directory,
                "SWITCHYARD_LOCAL_PORT": str(find_free()),
                "SWITCHYARD_RUN_LEASE_S": f"{LEASE_S:g}",
                "SWITCHYARD_DRAIN_S": f"{DRAIN_S:g}",
                "MODELS": size.value,
                # What is verified is the platform with its models; quotes need none.
                "SWITCHYARD_EXTRACTIVE_UP_TO": "none",
            }
            | dict(settings)
        )
        try:
            _local(ours, "up", limit_s=START_LIMIT_S)
            _await_models(Path(directory))
            yield target_of(ours, lease_s=LEASE_S)
        finally:
            _local(ours, "down", limit_s=STOP_LIMIT_S)


def _await_models(directory: Path) -> None:
    """Wait until every model is there: the stack begins with the smallest."""

    def has_all() -> bool:
        return all(model.phase is Phase.READY for model in status_of(directory).models)

    if not poll_until(has_all, START_LIMIT_S, 0.5):
        raise StackFailed("the models are not all there")


def _local(environ: Mapping[str, str], word: str, *, limit_s: float) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "ops.local", word],
            env=dict(environ),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StackFailed(f"`ops.local {word}` took longer than {limit_s:g} s") from error
    if done.returncode != 0:
        raise StackFailed(f"`ops.local {word}` failed: {(done.stdout + done.stderr)[-2000:]}")


def handbook() -> dict[str, str]:
    """Return the texts of the sample handbook by document name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(HANDBOOK.glob("*.md"))}


def upload(url: str, key: str, documents: Iterable[Path], *, limit_s: float = INGEST_LIMIT_S) -> None:
    """Upload documents and wait, `limit_s` at most, until questions find them. Raises StackFailed, httpx.HTTPError."""
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, timeout=UPLOAD_LIMIT_S, trust_env=False) as client:
        jobs: dict[str, str] = {}
        for path in documents:
            file = {"file": (path.name, path.read_bytes(), "application/octet-stream")}
            jobs[path.name] = client.post("/api/v2/upload", files=file).raise_for_status().json()["status_url"]
        end_at = time.monotonic() + limit_s
        for name, status_url in jobs.items():
            _await_job(client, name, status_url, end_at)


def _await_job(client: httpx.Client, name: str, status_url: str, end_at: float) -> None:
    while time.monotonic() < end_at:
        job = client.get(status_url).raise_for_status().json()
        if job["status"] == "done":
            return
        if job["status"] == "failed":
            raise StackFailed(f"{name} was not read in: {job['error']}")
        time.sleep(0.2)
    raise StackFailed(f"{name} was not read in in time")


def library() -> list[Path]:
    """Return the further sample documents, of several types."""
    return sorted(LIBRARY.iterdir())


def upload_handbook(target: Target) -> None:
    """Upload the sample handbook as the demo tenant. Raises StackFailed, httpx.HTTPError."""
    upload(target.url, target.key, sorted(HANDBOOK.glob("*.md")))
