"""Documents of several types that a seed draws; in each stands one fact that is in no other."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.retrieval.media import MediaType
from ops.sample_pdf import flow, write_pdf

WORDS = (
    "anvil", "barge", "cable", "dredge", "engine", "ferry", "gauge", "hatch", "ingot", "jetty", "keel", "ladder",
    "mortar", "needle", "oar", "pulley", "quay", "rivet", "shovel", "timber", "urn", "valve", "winch", "yard",
)  # fmt: skip
LINE_WORDS = 8
"""A line of so many fits on a page."""
PAGE_LINES = 40


@dataclass(frozen=True, slots=True)
class Source:
    """A file to upload, a question that only it answers, and the words that answer it."""

    name: str
    media_type: MediaType
    content: bytes
    question: str
    fact: str


def corpus(rng: random.Random) -> list[Source]:
    """Return a PDF, a text, a table and a Markdown file, each of some batches of embedding."""
    return [
        _drawn(rng, MediaType.PDF, "pdf", 12),
        _drawn(rng, MediaType.TEXT, "txt", 12),
        _drawn(rng, MediaType.CSV, "csv", 10),
        _drawn(rng, MediaType.MARKDOWN, "md", 8),
    ]


def _drawn(rng: random.Random, media_type: MediaType, ending: str, pages: int) -> Source:
    mark = f"{rng.choice(WORDS)}{rng.randrange(10**8):08d}"
    fact = f"The {mark} weighs {rng.randrange(100, 10_000)} grams"
    lines = [_line(rng) for _ in range(pages * PAGE_LINES)]
    lines[rng.randrange(len(lines))] = f"{fact}."
    return Source(f"{mark}.{ending}", media_type, written(lines, media_type), f"What does the {mark} weigh?", fact)


def written(lines: Sequence[str], media_type: MediaType) -> bytes:
    """Return a file of that type that says these lines, 40 a page."""
    return _WRITERS[media_type](lines)


def _line(rng: random.Random) -> str:
    words = [f"{rng.choice(WORDS)}{rng.randrange(1000)}" for _ in range(LINE_WORDS)]
    return f"{' '.join(words).capitalize()}."


def _pdf(lines: Sequence[str]) -> bytes:
    return write_pdf([flow(page) for page in _pages(lines)], title="Stock")


def _text(lines: Sequence[str]) -> bytes:
    return "\n\n".join(" ".join(page) for page in _pages(lines)).encode()


def _csv(lines: Sequence[str]) -> bytes:
    return "\n".join(["number,entry", *(f"{number},{line}" for number, line in enumerate(lines))]).encode()


def _markdown(lines: Sequence[str]) -> bytes:
    return "\n\n".join(f"# Page {number}\n\n" + "\n".join(page) for number, page in enumerate(_pages(lines))).encode()


def _pages(lines: Sequence[str]) -> Iterator[Sequence[str]]:
    return (lines[start : start + PAGE_LINES] for start in range(0, len(lines), PAGE_LINES))


_WRITERS = {MediaType.PDF: _pdf, MediaType.TEXT: _text, MediaType.CSV: _csv, MediaType.MARKDOWN: _markdown}
