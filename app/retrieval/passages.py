"""What a search finds."""

import msgspec

from app.ids import ChunkId, DocumentId


class Passage(msgspec.Struct, frozen=True):
    """A chunk that was found: `text` is characters `start_offset` to `end_offset` of the document's text.

    `heading` is the path of headings above it. `score` is how likely the passage holds what was asked for, from 0 to 1
    (see `fusion`). `also` names the other documents that hold the same text. `title` is what the document calls itself,
    `page` (from 1) where the passage stands, None in a document without pages. `lead` is what its columns are called,
    where it is a part of a table below them. `cosine` is how near its meaning is to the question's, None where that
    is not known; `ordinal` is its chunk's, and `last` that of the last chunk that was merged into it. `set_name` is its
    document's set, None for one that stands in none.
    """

    chunk_id: ChunkId
    document_id: DocumentId
    document: str
    heading: str
    text: str
    start_offset: int
    end_offset: int
    score: float
    also: tuple[str, ...] = ()
    title: str = ""
    page: int | None = None
    lead: str = ""
    cosine: float | None = None
    ordinal: int | None = None
    last: int | None = None
    set_name: str | None = None
