"""Blobs in a directory."""

import asyncio
import hashlib
import math
import os
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar
from uuid import UUID, uuid4

from app.blobs import LISTED_AT_ONCE, STORE, Staged
from app.causes import Cause, Finding, find_network_cause
from app.errors import BodyTooLarge, StoreUnavailable
from app.ids import TenantId
from app.standing import Standing

WRITE_BYTES = 1 << 20
"""Bytes gathered before a write: one hop to a thread a megabyte."""

ANSWER_S = 5.0
"""How long one call of the file system may take."""
WRITE_FACTOR = 3
"""Times longer for what waits for the disk: a megabyte, or all of an upload at its end."""
THREADS = 8

T = TypeVar("T")

_STAGING = "staging"


class DirectoryBlobs:
    """One file a (tenant, SHA-256) under `directory`: written aside, and renamed when it is whole and on disk.

    StoreUnavailable means that the directory cannot be read or written, or does not answer within `answer_s` (a network
    file system that hangs).
    """

    def __init__(
        self,
        directory: Path,
        *,
        standing: Standing | None = None,
        threads: Executor | None = None,
        answer_s: float = ANSWER_S,
    ) -> None:
        self.standing = standing or Standing(STORE, str(directory))
        self._looking: asyncio.Future[None] | None = None
        self._directory = directory
        self._answer_s = answer_s
        # Of our own: calls that hang must not take the loop's threads, which look up host names too.
        self._threads = threads or ThreadPoolExecutor(THREADS, thread_name_prefix="blobs")

    async def put(self, tenant_id: TenantId, chunks: AsyncIterator[bytes], *, limit_bytes: int) -> Staged:
        """Write to a file aside; see Blobs."""
        path = self._directory / _STAGING / f"{tenant_id}.{uuid4()}"
        digest = hashlib.sha256()
        size_bytes = 0
        pending = bytearray()
        file = await self._do(partial(_create, path))
        try:
            async for chunk in chunks:
                size_bytes += len(chunk)
                if size_bytes > limit_bytes:
                    raise BodyTooLarge(f"at most {limit_bytes} bytes are taken", limit_bytes=limit_bytes)
                digest.update(chunk)
                pending += chunk
                if len(pending) >= WRITE_BYTES:
                    await self._do(partial(file.write, bytes(pending)), times=WRITE_FACTOR)
                    pending.clear()
            await self._do(partial(file.write, bytes(pending)), times=WRITE_FACTOR)
            await self._do(partial(_sync_and_close, file), times=WRITE_FACTOR)
        except BaseException:
            # Also when the client leaves: an upload that broke off must not stay on the disk.
            with suppress(StoreUnavailable):
                await self._do(partial(_abandon, file, path))
            raise
        return Staged(tenant_id, str(path), digest.digest(), size_bytes)

    async def keep(self, staged: Staged) -> None:
        """Rename the file; see Blobs."""
        await self._do(partial(_rename, Path(staged.place), self._place(staged.tenant_id, staged.sha256)))

    async def drop(self, staged: Staged) -> None:
        """Remove the file aside; see Blobs."""
        await self._do(partial(Path(staged.place).unlink, missing_ok=True))

    @asynccontextmanager
    async def open(self, tenant_id: TenantId, sha256: bytes) -> AsyncGenerator[BinaryIO]:
        """Open the file; see Blobs."""
        file = await self._do(partial(_open, self._place(tenant_id, sha256)))
        with file:
            yield file

    async def read(self, tenant_id: TenantId, sha256: bytes, part: range | None = None) -> AsyncGenerator[bytes]:
        """Read the file, or a part of it, in pieces; see Blobs."""
        start, left = (0, sys.maxsize) if part is None else (part.start, len(part))
        async with self.open(tenant_id, sha256) as file:
            await self._do(partial(file.seek, start))
            while left and (piece := await self._do(partial(file.read, min(left, WRITE_BYTES)))):
                left -= len(piece)
                yield piece

    async def remove(self, tenant_id: TenantId, sha256: bytes) -> None:
        """Remove the file; see Blobs."""
        await self._do(partial(self._place(tenant_id, sha256).unlink, missing_ok=True), times=None)

    async def remove_staged(self, *, older_than_s: float) -> int:
        """Remove old files aside; see Blobs."""
        return await self._do(partial(self._remove_staged, time.time() - older_than_s))

    async def list_old(self, first_byte: int, *, older_than_s: float) -> list[tuple[TenantId, bytes]]:
        """List files by their names and ages; see Blobs."""
        return await self._do(partial(self._list_old, first_byte, time.time() - older_than_s))

    async def look(self) -> None:
        """Write a few bytes, as an upload would, and remove them. Raises StoreUnavailable."""
        if self._looking is None or self._looking.done():
            path = self._directory / _STAGING / f"look.{uuid4()}"
            # One at a time: a directory that hangs must not take all threads for looks at it.
            self._looking = asyncio.ensure_future(self._do(partial(_look, path)))
            self._looking.add_done_callback(_retrieve)
        await asyncio.shield(self._looking)

    async def _do(self, act: "partial[T]", *, times: float | None = 1) -> T:
        """Return what `act` returns, run in a thread, within `times` the limit (None: whenever it comes).

        One that hangs keeps its thread; who waits for it goes on.
        """
        limit_s = None if times is None else self._answer_s * times
        operation = str(getattr(act.func, "__name__", "")).strip("_")
        with self._translated(operation, limit_s):
            async with asyncio.timeout(limit_s):
                done = await asyncio.get_running_loop().run_in_executor(self._threads, act)
        self.standing.answered(operation)
        return done

    @contextmanager
    def _translated(self, operation: str, limit_s: float | None) -> Generator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            words = (error.strerror or type(error).__name__).lower()
            finding = find_network_cause(error, limit_s=limit_s) or Finding(Cause.BROKEN, words)
            self.standing.failed(finding, operation)
            detail = f"the blob store: {finding.text}"
            raise StoreUnavailable(detail, store=STORE, reason=finding.cause.value) from error

    def _place(self, tenant_id: TenantId, sha256: bytes) -> Path:
        name = sha256.hex()
        return self._directory / str(tenant_id) / name[:2] / name

    def _remove_staged(self, before: float) -> int:
        removed = 0
        for path in (self._directory / _STAGING).glob("*"):
            if _written_at(path) < before:
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def _list_old(self, first_byte: int, before: float) -> list[tuple[TenantId, bytes]]:
        paths = self._directory.glob(f"*/{first_byte:02x}/*")
        old = (path for path in paths if _written_at(path) < before)
        return [
            (TenantId(UUID(path.parent.parent.name)), bytes.fromhex(path.name)) for path in islice(old, LISTED_AT_ONCE)
        ]


def _retrieve(look: asyncio.Future[None]) -> None:
    if not look.cancelled():
        look.exception()


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf  # somebody was faster


def _create(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path.open("xb", buffering=0)


def _look(path: Path) -> None:
    with _create(path) as file:
        try:
            file.write(b"look")
        finally:
            path.unlink(missing_ok=True)


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def _abandon(file: BinaryIO, path: Path) -> None:
    file.close()
    path.unlink(missing_ok=True)


def _sync_and_close(file: BinaryIO) -> None:
    os.fsync(file.fileno())
    file.close()


def _rename(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    source.replace(target)
    # The name itself must survive a power cut as well.
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
