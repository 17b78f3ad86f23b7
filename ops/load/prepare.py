"""Finds the stack, sees that it takes the key, and gives it the handbook that visitors ask about."""

import time
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import msgspec

from ops.load.plan import KEY, Asked
from ops.load.problems import LoadImpossible
from ops.load.questions import REPOSITORY
from ops.load.wire import Broken, Late, Refused, Uploaded, Wire
from ops.local.choices import directory_from
from ops.local.commands import status_of
from ops.local.layout import REPLICAS
from ops.local.state import Phase

HANDBOOK = REPOSITORY / "samples" / "handbook"
READING_LIMIT_S = 300.0
POLL_EVERY_S = 0.5
TRIES = 5


class Stack(msgspec.Struct, frozen=True):
    """Where the stack is, a key of it, and the metrics pages of its replicas."""

    url: str
    key: str
    metrics: tuple[str, ...]


def find_stack(asked: Asked, environ: Mapping[str, str]) -> Stack:
    """Return the stack that was named, or the local one. Raises LoadImpossible when none runs."""
    if asked.url is not None:
        return Stack(asked.url.rstrip("/"), asked.key or "", asked.metrics)
    status = status_of(directory_from(environ))
    if not status.running or status.url is None:
        raise LoadImpossible(f"no stack is running in {status.directory}; start one with `make up`")
    if status.phase is not Phase.READY:
        raise LoadImpossible("the stack is not ready yet; see `python -m ops.local status`")
    key = asked.key or status.demo_key
    if key is None:
        raise LoadImpossible(f"the stack has no demo key; set {KEY}")
    replicas = tuple(f"http://{part.address}/metrics" for part in status.parts if part.name in REPLICAS)
    return Stack(status.url, key, asked.metrics or replicas)


def check(stack: Stack) -> Wire:
    """Return the way to the stack after seeing that it works. Raises LoadImpossible."""
    try:
        wire = Wire(stack.url, stack.key)
        _insist(wire)
    except Broken as broken:
        if broken.code == "key_unknown":
            raise LoadImpossible(f"{stack.url} does not know this api key; set {KEY} to one that it knows") from broken
        raise LoadImpossible(f"{stack.url} does not answer as a stack does ({broken.code})") from broken
    except (Refused, Late) as error:
        raise LoadImpossible(f"{stack.url} takes no requests now ({error})") from error
    return wire


def _insist(wire: Wire) -> None:
    for _ in range(TRIES - 1):
        try:
            wire.look()
            return
        except Refused as refused:
            time.sleep(refused.retry_after_s)
    wire.look()


def add_handbook(wire: Wire, folder: Path = HANDBOOK) -> int:
    """Add the documents that the questions are about, and wait until they are read in; returns how many.

    Content that is there already is not read in again. Raises LoadImpossible.
    """
    paths = sorted(folder.glob("*.md"))
    try:
        uploads = [(path.name, _upload(wire, path)) for path in paths]
        deadline_s = time.monotonic() + READING_LIMIT_S
        for name, uploaded in uploads:
            _await_job(wire, name, uploaded.job_id, deadline_s)
    except (Broken, Late, Refused, OSError) as error:
        raise LoadImpossible(f"the handbook could not be added: {error}") from error
    return len(paths)


def _upload(wire: Wire, path: Path) -> Uploaded:
    for _ in range(TRIES - 1):
        try:
            return wire.upload(path.name, path.read_bytes())
        except Refused as refused:
            time.sleep(refused.retry_after_s)
    return wire.upload(path.name, path.read_bytes())


def _await_job(wire: Wire, name: str, job_id: UUID, deadline_s: float) -> None:
    while (status := wire.job(job_id).status) != "done":
        if status == "failed":
            raise LoadImpossible(f"{name} could not be read in; ask the job {job_id}")
        if time.monotonic() > deadline_s:
            raise LoadImpossible(f"{name} was not read in within {READING_LIMIT_S:.0f} s")
        time.sleep(POLL_EVERY_S)
