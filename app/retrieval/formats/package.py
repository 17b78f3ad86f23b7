"""Opens the ZIP package of an office file, and takes no more out of it than it may hold."""

import io
import zipfile
import zlib
from collections.abc import Mapping

from app.retrieval.unreadable import DocumentUnreadable, Unreadable

ENTRIES = 2_000
UNPACKED_BYTES = 200 << 20
RATIO = 100
FREE_BYTES = 1 << 20
"""Small parts may be packed as tightly as they like: blank tables are."""
PART_BYTES = 96 << 20
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""An office file with a password is a compound file around what is encrypted ([MS-OFFCRYPTO] §2.3)."""
SEALED = "EncryptedPackage".encode("utf-16-le")

_ENCRYPTED = 0x1


class Package:
    """The parts of a package by name. Raises DocumentUnreadable: `encrypted`, `bomb`, `malformed`."""

    def __init__(self, raw: bytes) -> None:
        if raw.startswith(OLE):
            raise DocumentUnreadable(Unreadable.ENCRYPTED if SEALED in raw else Unreadable.TYPE_MISMATCH)
        try:
            self._file = zipfile.ZipFile(io.BytesIO(raw))
        except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, OSError) as error:
            raise DocumentUnreadable(Unreadable.MALFORMED) from error
        self._entries = _checked(self._file)

    def read(self, name: str) -> bytes | None:
        """Return a part; None where there is none."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        if entry.file_size > PART_BYTES:
            raise DocumentUnreadable(Unreadable.TOO_LARGE)
        try:
            with self._file.open(entry) as part:
                # What the directory says of the size may be a lie.
                raw = part.read(entry.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError) as error:
            raise DocumentUnreadable(Unreadable.MALFORMED) from error
        if len(raw) > entry.file_size:
            raise DocumentUnreadable(Unreadable.BOMB)
        return raw


def _checked(file: zipfile.ZipFile) -> Mapping[str, zipfile.ZipInfo]:
    """Return the entries by name; the directory alone is looked at, nothing is unpacked."""
    entries = file.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > ENTRIES or unpacked > UNPACKED_BYTES:
        raise DocumentUnreadable(Unreadable.BOMB)
    for entry in entries:
        if entry.flag_bits & _ENCRYPTED:
            raise DocumentUnreadable(Unreadable.ENCRYPTED)
        if entry.file_size > FREE_BYTES + RATIO * entry.compress_size:
            raise DocumentUnreadable(Unreadable.BOMB)
    if len({entry.filename for entry in entries}) < len(entries):
        # Which of two parts with one name is meant, programs disagree on: one could show what another hides.
        raise DocumentUnreadable(Unreadable.MALFORMED)
    return {entry.filename: entry for entry in entries}
