"""Reads a multipart upload as it arrives: the file is never whole in memory."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from email.message import Message
from typing import TypeAlias

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from app.api.auth import HttpRequest
from app.api.bodies import read_chunks
from app.errors import BadInput, BodyTooLarge, MediaTypeUnknown

FIELD = "file"
# Boundaries and part headers around the file.
ENVELOPE_BYTES = 64 * 1024
PARTS = 8

_Event: TypeAlias = MultipartSegment | bytes | bytearray | None


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """The head of the file part, and its bytes as they come. `body` raises BodyTooLarge, BadInput, ClientLeft."""

    name: str
    media_type: str
    body: AsyncGenerator[bytes]


@asynccontextmanager
async def read_upload(request: HttpRequest, limit_bytes: int) -> AsyncGenerator[UploadedFile]:
    """Lend the part called `file`. Raises MediaTypeUnknown, BodyTooLarge, BadInput, ClientLeft."""
    async with aclosing(_events(request, limit_bytes + ENVELOPE_BYTES)) as events:
        head = await _find(events)
        async with aclosing(_file(events, limit_bytes)) as body:
            yield UploadedFile(head.filename or "", head.content_type or "", body)


async def _find(events: AsyncGenerator[_Event]) -> MultipartSegment:
    async for event in events:
        if isinstance(event, MultipartSegment) and event.name == FIELD:
            if not event.filename:
                raise BadInput("the part `file` has no file name", field=FIELD)
            return event
    raise BadInput("there is no part called `file`", field=FIELD)


async def _file(events: AsyncGenerator[_Event], limit_bytes: int) -> AsyncGenerator[bytes]:
    """Yield the file's bytes; then read on to the end, so that a body cut short is never taken for a whole one."""
    seen, inside = 0, True
    async for event in events:
        if isinstance(event, MultipartSegment):
            if event.name == FIELD:
                raise BadInput("there is more than one part called `file`", field=FIELD)
        elif event is None:
            inside = False
        elif inside:
            seen += len(event)
            if seen > limit_bytes:
                raise BodyTooLarge(f"a file may have {limit_bytes} bytes", limit_bytes=limit_bytes)
            yield bytes(event)


async def _events(request: HttpRequest, limit_bytes: int) -> AsyncGenerator[_Event]:
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    kind, boundary = header.get_content_type(), header.get_boundary("")
    if kind != "multipart/form-data" or not boundary:
        raise MediaTypeUnknown("the body must be multipart/form-data with a boundary", media_type=kind[:100])
    try:
        with PushMultipartParser(boundary, max_segment_count=PARTS, strict=True) as parser:
            async with aclosing(read_chunks(request, limit_bytes)) as chunks:
                async for chunk in chunks:
                    for event in parser.parse(chunk):
                        yield event
    except MultipartError as error:
        raise BadInput(f"the multipart body cannot be read: {error}", field=FIELD) from error
