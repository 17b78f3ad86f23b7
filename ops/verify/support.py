"""What the check of support finds of sentences that are known to be supported or not, and the texts of documents."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from app.ids import ChunkId, DocumentId
from app.retrieval.formats.reading import reader_of
from app.retrieval.media import BY_SUFFIX
from app.retrieval.passages import Passage
from app.retrieval.support.checking import Checker
from app.retrieval.support.verdicts import Supported
from ops.verify.evidence import table
from ops.verify.questions import Half, Pair, read_pairs

WRONG = ("number", "name", "negated", "unit", "unrelated")


def text_of(path: Path) -> str:
    """Return the text of a sample document, as the platform reads it and citations count it."""
    return reader_of(BY_SUFFIX[path.suffix]).read(path.read_bytes(), None).text


def support_section() -> str:
    """Return the rates of the check on [samples/support.toml], by half and by what is wrong with a sentence."""
    rows = [(half.value, what, *_counts(half, what)) for half in Half for what in ("supported", *WRONG)]
    heads = ("half", "sentences", *(word.value for word in Supported))
    source = "[samples/support.toml](../../samples/support.toml)"
    words = f"Sentences of {source}, written before the check; each but the supported is wrong in one way."
    return f"{words}\n\n{table(heads, rows)}"


def _counts(half: Half, what: str) -> Iterator[int]:
    found = Counter(
        _verdict(pair, sentence) for pair in read_pairs() if pair.half is half for sentence in _of(pair, what)
    )
    yield from (found[word] for word in Supported)


def _of(pair: Pair, what: str) -> tuple[str, ...]:
    return pair.supported if what == "supported" else (getattr(pair, what),)


def _verdict(pair: Pair, sentence: str) -> Supported | None:
    length = len(pair.passage)
    passage = Passage(ChunkId(uuid4()), DocumentId(uuid4()), "a.md", "", pair.passage, 0, length, 0.5)
    check = Checker((passage,), "").sentence(sentence)
    return None if check is None else check.supported
