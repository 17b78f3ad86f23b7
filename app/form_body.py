"""The body of an upload: a form with fields and one file, read piece by piece."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from app.text import is_storable

PIECE_BYTES = 256 * 1024
_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


class NameUnwritable(OSError):
    """The name of a file is no text."""


class FormBody:
    """A form (WHATWG HTML, multipart/form-data): its fields, then the file, which is never whole in memory."""

    def __init__(self, file: BinaryIO, path: Path, fields: Sequence[tuple[str, str]], media_type: str | None) -> None:
        """Raises NameUnwritable."""
        if not is_storable(path.name):
            raise NameUnwritable(f"the name of {path!s} is no text in UTF-8")
        self._boundary = uuid4().hex
        self._file = file
        self._file_bytes = path.stat().st_size
        parts = [self._head(f'name="{name}"') + text.encode() + b"\r\n" for name, text in fields]
        kind = f"\r\nContent-Type: {media_type}" if media_type else ""
        parts.append(self._head(f'name="file"; filename="{path.name.translate(_ESCAPES)}"{kind}'))
        self._before = b"".join(parts)
        self._after = f"\r\n--{self._boundary}--\r\n".encode()

    @property
    def media_type(self) -> str:
        """What it is sent as."""
        return f"multipart/form-data; boundary={self._boundary}"

    @property
    def size_bytes(self) -> int:
        """How long it is."""
        return len(self._before) + self._file_bytes + len(self._after)

    def pieces(self, told: Callable[[float], None]) -> Generator[bytes]:
        """Yield it; `told` hears how much of the file is sent, from 0 to 1. Raises OSError for a file that shrank."""
        yield self._before
        sent = 0
        while sent < self._file_bytes and (piece := self._file.read(min(PIECE_BYTES, self._file_bytes - sent))):
            yield piece
            sent += len(piece)
            told(sent / self._file_bytes)
        if sent < self._file_bytes:
            raise OSError(f"the file ended after {sent} of {self._file_bytes} bytes")
        yield self._after

    def _head(self, parameters: str) -> bytes:
        return f"--{self._boundary}\r\nContent-Disposition: form-data; {parameters}\r\n\r\n".encode()
