"""Golden questions: what is asked, and where its answer is known to stand."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from app.errors import BadInput
from app.question_files import check, text_of

FIT, KEPT = "fit", "kept"
FITTED = frozenset({FIT, "develop"})
"""The halves that weights may be fitted to."""


class Golden(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question and where its answer stands: on `pages` (from 1) of a document, in its wordings, or in a quote.

    `facts` are groups of wordings of which a passage needs one each; `quote` is a text of which it holds a part. One
    of no documents has no answer in any.
    """

    id: str
    question: str
    documents: tuple[str, ...] = ()
    pages: tuple[int, ...] = ()
    facts: tuple[tuple[str, ...], ...] = ()
    quote: str = ""
    half: str = ""
    """What it may be used for (`fit`, `kept`, ...); reports count each by itself."""

    def __post_init__(self) -> None:
        """Check that pages are of one document. Raises ValueError."""
        if self.pages and len(self.documents) != 1:
            raise ValueError(f"{self.id}: pages are of one document")


class _Evidence(msgspec.Struct, frozen=True):
    page: int
    text: str


class _Filing(msgspec.Struct, frozen=True):
    """A question of FinanceBench (arXiv 2311.11944); its pages count from 0, its documents are files named `.pdf`.

    Every second document, by name, is of the half `kept`.
    """

    financebench_id: str
    doc_name: str
    question: str
    evidence: tuple[_Evidence, ...]


class _Asked(msgspec.Struct, frozen=True):
    """A question of a TOML file in the form of `samples/questions.toml`."""

    id: str
    ask: str
    documents: tuple[str, ...] = ()
    facts: tuple[tuple[str, ...], ...] = ()
    half: str = ""
    paraphrases: tuple[str, ...] = ()


def read_golden(path: Path) -> list[Golden]:
    """Return the questions of a file: JSON lines of Golden or of FinanceBench, or TOML as `samples/questions.toml`.

    Raises BadInput.
    """
    text = text_of(path)
    try:
        found = list(_of_toml(text) if path.suffix.casefold() == ".toml" else _of_lines(text))
    except (msgspec.MsgspecError, ValueError, KeyError) as error:
        raise BadInput(f"{path}: {error}") from error
    check(path, found)
    return found


def _of_toml(text: str) -> Iterator[Golden]:
    for one in msgspec.convert(tomllib.loads(text)["questions"], list[_Asked]):
        for number, ask in enumerate((one.ask, *one.paraphrases)):
            name = f"{one.id}/{number}" if number else one.id
            yield Golden(id=name, question=ask, documents=one.documents, facts=one.facts, half=one.half)


def _of_lines(text: str) -> Iterator[Golden]:
    filings: list[_Filing] = []
    # Not `splitlines`: JSON writes what else ends a line as it is.
    for line in text.split("\n"):
        if not line.strip():
            continue
        value: dict[str, Any] = msgspec.json.decode(line)
        if "financebench_id" in value:
            filings.append(msgspec.convert(value, _Filing))
        else:
            yield msgspec.convert(value, Golden)
    # Documents are kept aside whole: a page that weights were fitted to tells nothing of others.
    names = sorted({filing.doc_name for filing in filings})
    for filing in filings:
        yield _of_filing(filing, FIT if names.index(filing.doc_name) % 2 == 0 else KEPT)


def _of_filing(filing: _Filing, half: str) -> Golden:
    return Golden(
        id=filing.financebench_id,
        question=filing.question,
        documents=(f"{filing.doc_name}.pdf",),
        pages=tuple(sorted({one.page + 1 for one in filing.evidence})),
        quote="\n".join(one.text for one in filing.evidence),
        half=half,
    )
