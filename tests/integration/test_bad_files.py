"""Bad files end with a reason, in bounded time and memory, and take nothing with them."""

import asyncio
import resource
from collections.abc import Callable
from pathlib import PurePosixPath
from random import Random
from tempfile import TemporaryFile

import pytest

from app.retrieval.confinement import MEMORY_BYTES
from app.retrieval.media import BY_SUFFIX
from app.retrieval.parser import Parser
from app.retrieval.said import Parsed
from app.retrieval.unreadable import DocumentUnreadable, Unreadable
from tests.fakes.bad_files import bad_files, mutation

pytestmark = pytest.mark.integration

FILES = bad_files()
DRAWN = 8
"""Files beside those with a known end, and mutations, that are read in `make test`; `make verify` reads all."""
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
    "page.txt": Unreadable.ENCODING_UNKNOWN,
}


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
async def test_every_bad_file_is_read_or_ends_with_a_reason(seeded: Callable[..., Random], *, is_full: bool) -> None:
    others = sorted(FILES.keys() - TOLD.keys())
    count = len(others) if is_full else DRAWN
    names = seeded(count, of=len(others)).sample(others, count)
    ended = await outcomes([(name, FILES[name]) for name in sorted({*names, *TOLD})])
    assert {name: ended[name] for name in TOLD} == TOLD
    assert {name for name, end in ended.items() if end is Unreadable.TIMEOUT} == set()
    assert children_bytes() <= MEMORY_BYTES


@pytest.mark.timeout(7200)
async def test_mutations_of_bad_files_are_read_or_end_with_a_reason(
    seeded: Callable[..., Random], *, is_full: bool
) -> None:
    every = [(name, number) for name in sorted(FILES) for number in range(MUTATIONS)]
    count = len(every) if is_full else DRAWN
    drawn = seeded(count, of=len(every)).sample(every, count)
    asked = [(f"{number}#{name}", mutation(FILES[name], f"{name} {number}")) for name, number in drawn]
    ended = await outcomes(asked)
    assert len(ended) == count
    assert children_bytes() <= MEMORY_BYTES
