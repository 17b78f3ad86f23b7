"""Bad files end with a reason, in bounded time and memory, and take nothing with them."""

import asyncio
import resource
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import PurePosixPath
from random import Random
from tempfile import TemporaryFile

import pytest

from app.retrieval.confinement import MEMORY_BYTES
from app.retrieval.media import BY_SUFFIX
from app.retrieval.parser import Parser
from app.retrieval.said import Parsed
from app.retrieval.unreadable import DocumentUnreadable, Unreadable
from tests.fakes.bad_files import ATTACHED, bad_files, mutation

pytestmark = pytest.mark.integration

LEAST_FILES = 200
DRAWN = 8
"""Files with a known end, others, and mutations, each, that are read in `make test`; `make verify` reads all."""
MUTATIONS = 10
"""Of each file."""
AT_ONCE = 2
TOLD = {
    "encrypted.pdf": Unreadable.ENCRYPTED,
    "scanned.pdf": Unreadable.SCANNED,
    "many-pages.pdf": Unreadable.TOO_MANY_PAGES,
    "cut-1.pdf": Unreadable.MALFORMED,
    "zip-bomb.docx": Unreadable.BOMB,
    "text-bomb.docx": Unreadable.BOMB,
    "many-parts.docx": Unreadable.BOMB,
    "xml-laughs.docx": Unreadable.BOMB,
    "xml-outside.docx": Unreadable.BOMB,
    "xml-deep.docx": Unreadable.BOMB,
    "encrypted.docx": Unreadable.ENCRYPTED,
    "locked.docx": Unreadable.ENCRYPTED,
    "old.docx": Unreadable.TYPE_MISMATCH,
    "no-document.docx": Unreadable.TYPE_MISMATCH,
    "deep.html": Unreadable.BOMB,
    "empty.html": Unreadable.NO_TEXT,
    "endless-attributes.html": Unreadable.BOMB,
    "bodies.html": Unreadable.BOMB,
    "page.txt": Unreadable.ENCODING_UNKNOWN,
    "half.txt": Unreadable.ENCODING_UNKNOWN,
    "one-byte.txt": Unreadable.ENCODING_UNKNOWN,
    "encrypted.pptx": Unreadable.ENCRYPTED,
    "old.pptx": Unreadable.TYPE_MISMATCH,
    "word.pptx": Unreadable.TYPE_MISMATCH,
    "endless-slides.pptx": Unreadable.TOO_MANY_PAGES,
    "main-laughs.pptx": Unreadable.BOMB,
    "bomb.pptx": Unreadable.BOMB,
    "stairs.xlsx": Unreadable.TOO_LARGE,
    "sheet-outside.xlsx": Unreadable.BOMB,
    "strings-deep.xlsx": Unreadable.BOMB,
    "slides.xlsx": Unreadable.TYPE_MISMATCH,
    "hidden.xlsx": Unreadable.NO_TEXT,
    "many-parts.eml": Unreadable.BOMB,
    "deep.json": Unreadable.BOMB,
    "closed-deep.json": Unreadable.BOMB,
    "comment.json": Unreadable.MALFORMED,
    "lines-cut.jsonl": Unreadable.MALFORMED,
    "blank.jsonl": Unreadable.NO_TEXT,
}
ATTACHING = {f"with-{name.replace('.', '-')}.eml" for name in ATTACHED} | {
    "with-ten-text-bomb-docx.eml",
    "with-all.eml",
}
READ = frozenset({"macros.docx", "macros.pptx", "macros.xlsx", "bomb.eml", "names.eml", "script.pdf", *ATTACHING})
"""Those of which the harmless part is read."""


@cache
def every() -> Mapping[str, bytes]:
    """All bad files, made when they are first needed."""
    return bad_files()


def suffix_of(name: str) -> str:
    """The suffix, without the number of a mutation."""
    return PurePosixPath(name.rpartition("#")[2]).suffix


def told(ended: Mapping[str, Parsed | Unreadable]) -> str:
    """What is told to whoever runs all of it: how many files of each type ended how, and the most that a child held."""
    ends = Counter(f"{suffix_of(name)}:{end if isinstance(end, Unreadable) else 'read'}" for name, end in ended.items())
    return " ".join([f"{end}={number}" for end, number in sorted(ends.items())] + [f"bytes={children_bytes()}"])


async def outcome(name: str, content: bytes) -> Parsed | Unreadable:
    """What becomes of a file in the throw-away process."""
    with TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        try:
            return await Parser(wall_s=60.0).parse(file, BY_SUFFIX[PurePosixPath(name).suffix])
        except DocumentUnreadable as error:
            return error.why


async def outcomes(asked: list[tuple[str, bytes]]) -> dict[str, Parsed | Unreadable]:
    """What becomes of all, some at a time."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, content: bytes) -> Parsed | Unreadable:
        async with places:
            return await outcome(name.rpartition("#")[2], content)

    ended = await asyncio.gather(*(one(name, content) for name, content in asked))
    return {name: end for (name, _), end in zip(asked, ended, strict=True)}


def children_bytes() -> int:
    """The most memory that any child so far held."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


@pytest.mark.timeout(3600)
async def test_every_bad_file_is_read_or_ends_with_a_reason(
    seeded: Callable[..., Random], record_property: Callable[[str, object], None], *, is_full: bool
) -> None:
    known, others = sorted(TOLD), sorted(every().keys() - TOLD.keys() - READ)
    assert len(every()) >= LEAST_FILES
    count = len(others) if is_full else DRAWN
    draw = seeded(count, of=len(others))
    names = {*draw.sample(others, count), *(known if is_full else draw.sample(known, DRAWN))}
    ended = await outcomes(
        [(name, every()[name]) for name in sorted({*names, *(READ if is_full else draw.sample(sorted(READ), 2))})]
    )
    record_property("did", told(ended))
    record_property(
        "did", " ".join(f"{name}/{end if isinstance(end, Unreadable) else 'read'}" for name, end in ended.items())
    )
    assert {name: ended[name] for name in TOLD if name in ended} == {name: TOLD[name] for name in TOLD if name in ended}
    assert {name for name in READ if isinstance(ended.get(name), Unreadable)} == set()
    assert {name for name, end in ended.items() if end is Unreadable.TIMEOUT} == set()
    assert children_bytes() <= MEMORY_BYTES


@pytest.mark.timeout(7200)
async def test_mutations_of_bad_files_are_read_or_end_with_a_reason(
    seeded: Callable[..., Random], record_property: Callable[[str, object], None], *, is_full: bool
) -> None:
    all_of = [(name, number) for name in sorted(every()) for number in range(MUTATIONS)]
    count = len(all_of) if is_full else DRAWN
    drawn = seeded(count, of=len(all_of)).sample(all_of, count)
    asked = [(f"{number}#{name}", mutation(every()[name], f"{name} {number}")) for name, number in drawn]
    ended = await outcomes(asked)
    record_property("did", told(ended))
    assert len(ended) == count
    assert children_bytes() <= MEMORY_BYTES
