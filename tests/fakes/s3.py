"""An S3 server for tests: one bucket in memory, which checks every signature and digest by itself.

What it answers is that of the Amazon S3 API reference (docs.aws.amazon.com/AmazonS3/latest/API/): the actions
PutObject, GetObject, HeadObject, DeleteObject, CopyObject, CreateMultipartUpload, UploadPart, CompleteMultipartUpload,
AbortMultipartUpload, ListMultipartUploads and ListObjectsV2, and "Error responses".
"""

import hashlib
import hmac
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote
from uuid import uuid4

from aiohttp import web
from aiohttp.test_utils import TestServer

KEY_ID, KEY, REGION, BUCKET = "AKIDEXAMPLE", "c4nary/secret+key", "eu-central-1", "originals"
LEAST_PART_BYTES = 5 << 20


class Wrong(Exception):
    """A request that S3 refuses, by its status and its word for it."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


@dataclass
class Upload:
    """An upload in parts that is not complete."""

    key: str
    at: datetime
    parts: dict[int, bytes] = field(default_factory=dict[int, bytes])


@dataclass
class FakeS3:
    """The bucket. `trouble` answers the next requests in its place; `page` is how many keys a list has."""

    objects: dict[str, tuple[bytes, datetime]] = field(default_factory=dict[str, tuple[bytes, datetime]])
    uploads: dict[str, Upload] = field(default_factory=dict[str, Upload])
    asked: list[str] = field(default_factory=list[str])
    trouble: list[Callable[[web.Request], web.StreamResponse | None]] = field(
        default_factory=list[Callable[[web.Request], web.StreamResponse | None]]
    )
    page: int = 1000
    least_part_bytes: int = LEAST_PART_BYTES
    largest_body: int = 0

    def age(self, seconds: float) -> None:
        """Let all that is there be older."""
        older = timedelta(seconds=seconds)
        self.objects = {key: (body, at - older) for key, (body, at) in self.objects.items()}
        for upload in self.uploads.values():
            upload.at -= older

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        body = await request.read()
        self.largest_body = max(self.largest_body, len(body))
        self.asked.append(f"{request.method} {request.raw_path}")
        if self.trouble and (told := self.trouble.pop(0)(request)) is not None:
            return told
        try:
            check_signature(request, body)
            bucket, _, key = unquote(request.raw_path.partition("?")[0]).lstrip("/").partition("/")
            if bucket != BUCKET:
                raise Wrong(404, "NoSuchBucket")
            return self._done(request, key, body)
        except Wrong as error:
            text = f"<?xml version='1.0'?><Error><Code>{error.code}</Code><Message>no</Message></Error>"
            return web.Response(status=error.status, text="" if request.method == "HEAD" else text)

    def _done(self, request: web.Request, key: str, body: bytes) -> web.Response:
        query = request.query
        match request.method:
            case "GET" | "HEAD" if key:
                return web.Response(body=self._found(key))
            case "GET":
                after = query.get("continuation-token", "")
                return self._uploads(query["prefix"]) if "uploads" in query else self._keys(query["prefix"], after)
            case "POST" if "uploads" in query:
                upload_id = uuid4().hex
                self.uploads[upload_id] = Upload(key, datetime.now(UTC))
                return web.Response(text=f"<Result><UploadId>{upload_id}</UploadId></Result>")
            case "POST":
                return self._complete(query["uploadId"], body)
            case "DELETE":
                return self._delete(key, query.get("uploadId"))
            case _:
                return self._put(request, key, body)

    def _delete(self, key: str, upload_id: str | None) -> web.Response:
        if upload_id is None:
            self.objects.pop(key, None)
        elif self.uploads.pop(upload_id, None) is None:
            raise Wrong(404, "NoSuchUpload")
        return web.Response(status=204)

    def _put(self, request: web.Request, key: str, body: bytes) -> web.Response:
        source = request.headers.get("x-amz-copy-source", "")
        if source:
            body = self._found(unquote(source).removeprefix(f"/{BUCKET}/"))
            span = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("x-amz-copy-source-range", ""))
            body = body[int(span[1]) : int(span[2]) + 1] if span else body
        mark = f'"{hashlib.md5(body).hexdigest()}"'  # noqa: S324 - S3's own mark
        if "uploadId" in request.query:
            upload = self.uploads.get(request.query["uploadId"])
            if upload is None:
                raise Wrong(404, "NoSuchUpload")
            upload.parts[int(request.query["partNumber"])] = body
        else:
            self.objects[key] = (body, datetime.now(UTC))
        told = f"<CopyResult><ETag>{mark.replace(chr(34), '&quot;')}</ETag></CopyResult>" if source else ""
        return web.Response(text=told, headers={"ETag": mark})

    def _found(self, key: str) -> bytes:
        if key not in self.objects:
            raise Wrong(404, "NoSuchKey")
        return self.objects[key][0]

    def _complete(self, upload_id: str, body: bytes) -> web.Response:
        upload = self.uploads.get(upload_id)
        if upload is None:
            raise Wrong(404, "NoSuchUpload")
        named = re.findall(r"<PartNumber>(\d+)</PartNumber><ETag>\"?(\w+)\"?</ETag>", body.decode())
        parts = [upload.parts.get(int(number), b"") for number, _ in named]
        for part, (_, mark) in zip(parts, named, strict=True):
            if hashlib.md5(part).hexdigest() != mark:  # noqa: S324 - S3's own mark
                raise Wrong(400, "InvalidPart")
        if any(len(part) < self.least_part_bytes for part in parts[:-1]):
            raise Wrong(400, "EntityTooSmall")
        del self.uploads[upload_id]
        self.objects[upload.key] = (b"".join(parts), datetime.now(UTC))
        return web.Response(text=f"<Result><Key>{upload.key}</Key></Result>")

    def _keys(self, prefix: str, after: str) -> web.Response:
        keys = [key for key in sorted(self.objects) if key.startswith(prefix) and key > after]
        shown = keys[: self.page]
        entries = "".join(
            f"<Contents><Key>{key}</Key><LastModified>{stamp(self.objects[key][1])}</LastModified></Contents>"
            for key in shown
        )
        more = f"<NextContinuationToken>{shown[-1]}</NextContinuationToken>" if len(keys) > self.page else ""
        return web.Response(text=f"<ListBucketResult>{entries}{more}</ListBucketResult>")

    def _uploads(self, prefix: str) -> web.Response:
        entries = "".join(
            f"<Upload><Key>{one.key}</Key><UploadId>{upload_id}</UploadId><Initiated>{stamp(one.at)}</Initiated></Upload>"
            for upload_id, one in self.uploads.items()
            if one.key.startswith(prefix)
        )
        return web.Response(text=f"<ListMultipartUploadsResult>{entries}</ListMultipartUploadsResult>")


def stamp(at: datetime) -> str:
    """A time as S3 writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def check_signature(request: web.Request, body: bytes) -> None:
    """Sign what came over the wire anew, and compare. Raises Wrong."""
    found = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request,SignedHeaders=([^,]+),Signature=(\w{64})",
        request.headers.get("Authorization", ""),
    )
    if found is None or found[1] != KEY_ID:
        raise Wrong(403, "InvalidAccessKeyId" if found else "AccessDenied")
    if found[3] != REGION:
        raise Wrong(400, "AuthorizationHeaderMalformed")
    digest = request.headers["x-amz-content-sha256"]
    if digest != hashlib.sha256(body).hexdigest():
        raise Wrong(400, "XAmzContentSHA256Mismatch")
    path, _, query = request.raw_path.partition("?")
    names = found[4].split(";")
    if not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names):
        raise Wrong(403, "AccessDenied")
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names)
    canonical = f"{request.method}\n{path}\n{'&'.join(sorted(query.split('&')))}\n{headers}\n{found[4]}\n{digest}"
    scope = f"{found[2]}/{found[3]}/s3/aws4_request"
    text = (
        f"AWS4-HMAC-SHA256\n{request.headers['x-amz-date']}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    )
    key = f"AWS4{KEY}".encode()
    for word in (*scope.split("/"), text):
        key = hmac.digest(key, word.encode(), "sha256")
    if key.hex() != found[5]:
        raise Wrong(403, "SignatureDoesNotMatch")


@asynccontextmanager
async def serving() -> AsyncGenerator[tuple[FakeS3, str]]:
    """Lend a server, and the address of its bucket."""
    fake = FakeS3()
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", fake.answer)
    async with TestServer(app, skip_url_asserts=True) as server:
        yield fake, f"http://{server.host}:{server.port}/{BUCKET}"
