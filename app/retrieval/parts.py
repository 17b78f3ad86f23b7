"""What a reader of one format brings: the text that is stored, and where its parts stand in it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """`text[start:end]`, line end and marks included, is a heading of `level` (1 is the outermost)."""

    level: int
    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Table:
    """`text[start:end]` is a table: up to `head` its caption and header row, then one row from each of `rows` on."""

    start: int
    head: int
    end: int
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """A document as it was read. All numbers are offsets into `text`, in characters; every part is in their order.

    `pages` is where each page begins, empty where the format has none; `unread` numbers the pages (from 1) that are
    pictures without text. `title` is what the document calls itself; `encoding` is how its bytes were decoded.
    """

    text: str
    headings: tuple[Heading, ...] = ()
    tables: tuple[Table, ...] = ()
    pages: tuple[int, ...] = ()
    unread: tuple[int, ...] = ()
    title: str = ""
    encoding: str = ""
