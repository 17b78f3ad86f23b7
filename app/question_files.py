"""Files of questions whose right answers are known: how they are read, checked and told apart."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from app.errors import BadInput
from app.files import FileUnreadable, read_text

FILE_BYTES = 32_000_000


class Named(Protocol):
    """A question with an id, which no other of its file has."""

    @property
    def id(self) -> str:
        """Its name."""
        ...


def text_of(path: Path) -> str:
    """Return the text of a file that the command line names. Raises BadInput."""
    try:
        return read_text(path, limit_bytes=FILE_BYTES)
    except FileUnreadable as error:
        raise BadInput(f"{path} {error}") from error


def check(path: Path, questions: Sequence[Named]) -> None:
    """Check that a file holds questions, each id once. Raises BadInput."""
    if not questions:
        raise BadInput(f"{path} holds no question")
    if len({one.id for one in questions}) < len(questions):
        raise BadInput(f"{path} has an id twice")


def digest_of(questions: Sequence[Named]) -> str:
    """Return what tells these questions from others."""
    return hashlib.sha256(msgspec.json.encode(questions)).hexdigest()
