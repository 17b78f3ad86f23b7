"""Blobs in a bucket of S3, or of what speaks like it."""

import asyncio
import hashlib
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

import aiohttp

from app.blobs import LISTED_AT_ONCE, STORE, Staged
from app.errors import BodyTooLarge, StoreUnavailable
from app.ids import TenantId
from app.s3 import Bucket
from app.s3_causes import Refusal, finding_of
from app.standing import Standing

ANSWER_S = 10.0
"""How long one request may take, and how long a piece of a blob may be on its way."""
PART_BYTES = 8 << 20
"""Of an upload in parts; S3 takes 10,000 parts of 5 MiB at least. Two of them may be in memory."""
PIECE_BYTES = 1 << 20
PART_S = 60.0
COPY_S = 120.0

_STAGING = "staging/"
_KEPT = "blobs/"


class BucketBlobs:
    """One object a (tenant, SHA-256): uploaded aside in parts, and copied to its place by the store itself.

    What is lent is written to an unnamed file in `directory` first: who reads it is another process.
    """

    def __init__(
        self,
        bucket: Bucket,
        directory: Path,
        *,
        standing: Standing,
        answer_s: float = ANSWER_S,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self.standing = standing
        self._bucket = bucket
        self._directory = directory
        self._answer_s = answer_s
        self._part_bytes = part_bytes

    async def put(self, tenant_id: TenantId, chunks: AsyncIterator[bytes], *, limit_bytes: int) -> Staged:
        """Upload aside, in parts where it is large; see Blobs."""
        upload = _Upload(self._bucket, f"{_STAGING}{tenant_id}.{uuid4()}", self._part_bytes)
        digest = hashlib.sha256()
        size_bytes = 0
        try:
            async for chunk in chunks:
                size_bytes += len(chunk)
                if size_bytes > limit_bytes:
                    raise BodyTooLarge(f"at most {limit_bytes} bytes are taken", limit_bytes=limit_bytes)
                digest.update(chunk)
                with self._translated("put", PART_S):
                    await upload.take(chunk)
            with self._translated("put", PART_S):
                await upload.end()
        except BaseException:
            # Also when the client leaves; what is left behind then, `remove_staged` finds.
            with suppress(Refusal, aiohttp.ClientError, TimeoutError):
                await upload.abandon()
            raise
        return Staged(tenant_id, upload.key, digest.digest(), size_bytes)

    async def keep(self, staged: Staged) -> None:
        """Have the store copy the object; see Blobs."""
        place = _place(staged.tenant_id, staged.sha256)
        with self._translated("keep", COPY_S):
            await self._bucket.copy(staged.place, place, staged.size_bytes, limit_s=COPY_S)

    async def drop(self, staged: Staged) -> None:
        """Remove the object aside; see Blobs."""
        with self._translated("drop", self._answer_s):
            await self._bucket.delete(staged.place, limit_s=self._answer_s)

    @asynccontextmanager
    async def open(self, tenant_id: TenantId, sha256: bytes) -> AsyncGenerator[BinaryIO]:
        """Fetch the object into a file that has no name, and check that it is what it was; see Blobs."""
        with tempfile.TemporaryFile(dir=self._directory) as file:
            with self._translated("open", self._answer_s):
                digest = await self._fetch(_place(tenant_id, sha256), file)
                if digest != sha256:
                    raise Refusal(500, "", "another content than was kept")
            await asyncio.to_thread(file.seek, 0)
            yield file

    async def read(self, tenant_id: TenantId, sha256: bytes, part: range | None = None) -> AsyncGenerator[bytes]:
        """Read the object, or a part of it, in pieces, once all of it is fetched and checked; see Blobs."""
        start, left = (0, sys.maxsize) if part is None else (part.start, len(part))
        async with self.open(tenant_id, sha256) as file:
            await asyncio.to_thread(file.seek, start)
            while left and (piece := await asyncio.to_thread(file.read, min(left, PIECE_BYTES))):
                left -= len(piece)
                yield piece

    async def remove(self, tenant_id: TenantId, sha256: bytes) -> None:
        """Remove the object; see Blobs."""
        with self._translated("remove", None):
            await self._bucket.delete(_place(tenant_id, sha256), limit_s=None)

    async def remove_staged(self, *, older_than_s: float) -> int:
        """Remove old objects aside and uploads that were begun and not completed; see Blobs."""
        before = datetime.now(UTC) - timedelta(seconds=older_than_s)
        with self._translated("remove_staged", self._answer_s):
            old = [one for one in await self._bucket.keys(_STAGING, LISTED_AT_ONCE) if one.at < before]
            begun = [one for one in await self._bucket.uploads(_STAGING) if one.at < before]
            for one in old:
                await self._bucket.delete(one.key, limit_s=self._answer_s)
            for one in begun:
                await self._bucket.abort(one.key, one.upload_id)
        return len(old) + len(begun)

    async def list_old(self, first_byte: int, *, older_than_s: float) -> list[tuple[TenantId, bytes]]:
        """List objects by their keys and ages; see Blobs."""
        before = datetime.now(UTC) - timedelta(seconds=older_than_s)
        with self._translated("list_old", self._answer_s):
            found = await self._bucket.keys(f"{_KEPT}{first_byte:02x}/", LISTED_AT_ONCE)
        names = (one.key.split("/")[2:] for one in found if one.at < before)
        return [(TenantId(UUID(tenant)), bytes.fromhex(sha256)) for tenant, sha256 in names]

    async def look(self) -> None:
        """Write a few bytes, always to the same key. Raises StoreUnavailable."""
        with self._translated("look", self._answer_s):
            await self._bucket.put(f"{_STAGING}look", b"look", hashlib.sha256(b"look").hexdigest())

    async def _fetch(self, key: str, file: BinaryIO) -> bytes:
        digest = hashlib.sha256()
        try:
            async with self._bucket.read(key) as pieces:
                async for piece in pieces:
                    digest.update(piece)
                    await asyncio.to_thread(file.write, piece)
        except Refusal as error:
            if error.code == "NoSuchKey":
                raise FileNotFoundError(key) from error
            raise
        return digest.digest()

    @contextmanager
    def _translated(self, operation: str, limit_s: float | None) -> Generator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except (Refusal, aiohttp.ClientError, OSError) as error:
            finding = finding_of(error, limit_s=limit_s)
            self.standing.failed(finding, operation)
            detail = f"the blob store: {finding.text}"
            raise StoreUnavailable(detail, store=STORE, reason=finding.cause.value) from error
        self.standing.answered(operation)


class _Upload:
    """An upload on its way: one request where it is small, else parts as they become full."""

    def __init__(self, bucket: Bucket, key: str, part_bytes: int) -> None:
        self.key = key
        self._bucket = bucket
        self._part_bytes = part_bytes
        self._pending = bytearray()
        self._part_digest = hashlib.sha256()
        self._id = ""
        self._marks: list[str] = []

    async def take(self, chunk: bytes) -> None:
        """Add a chunk, however large."""
        view = memoryview(chunk)
        for start in range(0, len(chunk), self._part_bytes):
            piece = view[start : start + self._part_bytes]
            room = self._part_bytes - len(self._pending)
            self._add(piece[:room])
            if len(self._pending) == self._part_bytes:
                await self._send_part()
                self._add(piece[room:])

    async def end(self) -> None:
        """Have all of it stored."""
        if not self._id:
            body = bytes(self._pending)
            await self._bucket.put(self.key, body, self._part_digest.hexdigest(), limit_s=PART_S)
            return
        if self._pending:
            await self._send_part()
        await self._bucket.complete(self.key, self._id, self._marks, limit_s=PART_S)

    async def abandon(self) -> None:
        """Leave nothing of it."""
        if self._id:
            await self._bucket.abort(self.key, self._id)
        else:
            await self._bucket.delete(self.key, limit_s=ANSWER_S)

    def _add(self, piece: memoryview) -> None:
        self._pending += piece
        self._part_digest.update(piece)

    async def _send_part(self) -> None:
        if not self._id:
            self._id = await self._bucket.begin(self.key)
        body, sha256 = bytes(self._pending), self._part_digest.hexdigest()
        self._pending.clear()
        self._part_digest = hashlib.sha256()
        number = len(self._marks) + 1
        self._marks.append(await self._bucket.put_part(self.key, self._id, number, body, sha256, PART_S))


def _place(tenant_id: TenantId, sha256: bytes) -> str:
    name = sha256.hex()
    return f"{_KEPT}{name[:2]}/{tenant_id}/{name}"
