"""Files that an operator names: texts, with or without a byte order mark and with any line ends, and others."""

import os
import ssl
import stat
from pathlib import Path

BOM = "\ufeff"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class FileUnreadable(Exception):
    """A file cannot be read as text; the message is the reason, and quotes nothing of its content."""


def read_text(path: Path, *, limit_bytes: int) -> str:
    """Return the text of a file with line ends as `\\n`. Raises FileUnreadable: not there, no text, or too large."""
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise FileUnreadable("it is a directory, not a file")
        with path.open("rb") as file:
            content = file.read(limit_bytes + 1)
    except (OSError, ValueError) as error:  # a ValueError is a NUL in the path
        raise FileUnreadable(f"cannot be read: {_why(error)}") from None
    if len(content) > limit_bytes:
        raise FileUnreadable(f"is over {limit_bytes} bytes")
    return _decode(content)


def _decode(content: bytes) -> str:
    if content.startswith(_UTF_16):
        raise FileUnreadable("cannot be read: it is UTF-16; save it as UTF-8")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        # The error's own text quotes the content.
        line = content.count(b"\n", 0, error.start) + 1
        raise FileUnreadable(f"cannot be read: it is not a file of UTF-8 text (line {line})") from None
    if "\x00" in text:
        raise FileUnreadable("cannot be read: it is not a file of UTF-8 text (it holds a NUL)")
    return text.removeprefix(BOM).replace("\r\n", "\n").replace("\r", "\n")


def _why(error: OSError | ValueError) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else "no file can have that name"


def certificate_problem(file: Path) -> str | None:
    """Return why a file cannot be the certificates of an authority, or None."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except ssl.SSLError:
        return "holds no certificate in PEM form (a byte order mark before the first one hides it)"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None


def directory_problem(directory: Path) -> str | None:
    """Return why a directory can neither be written to nor made, or None."""
    try:
        there = next(path for path in (directory.absolute(), *directory.absolute().parents) if path.exists())
    except OSError as error:
        return f"cannot be reached: {error.strerror}"
    if not there.is_dir():
        return "is not a directory" if there == directory.absolute() else f"cannot be made: {there} is not a directory"
    if not os.access(there, os.W_OK | os.X_OK):
        return "may not be written to" if there == directory.absolute() else f"cannot be made: {there} is not writable"
    return None
