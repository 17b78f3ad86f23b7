"""Originals of uploads, content-addressed within a tenant, wherever they are kept."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from app.ids import TenantId
from app.standing import Standing

STORE = "blobs"
LISTED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Staged:
    """Bytes that are stored but do not count yet: `Blobs.keep` or `Blobs.drop` must follow. `place` is the store's."""

    tenant_id: TenantId
    place: str
    sha256: bytes
    size_bytes: int


class Blobs(Protocol):
    """One blob a (tenant, SHA-256); never shared across tenants: nobody can ask what others own.

    A blob is written aside first and put in its place when it is whole and safe, so a reader never sees half of one.
    Every method raises StoreUnavailable(store="blobs") when the store does not do what it is asked, or not in time;
    only `remove` waits for as long as it takes.
    """

    standing: Standing

    async def put(self, tenant_id: TenantId, chunks: AsyncIterator[bytes], *, limit_bytes: int) -> Staged:
        """Write `chunks` aside and hash them on the way; no more than a few megabytes are in memory at a time.

        Raises BodyTooLarge as soon as more than `limit_bytes` came; whatever ends it early leaves nothing behind.
        """
        ...

    async def keep(self, staged: Staged) -> None:
        """Give the staged bytes their place. Keeping the same content twice is the same as once."""
        ...

    async def drop(self, staged: Staged) -> None:
        """Forget staged bytes that are not wanted; those that were kept stay."""
        ...

    def open(self, tenant_id: TenantId, sha256: bytes) -> AbstractAsyncContextManager[BinaryIO]:
        """Lend the blob as a file that has a descriptor. Raises FileNotFoundError when there is none."""
        ...

    def read(self, tenant_id: TenantId, sha256: bytes, part: range | None = None) -> AsyncGenerator[bytes]:
        """Yield the blob, or these bytes of it, in pieces of a megabyte at most. Raises FileNotFoundError."""
        ...

    async def remove(self, tenant_id: TenantId, sha256: bytes) -> None:
        """Remove the blob if it is there. The caller makes sure that nothing refers to it until this has ended.

        So it waits for as long as it takes: a removal that was given up could take away what was added after it.
        """
        ...

    async def remove_staged(self, *, older_than_s: float) -> int:
        """Remove staged bytes whose upload ended without a word (the process died); return how many."""
        ...

    async def list_old(self, first_byte: int, *, older_than_s: float) -> list[tuple[TenantId, bytes]]:
        """Return the blobs (tenant, sha256) whose hash begins with `first_byte` and that are older than `older_than_s`.

        A 256th of all, and at most 10,000.
        """
        ...

    async def look(self) -> None:
        """Write a few bytes, as an upload would. Raises StoreUnavailable."""
        ...
