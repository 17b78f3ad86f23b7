"""Has a document parsed, and believes nothing of what comes back without checking it."""

import signal
from pathlib import Path
from typing import BinaryIO

import msgspec

from app.retrieval import parse_child
from app.retrieval.chunks import Chunk
from app.retrieval.media import MediaType
from app.retrieval.sandbox import ROOT, SaidTooMuch, Sandbox, TookTooLong
from app.retrieval.unreadable import DocumentUnreadable, Unreadable, reason_of

OUTPUT_BYTES = 48 << 20
"""The parsed text with its headings; JSON at most doubles it, and 120 characters of headings go with each chunk."""

_Line = tuple[str, int, int, str]
_LINE: msgspec.json.Decoder[_Line] = msgspec.json.Decoder(_Line)


class Parser:
    """Runs `parse_child`, one throw-away process a document.

    `module` and `wall_s` are what tests replace: a hostile parser, and a shorter patience.
    """

    def __init__(self, *, wall_s: float = 60.0, module: str = parse_child.__name__, root: Path = ROOT) -> None:
        self._sandbox = Sandbox(module, wall_s=wall_s, output_bytes=OUTPUT_BYTES, root=root)

    async def chunks(self, source: BinaryIO, media_type: MediaType) -> list[Chunk]:
        """Return the chunks of the document in `source`, a file opened for reading. Raises DocumentUnreadable."""
        try:
            ended = await self._sandbox.run(source, media_type.value)
        except TookTooLong as error:
            raise DocumentUnreadable(Unreadable.TIMEOUT) from error
        except SaidTooMuch as error:
            raise DocumentUnreadable(Unreadable.TOO_LARGE) from error
        if ended.status:
            raise DocumentUnreadable(_why(ended.status))
        return _decoded(ended.output)


def _why(status: int) -> Unreadable:
    if status == -signal.SIGXCPU:
        return Unreadable.TIMEOUT
    if status in {-signal.SIGABRT, -signal.SIGKILL}:
        # Rust aborts when it gets no memory; the kernel kills when the machine has none.
        return Unreadable.MEMORY
    return reason_of(status) or Unreadable.MALFORMED


def _decoded(output: bytes) -> list[Chunk]:
    try:
        lines = [_LINE.decode(line) for line in output.split(b"\n")]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DocumentUnreadable(Unreadable.MALFORMED) from error
    chunks = [Chunk(heading, start, end, text) for heading, start, end, text in lines]
    if any(not chunk.text or chunk.end - chunk.start != len(chunk.text) for chunk in chunks):
        raise DocumentUnreadable(Unreadable.MALFORMED)
    return chunks
