"""Has a document parsed, and believes nothing of what comes back without checking it."""

import asyncio
import signal
from pathlib import Path
from typing import BinaryIO

import msgspec

from app.retrieval import parse_child
from app.retrieval.media import MediaType
from app.retrieval.said import Parsed, Said, Unbelievable, believe
from app.retrieval.sandbox import ROOT, SaidTooMuch, Sandbox, TookTooLong
from app.retrieval.unreadable import DocumentUnreadable, Unreadable, reason_of

OUTPUT_BYTES = 48 << 20
"""The text with its sections and chunks, which are numbers and headings; JSON at most doubles a text as it is used."""

_SAID: msgspec.json.Decoder[Said] = msgspec.json.Decoder(Said)


class Parser:
    """Runs `parse_child`, one throw-away process a document.

    `module` and `wall_s` are what tests replace: a hostile parser, and a shorter patience.
    """

    def __init__(self, *, wall_s: float = 60.0, module: str = parse_child.__name__, root: Path = ROOT) -> None:
        self._sandbox = Sandbox(module, wall_s=wall_s, output_bytes=OUTPUT_BYTES, root=root)

    async def parse(self, source: BinaryIO, media_type: MediaType, charset: str | None = None) -> Parsed:
        """Return the document in `source`, a file opened for reading; `charset` is what its uploader said.

        Raises DocumentUnreadable.
        """
        try:
            ended = await self._sandbox.run(source, media_type.value, charset or "")
        except TookTooLong as error:
            raise DocumentUnreadable(Unreadable.TIMEOUT) from error
        except SaidTooMuch as error:
            raise DocumentUnreadable(Unreadable.TOO_LARGE) from error
        if ended.status:
            raise DocumentUnreadable(_why(ended.status))
        return await asyncio.to_thread(_believed, ended.output)


def _why(status: int) -> Unreadable:
    if status == -signal.SIGXCPU:
        return Unreadable.TIMEOUT
    if status in {-signal.SIGABRT, -signal.SIGKILL}:
        # Rust aborts when it gets no memory; the kernel kills when the machine has none.
        return Unreadable.MEMORY
    return reason_of(status) or Unreadable.MALFORMED


def _believed(output: bytes) -> Parsed:
    try:
        return believe(_SAID.decode(output))
    except (msgspec.DecodeError, UnicodeDecodeError, Unbelievable) as error:
        raise DocumentUnreadable(Unreadable.MALFORMED) from error
