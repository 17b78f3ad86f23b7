"""Reads a multipart upload as it arrives: the file is never whole in memory."""

import re
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from app.api.auth import HttpRequest
from app.api.bodies import check_coding, read_chunks
from app.api.dispositions import FIELD, parse_disposition
from app.errors import BadInput, BodyTooLarge, MediaTypeUnknown

# Boundaries and part headers around the file.
ENVELOPE_BYTES = 64 * 1024
PARTS = 16
FIELD_BYTES = 8 * 1024
"""Of a field beside the file: those are kept in memory."""
HEAD_LINE_BYTES = 4096
HEAD_LINES = 8
# RFC 2046 section 5.1.1: 1 to 70 characters, the last one no blank.
_BOUNDARY = re.compile(
    r";[ \t]*boundary[ \t]*=[ \t]*(?:\"(?P<quoted>[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-])\""
    r"|(?P<bare>[0-9A-Za-z'+_./:=?&#$%!^`|~*-]{1,70}))[ \t]*(?:;|\Z)",
    re.ASCII | re.IGNORECASE,
)
# What a part's bytes are as they are: RFC 7578 section 4.7 knows no others over HTTP.
_AS_THEY_ARE = frozenset({"", "binary", "8bit", "7bit"})


class Part(MultipartSegment):
    """The head of one part, read by rules of our own."""

    def __init__(self, lines: Sequence[tuple[str, str]]) -> None:
        super().__init__([])
        heads = [value.encode("latin-1") for name, value in lines if name == "Content-Disposition"]
        if len(heads) != 1:
            raise BadInput("a part of the form needs one Content-Disposition", field=FIELD)
        _check_codings(lines)
        told = parse_disposition(heads[0])
        self.name, self.filename = told.name, told.file_name
        media_types = [value for name, value in lines if name == "Content-Type"]
        self.content_type = media_types[0].strip() if media_types else None


class Parser(PushMultipartParser):
    """Finds the parts; header bytes come as Latin-1 characters, one each, so that none is lost before we look."""

    def __init__(self, boundary: str) -> None:
        super().__init__(
            boundary,
            max_header_size=HEAD_LINE_BYTES,
            max_header_count=HEAD_LINES,
            max_segment_count=PARTS,
            header_charset="latin-1",
            strict=True,
        )

    def _create_segment(self, headerlist: list[tuple[str, str]]) -> Part:
        return Part(headerlist)


_Event: TypeAlias = MultipartSegment | bytes | bytearray | None


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """The head of the file part and its bytes as they come; `media_type` is its Content-Type with all parameters.

    `body` raises BodyTooLarge, BadInput, ClientLeft. `fields` are all there once it has ended: they may follow it.
    """

    name: str
    media_type: str
    body: AsyncGenerator[bytes]
    fields: Mapping[str, Sequence[str]]


class _Fields:
    """The fields beside the file, as they come."""

    def __init__(self, known: Collection[str]) -> None:
        self.values: dict[str, list[str]] = {}
        self._known = known
        self._name = ""
        self._value = bytearray()

    def take(self, event: _Event) -> None:
        if isinstance(event, MultipartSegment):
            self._name, self._value = event.name or "", bytearray()
            if self._name not in self._known:
                known = ", ".join((FIELD, *sorted(self._known)))
                raise BadInput(f"this form has no field `{self._name[:40]}`, but {known}", field=self._name[:40])
        elif event is not None:
            self._value += event
            if len(self._value) > FIELD_BYTES:
                raise BadInput(f"a field may have {FIELD_BYTES} bytes", field=self._name, limit_bytes=FIELD_BYTES)
        else:
            try:
                self.values.setdefault(self._name, []).append(self._value.decode())
            except UnicodeDecodeError as error:
                raise BadInput("a field must be in UTF-8", field=self._name) from error


@asynccontextmanager
async def read_upload(
    request: HttpRequest, limit_bytes: int, known: Collection[str] = ()
) -> AsyncGenerator[UploadedFile]:
    """Lend the part called `file`, and the fields beside it, of those that are `known`.

    Raises MediaTypeUnknown, CodingUnknown, BodyTooLarge, BadInput, ClientLeft.
    """
    fields = _Fields(known)
    async with aclosing(_events(request, limit_bytes + ENVELOPE_BYTES)) as events:
        head = await _find(events, fields)
        async with aclosing(_file(events, fields, limit_bytes)) as body:
            yield UploadedFile(head.filename or "", head.content_type or "", body, fields.values)


async def _find(events: AsyncGenerator[_Event], fields: _Fields) -> MultipartSegment:
    async for event in events:
        if not (isinstance(event, MultipartSegment) and event.name == FIELD):
            fields.take(event)
        elif event.filename:
            return event
        else:
            raise BadInput("the part `file` has no file name", field=FIELD)
    raise BadInput("there is no part called `file`", field=FIELD)


async def _file(events: AsyncGenerator[_Event], fields: _Fields, limit_bytes: int) -> AsyncGenerator[bytes]:
    """Yield the file's bytes; then read on to the end, so that a body cut short is never taken for a whole one."""
    seen, inside = 0, True
    async for event in events:
        if isinstance(event, MultipartSegment) and event.name == FIELD:
            raise BadInput("there is more than one part called `file`", field=FIELD)
        if not inside:
            fields.take(event)
        elif isinstance(event, (bytes, bytearray)):
            seen += len(event)
            if seen > limit_bytes:
                raise BodyTooLarge(f"a file may have {limit_bytes} bytes", limit_bytes=limit_bytes)
            yield bytes(event)
        else:
            inside = False


async def _events(request: HttpRequest, limit_bytes: int) -> AsyncGenerator[_Event]:
    parser = Parser(_boundary_of(request.headers.get("content-type", "")))
    try:
        async with aclosing(read_chunks(request, limit_bytes)) as chunks:
            async for chunk in chunks:
                for event in parser.parse(chunk):
                    yield event
    except ParserLimitReached as error:
        raise BadInput(
            f"a form may have {PARTS} parts, each with {HEAD_LINES} header lines of {HEAD_LINE_BYTES} bytes",
            field=FIELD,
        ) from error
    except MultipartError as error:
        raise BadInput("the multipart form is not well-formed", field=FIELD) from error
    try:
        parser.close()
    except MultipartError as error:
        raise BadInput("the multipart form ends before its last boundary", field=FIELD) from error


def _boundary_of(content_type: str) -> str:
    kind, _, parameters = content_type.partition(";")
    found = _BOUNDARY.search(f";{parameters}")
    if kind.strip().lower() != "multipart/form-data" or found is None:
        raise MediaTypeUnknown(
            "the body must be multipart/form-data with a boundary", media_type=kind.strip().lower()[:100]
        )
    return found.group("quoted") or found.group("bare")


def _check_codings(lines: Sequence[tuple[str, str]]) -> None:
    for name, value in lines:
        if name == "Content-Encoding":
            check_coding(value)
        if name == "Content-Transfer-Encoding" and value.strip().lower() not in _AS_THEY_ARE:
            raise BadInput("a part must be sent as it is, without a Content-Transfer-Encoding", field=FIELD)
