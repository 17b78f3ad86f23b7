"""Hands out bytes that somebody uploaded, so that no browser takes them for a page of ours."""

import asyncio
import re
import unicodedata
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from urllib.parse import quote

from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from app.api.gone import unless_left
from app.api.problems import ClientLeft, RangeUnsatisfiable
from app.api.routing import Doc, Parameter, Success
from app.api.sse import SEND_LIMIT_S
from app.errors import DocumentUnknown, StoreUnavailable

_PLAIN = re.compile(r"[^A-Za-z0-9 ._()-]")
_RANGE = re.compile(r"bytes=(?:([0-9]{1,15})-([0-9]{1,15})?|-([0-9]{1,15}))")

ORIGINAL = Doc(
    summary="Download what was uploaded",
    tag="documents",
    text="Byte for byte, as a file to be saved: browsers neither show it nor guess what it is. `Range` asks for a part "
    "(`bytes=0-99`), `If-Range` with the `ETag` for one of the same file; several ranges at once bring the whole.",
    parameters=(
        Parameter("range", "header", "The bytes that are wanted: `bytes=0-99`, `bytes=100-`, `bytes=-100`."),
        Parameter(
            "if-range", "header", "The `ETag` of the file of which a part is wanted; of another comes the whole."
        ),
    ),
    successes={
        200: Success(
            "The file",
            media_type="application/octet-stream",
            headers={"content-disposition": "Its name", "content-length": "Its size", "etag": "Its SHA-256"},
        ),
        206: Success(
            "A part of the file",
            media_type="application/octet-stream",
            headers={"content-range": "Which bytes, and of how many", "etag": "The SHA-256 of the whole"},
        ),
    },
    refusals=(DocumentUnknown, RangeUnsatisfiable, StoreUnavailable),
)


class Download(ASGIResponse):
    """Sends `pieces` as a file to be saved, as fast as the client takes them; a client that leaves ends it.

    What cannot be read to its end breaks the connection off, so nobody takes a part for the whole.
    """

    def __init__(self, pieces: AsyncGenerator[bytes], headers: Mapping[str, str], part: range | None = None) -> None:
        """`headers` are those of the whole file, `part` the bytes of it that `pieces` are."""
        super().__init__(status_code=200 if part is None else 206)
        self._pieces = pieces
        self._file_headers = headers if part is None else _headers_of_part(headers, part)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Run the response."""
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in self._file_headers.items()]
        async with aclosing(self._pieces):
            await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
            try:
                async with unless_left(receive):
                    await self._send_all(send)
            except ClientLeft:
                return

    async def _send_all(self, send: Send) -> None:
        async for piece in self._pieces:
            async with asyncio.timeout(SEND_LIMIT_S):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def etag_of(sha256: str) -> str:
    """Return the strong validator of content with that hash."""
    return f'"{sha256}"'


def part_of(asked: str | None, only_if: str | None, size_bytes: int, etag: str) -> range | None:
    """Return the bytes that the headers Range and If-Range ask for, of a file of that size; None: all of it.

    What is no range of bytes, or several, is passed over, as RFC 9110 section 14.2 allows. Raises RangeUnsatisfiable.
    """
    found = _RANGE.fullmatch(asked or "")
    if found is None or only_if not in {None, etag}:
        return None
    first, last, final = (None if digits is None else int(digits) for digits in found.groups())
    if first is None:
        first = size_bytes - min(final or 0, size_bytes)
    elif last is not None and last < first:
        return None
    if first >= size_bytes:
        raise RangeUnsatisfiable(f"the file has {size_bytes} bytes", size_bytes=size_bytes)
    return range(first, size_bytes if last is None else min(last + 1, size_bytes))


def _headers_of_part(headers: Mapping[str, str], part: range) -> dict[str, str]:
    size = headers["content-length"]
    span = f"bytes {part.start}-{part.stop - 1}/{size}"
    return {**headers, "content-length": str(len(part)), "content-range": span}


def file_headers(name: str, media_type: str, size_bytes: int, sha256: str) -> dict[str, str]:
    """Return the headers of a file that a browser saves and neither shows, guesses at nor runs.

    The name comes in two forms (RFC 6266, appendix D): in ASCII for old clients, and whole (RFC 8187).
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = _PLAIN.sub("_", ascii_name).strip(" .") or "document"
    return {
        "content-type": media_type,
        "content-length": str(size_bytes),
        "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "etag": etag_of(sha256),
        "accept-ranges": "bytes",
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "no-store",
    }
