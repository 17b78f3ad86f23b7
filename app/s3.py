"""The requests of S3 that blobs need, to one bucket (Amazon S3 API reference, "Actions")."""

import asyncio
import hashlib
import io
import random
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from app.s3_causes import Refusal
from app.signing import EMPTY, Signer, encoded, query_of

TRIES = 3
BUDGET = 10.0
"""Requests that may be sent again at once; each that goes well brings back a tenth of one."""
REFILL = 0.1
PAUSE_S = 0.1
AGAIN = frozenset({429, 500, 502, 503, 504})
BODY_BYTES = 4 << 20
"""Of an answer that is no blob: a list of a thousand keys has less than one."""
COPY_BYTES = 5 << 30
"""The most that one request copies (CopyObject)."""

_ENTRY = re.compile(r"<(?:Contents|Upload)>(.*?)</(?:Contents|Upload)>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Listed:
    """A key of the bucket, or an upload in parts that is not complete, and when it was written or begun."""

    key: str
    at: datetime
    upload_id: str = ""


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    sha256: str = EMPTY


class Bucket:
    """One bucket, addressed by its path. Every method raises Refusal, aiohttp.ClientError or TimeoutError.

    A request that may not have been taken is sent again, three times at most and within a budget that all share: each
    means the same twice. `answer_s` is how long one may take each time.
    """

    def __init__(self, session: aiohttp.ClientSession, address: str, signer: Signer, *, answer_s: float) -> None:
        parts = urlsplit(address)
        self._session = session
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._host = parts.netloc
        self._base = parts.path.rstrip("/")
        bucket, _, folder = self._base.lstrip("/").partition("/")
        self._bucket = f"/{bucket}"
        self._folder = f"{folder}/" if folder else ""
        self._signer = signer
        self._answer_s = answer_s
        self._budget = BUDGET

    async def put(self, key: str, body: bytes, sha256: str, *, limit_s: float | None = None) -> None:
        """Store an object (PutObject)."""
        await self._ask(_Request("PUT", key, {}, {}, body, sha256), limit_s or self._answer_s)

    async def begin(self, key: str) -> str:
        """Begin an upload in parts (CreateMultipartUpload); return its id."""
        return _first("UploadId", await self._ask(_Request("POST", key, {"uploads": ""}, {}), self._answer_s))

    async def put_part(self, key: str, upload_id: str, number: int, body: bytes, sha256: str, limit_s: float) -> str:
        """Store a part (UploadPart), of 5 MiB at least unless it is the last; return its mark."""
        query = {"partNumber": str(number), "uploadId": upload_id}
        return (await self._sent(_Request("PUT", key, query, {}, body, sha256), limit_s))[1]

    async def complete(self, key: str, upload_id: str, marks: Sequence[str], *, limit_s: float) -> None:
        """Make an object of the parts (CompleteMultipartUpload). It may be that an earlier try already did."""
        listed = (f"<Part><PartNumber>{n}</PartNumber><ETag>{mark}</ETag></Part>" for n, mark in enumerate(marks, 1))
        body = f"<CompleteMultipartUpload>{''.join(listed)}</CompleteMultipartUpload>".encode()
        try:
            await self._ask(_Request("POST", key, {"uploadId": upload_id}, {}, body, _digest(body)), limit_s)
        except Refusal as error:
            if error.code != "NoSuchUpload" or not await self.holds(key):
                raise

    async def abort(self, key: str, upload_id: str) -> None:
        """Forget an upload in parts, if it is still there (AbortMultipartUpload)."""
        try:
            await self._ask(_Request("DELETE", key, {"uploadId": upload_id}, {}), self._answer_s)
        except Refusal as error:
            if error.code != "NoSuchUpload":
                raise

    async def copy(self, source: str, target: str, size_bytes: int, *, limit_s: float) -> None:
        """Copy an object within the bucket (CopyObject, or UploadPartCopy where it is large)."""
        headers = {"x-amz-copy-source": encoded(f"{self._bucket}/{self._folder}{source}")}
        if size_bytes <= COPY_BYTES:
            await self._ask(_Request("PUT", target, {}, headers), limit_s)
            return
        upload_id = await self.begin(target)
        marks: list[str] = []
        for number, first in enumerate(range(0, size_bytes, COPY_BYTES), 1):
            span = f"bytes={first}-{min(first + COPY_BYTES, size_bytes) - 1}"
            query = {"partNumber": str(number), "uploadId": upload_id}
            told = await self._ask(
                _Request("PUT", target, query, {**headers, "x-amz-copy-source-range": span}), limit_s
            )
            marks.append(_first("ETag", told))
        await self.complete(target, upload_id, marks, limit_s=limit_s)

    async def holds(self, key: str) -> bool:
        """Whether there is such an object (HeadObject)."""
        try:
            await self._ask(_Request("HEAD", key, {}, {}), self._answer_s)
        except Refusal as error:
            if error.status != 404:
                raise
            return False
        return True

    async def delete(self, key: str, *, limit_s: float | None) -> None:
        """Remove an object if it is there (DeleteObject)."""
        await self._ask(_Request("DELETE", key, {}, {}), limit_s)

    async def keys(self, prefix: str, limit: int) -> list[Listed]:
        """Return up to `limit` objects whose keys begin so, in the order of their keys (ListObjectsV2)."""
        found: list[Listed] = []
        query = {"list-type": "2", "prefix": self._folder + prefix}
        while True:
            told = await self._ask(_Request("GET", "", query, {}), self._answer_s)
            found += self._listed(told, "LastModified")
            following = _first("NextContinuationToken", told)
            if not following or len(found) >= limit:
                return found[:limit]
            query = {**query, "continuation-token": following}

    async def uploads(self, prefix: str) -> list[Listed]:
        """Return a thousand uploads in parts at most that are not complete (ListMultipartUploads)."""
        query = {"uploads": "", "prefix": self._folder + prefix}
        return self._listed(await self._ask(_Request("GET", "", query, {}), self._answer_s), "Initiated")

    @asynccontextmanager
    async def read(self, key: str) -> AsyncGenerator[AsyncIterator[bytes]]:
        """Lend the content of an object in pieces (GetObject). Raises Refusal with status 404 where there is none."""
        async with self._reply(_Request("GET", key, {}, {}), self._answer_s) as reply:
            yield self._pieces(reply)

    async def _pieces(self, reply: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
        while True:
            async with asyncio.timeout(self._answer_s):
                piece = await reply.content.read(1 << 20)
            if not piece:
                return
            yield piece

    def _listed(self, told: str, at: str) -> list[Listed]:
        entries = (found[1] for found in _ENTRY.finditer(told))
        return [
            Listed(
                _first("Key", entry).removeprefix(self._folder),
                datetime.fromisoformat(_first(at, entry)),
                _first("UploadId", entry),
            )
            for entry in entries
        ]

    async def _ask(self, request: _Request, limit_s: float | None) -> str:
        return (await self._sent(request, limit_s))[0]

    async def _sent(self, request: _Request, limit_s: float | None) -> tuple[str, str]:
        """Return the body and the mark (ETag) of the answer."""
        for number in range(1, TRIES + 1):
            try:
                done = await self._send(request, limit_s)
            except (Refusal, aiohttp.ClientError, TimeoutError) as error:
                if number == TRIES or not self._may_repeat(error):
                    raise
            else:
                self._budget = min(BUDGET, self._budget + REFILL)
                return done
            await asyncio.sleep(PAUSE_S * 2**number * random.random())  # noqa: S311 - spreads what comes again
        raise AssertionError("unreachable")

    def _may_repeat(self, error: Exception) -> bool:
        if (isinstance(error, Refusal) and error.status not in AGAIN) or self._budget < 1:
            return False
        self._budget -= 1
        return True

    async def _send(self, request: _Request, limit_s: float | None) -> tuple[str, str]:
        async with self._reply(request, limit_s) as reply, asyncio.timeout(limit_s):
            told = (await reply.content.read(BODY_BYTES)).decode("utf-8", "replace")
            # Copying and completing begin to answer before they know how it ends.
            if "<Error>" in told[:1000]:
                raise Refusal(500, _first("Code", told), _first("Message", told))
            return told, reply.headers.get("ETag", "")

    @asynccontextmanager
    async def _reply(self, request: _Request, limit_s: float | None) -> AsyncGenerator[aiohttp.ClientResponse]:
        path = encoded(f"{self._bucket}/{self._folder}{request.key}" if request.key else self._bucket)
        headers = self._signer.sign(
            request.method,
            path,
            request.query,
            {"host": self._host, **request.headers},
            body_sha256=request.sha256,
            at=datetime.now(UTC),
        )
        url = URL(
            f"{self._origin}{path}?{query_of(request.query)}" if request.query else f"{self._origin}{path}",
            encoded=True,
        )
        body = io.BytesIO(request.body) if request.body else None
        if body is None:
            headers["content-length"] = "0"
        async with asyncio.timeout(limit_s):
            reply = await self._session.request(request.method, url, headers=headers, data=body, allow_redirects=False)
        async with reply:
            if reply.status >= 300:
                async with asyncio.timeout(limit_s):
                    told = (await reply.content.read(BODY_BYTES)).decode("utf-8", "replace")
                raise Refusal(reply.status, _first("Code", told), _first("Message", told))
            yield reply


@asynccontextmanager
async def open_bucket(address: str, signer: Signer, *, answer_s: float, tls_ca: str | None) -> AsyncGenerator[Bucket]:
    """Open the connections to a bucket."""
    context = ssl.create_default_context(cafile=tls_ca) if tls_ca is not None else True
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=32, ssl=context, keepalive_timeout=15),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=3.0),
        auto_decompress=False,
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        yield Bucket(session, address, signer, answer_s=answer_s)


def _first(name: str, told: str) -> str:
    """Return the text of the first element of that name; no name of ours or of S3 has one inside of it."""
    found = re.search(rf"<{name}>([^<]*)</{name}>", told)
    return unescape(found[1]) if found is not None else ""


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
