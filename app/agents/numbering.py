"""Passages as a prompt has them: as many as are read, numbered, in few tokens."""

import re
from itertools import accumulate

from app.agents.reference import as_reference
from app.retrieval.chunks import CHUNK_TOKENS
from app.retrieval.packing import tokens_of
from app.retrieval.passages import Passage
from app.retrieval.support.blocks import head_end

_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
# A line end that only wraps a paragraph: the next line is not blank, indented, a row, an item, a heading or a quote.
_WRAP = re.compile(r"(?<=[^\s|])\n(?!\s|\||#|>|[-+*][ \t]|\d{1,9}[.)][ \t])")


def shown(passages: tuple[Passage, ...], limit: int) -> tuple[Passage, ...]:
    """Return the first passages, that come to as much as `limit` chunks do at most, and one of any length."""
    tokens = list(accumulate(map(tokens_of, passages)))
    return tuple(
        passage
        for n, (passage, together) in enumerate(zip(passages, tokens, strict=True))
        if n < limit and (n == 0 or together <= limit * CHUNK_TOKENS)
    )


def number(passages: tuple[Passage, ...], first: int = 1) -> str:
    """Write passages for a prompt: numbered, each under the headings above it, else its document's name."""
    return "\n\n".join(
        f"[{n}] {one_line(as_reference(passage.heading or ', '.join((passage.document, *passage.also))))}\n"
        f"{as_reference(compact(passage.lead + passage.text))}"
        for n, passage in enumerate(passages, start=first)
    )


def one_line(text: str) -> str:
    """Return a text whose line ends are blanks."""
    return " ".join(text.split())


def compact(text: str) -> str:
    """Return a passage in fewer tokens: without the headings that open it, and with wrapped lines joined.

    Code stays as it is, and so do tables: without its rule a small model reads a table's rows wrongly.
    """
    body = text[head_end(text) :].strip() or text.strip()
    return body if _FENCE.search(body) else _WRAP.sub(" ", body)
