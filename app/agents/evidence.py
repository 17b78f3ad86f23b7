"""What an answer rests on: passages with their words, and each of its sentences held against them."""

import msgspec

from app.ids import DocumentId
from app.retrieval.support.verdicts import Lack, Supported


class Citation(msgspec.Struct, frozen=True):
    """A passage behind an answer, and its words that support it best.

    `quote` is, verbatim, characters `start_offset` to `end_offset` of the document's text, on `page` (from 1; None in a
    document without pages). `title` is what the document calls itself, "" if nothing. `also` names the other documents
    that hold the same text.
    """

    document: str
    document_id: DocumentId
    heading: str
    quote: str
    start_offset: int
    end_offset: int
    score: float
    also: tuple[str, ...] = ()
    title: str = ""
    page: int | None = None
    supported: Supported = Supported.UNSURE
    """The best that it does for a sentence of the answer."""


class SentenceSupport(msgspec.Struct, frozen=True):
    """A sentence of an answer, characters `start` to `end` of it, and the evidence that it was held against.

    `start_offset` to `end_offset` count characters of that document's text. Without evidence there is no document.
    """

    start: int
    end: int
    supported: Supported
    lack: Lack | None = None
    """What is wrong with one that is not supported."""
    document_id: DocumentId | None = None
    page: int | None = None
    start_offset: int = 0
    end_offset: int = 0
