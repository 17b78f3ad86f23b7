"""Reads request bodies: bounded, aware of a client that leaves, decoded once."""

import asyncio
import codecs
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar
from uuid import UUID

import msgspec
from litestar.types import HTTPReceiveMessage, Receive, WebSocketReceiveMessage

from app.api.auth import HttpRequest
from app.api.problems import BodyTooSlow, ClientLeft, CodingUnknown
from app.api.wording import explain
from app.errors import BadInput, BodyTooLarge, MediaTypeUnknown, SwitchyardError

BODY_GAP_S = 30.0

T = TypeVar("T")

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def declared_bytes(request: HttpRequest) -> int:
    """Return Content-Length, or 0 when the body is chunked or absent."""
    value = request.headers.get("content-length", "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 20 else 0


def check_coding(codings: str) -> None:
    """Raise CodingUnknown unless the value of a Content-Encoding header says that the content is as it is.

    Decoding is not offered: what a megabyte unpacks to has no limit that its sender keeps.
    """
    if any(coding.strip().lower() not in {"", "identity"} for coding in codings.split(",")):
        raise CodingUnknown("the body must be sent as it is, without a content coding")


async def read_chunks(request: HttpRequest, limit_bytes: int) -> AsyncGenerator[bytes]:
    """Yield the body as it arrives.

    Raises CodingUnknown, BodyTooLarge before or as the limit is passed, BodyTooSlow when nothing comes for a while,
    ClientLeft.
    """
    check_coding(",".join(request.headers.getall("content-encoding", [])))
    if declared_bytes(request) > limit_bytes:
        raise BodyTooLarge(f"the body may have {limit_bytes} bytes", limit_bytes=limit_bytes)
    receive: Receive = request.receive
    seen, more = 0, True
    while more:
        message = await _next(receive)
        if message["type"] != "http.request":
            raise ClientLeft("the client left before its body was complete")
        chunk, more = message.get("body", b""), message.get("more_body", False)
        seen += len(chunk)
        if seen > limit_bytes:
            raise BodyTooLarge(f"the body may have {limit_bytes} bytes", limit_bytes=limit_bytes)
        if chunk:
            yield chunk


async def _next(receive: Receive) -> HTTPReceiveMessage | WebSocketReceiveMessage:
    try:
        async with asyncio.timeout(BODY_GAP_S):
            return await receive()
    except TimeoutError as error:
        raise BodyTooSlow("nothing more of the body came", waited_s=BODY_GAP_S) from error


async def read_json(request: HttpRequest, decoder: "msgspec.json.Decoder[T]", limit_bytes: int) -> T:
    """Return the decoded body. Raises MediaTypeUnknown, CodingUnknown, BodyTooLarge, BadInput, ClientLeft."""
    check_json(request)
    return decode(decoder, await read_whole(request, limit_bytes))


def check_json(request: HttpRequest) -> None:
    """Raise MediaTypeUnknown unless the body says that it is JSON."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise MediaTypeUnknown("the body must be application/json", media_type=media_type[:100])


async def read_whole(request: HttpRequest, limit_bytes: int) -> bytes:
    """Return the body, whatever its media type. Raises CodingUnknown, BodyTooLarge, BodyTooSlow, ClientLeft."""
    async with aclosing(read_chunks(request, limit_bytes)) as chunks:
        parts = [chunk async for chunk in chunks]
    return parts[0] if len(parts) == 1 else b"".join(parts)


def decode(decoder: "msgspec.json.Decoder[T]", body: bytes) -> T:
    """Return the value of the JSON `body`. Raises BadInput naming the field; values are never repeated."""
    try:
        # What was saved on Windows may begin with a mark, which is no JSON (RFC 8259, 8.1: it may be ignored).
        return decoder.decode(body.removeprefix(codecs.BOM_UTF8))
    except msgspec.ValidationError as error:
        words, field = explain(str(error))
        raise BadInput(words, field=field) from error
    except msgspec.DecodeError as error:
        if _SURROGATE.search(body):
            raise BadInput("a string holds half of a surrogate pair (\\ud800 to \\udfff)") from error
        raise BadInput("the body is not JSON" if body.strip() else "the body is empty") from error
    except UnicodeDecodeError as error:
        raise BadInput("the body is not UTF-8") from error
    except RecursionError as error:
        raise BadInput("the body is nested too deeply") from error


def uuid_or(value: object, absent: type[SwitchyardError], what: str) -> UUID:
    """Return the UUID written in a path; anything else names nothing, so `absent` is raised, as for a foreign one."""
    text = str(value)
    if _UUID.fullmatch(text) is None:
        raise absent(f"no such {what}")
    return UUID(text)
