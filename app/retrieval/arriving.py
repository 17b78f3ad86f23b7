"""Looks at an upload as it arrives: at its head for its type, at its text for bytes that cannot be read."""

import codecs
from collections.abc import AsyncGenerator, AsyncIterator

from app.errors import BadInput
from app.retrieval.forms import is_wide
from app.retrieval.media import HEAD_BYTES


async def take_head(body: AsyncIterator[bytes]) -> tuple[bytes, AsyncGenerator[bytes]]:
    """Return the first bytes of `body` and all of it. Raises BadInput when there is none."""
    pieces: list[bytes] = []
    size = 0
    async for piece in body:
        pieces.append(piece)
        size += len(piece)
        if size >= HEAD_BYTES:
            break
    head = b"".join(pieces)
    if not head:
        raise BadInput("the file is empty", field="file")
    return head[:HEAD_BYTES], _all(head, body)


async def _all(head: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    yield head
    async for piece in rest:
        yield piece


async def checked_text(body: AsyncIterator[bytes], head: bytes, charset: str | None) -> AsyncGenerator[bytes]:
    """Pass text through unchanged while it can be read.

    Raises BadInput at the first byte that cannot, where the encoding is certain: `charset`, which the client named, or
    UTF-8 once other than ASCII was read in it. Otherwise its reader finds out the encoding, which takes all of it.
    """
    if charset is None and is_wide(head):
        async for piece in body:
            yield piece
        return
    check = _Check(charset)
    async for piece in body:
        check.take(piece, final=False)
        yield piece
    check.take(b"", final=True)


class _Check:
    """Decodes what arrives, as long as there is a reason to."""

    def __init__(self, charset: str | None) -> None:
        self._encoding = charset or "utf-8"
        self._decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder(self._encoding)()
        self._is_certain = charset is not None
        self._passed_bytes = 0

    def take(self, piece: bytes, *, final: bool) -> None:
        """Look at the next piece."""
        if self._decoder is None:
            return
        kept = len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(piece, final)
        except UnicodeDecodeError as error:
            read = error.object[: error.start]
            if not self._is_certain and bytes(read).isascii():
                self._decoder = None
                return
            at = self._passed_bytes - kept + error.start
            raise BadInput(
                f"the file is not {self._encoding.upper()}: byte {at} cannot be read", field="file", at_byte=at
            ) from error
        self._is_certain = self._is_certain or not text.isascii()
        self._passed_bytes += len(piece)
