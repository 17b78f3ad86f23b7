"""Has every bad file and its mutations read, and pieces of texts in every encoding, and writes how each ended."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ops.verify.evidence import Outcome, Page, table, write
from ops.verify.suites import FULL, SEED, Case, counted, outcome, run_suites

SUITES = ("tests/integration/test_bad_files.py", "tests/unit/retrieval/formats/test_encodings.py")
BYTES = "bytes"
INTRODUCTION = """\
Bad files of every type that is taken ([tests/fakes/bad_files.py](../../tests/fakes/bad_files.py)) are read as a worker
reads an upload: cut off, encrypted, bombs of ZIP and XML, pages without end, of a wrong type, with names that lead out
of their package, macros, two types at once, zeros. Each is changed ten times more, at places that the seed draws.
Whatever is in it, the process that reads it ends in bounded time and memory, the one that started it goes on, and the
document is read or has a reason of a closed set. Pieces of texts in two dozen languages are read without a word about
their encoding: each is read as it was written, or its encoding is asked for."""


def verify(environ: Mapping[str, str], directory: Path, *, seed: int) -> Outcome:
    """Run both suites in full and write files.md."""
    cases, output = run_suites({**environ, FULL: "1", SEED: str(seed)}, SUITES)
    sections = (
        ("Files by type", _ends(_did(cases, "test_every_bad_file"), "type")),
        ("Mutations by type", _ends(_did(cases, "test_mutations"), "type")),
        ("Pieces of texts by encoding", _ends(_did(cases, "test_pieces_of_texts"), "encoding")),
        ("Memory", _memory(cases)),
        ("Files", _files(_did(cases, "test_every_bad_file"))),
        ("Cases", table(("suite", "passed", "failed", "skipped"), counted(cases))),
    )
    page = Page("Bad files", INTRODUCTION, f"python -m ops.verify --only files --seed {seed}", sections)
    write(directory, "files", page, seed=seed)
    return outcome(cases, output)


def _did(cases: Iterable[Case], name: str) -> tuple[str, ...]:
    return next((case.did for case in cases if case.name.startswith(name)), ())


def _ends(did: Sequence[str], what: str) -> str:
    """Return a table of `what:end=number`: a row for each, a column for each end."""
    numbers: Counter[tuple[str, str]] = Counter()
    for word in did:
        case, _, number = word.partition("=")
        one, is_end, end = case.partition(":")
        if is_end and number.isdecimal():
            numbers[one.removeprefix("."), end] += int(number)
    ends = sorted({end for _, end in numbers})
    rows = [(one, *(numbers[one, end] or "" for end in ends)) for one in sorted({one for one, _ in numbers})]
    return table((what, *ends), [*rows, ("all", *(sum(numbers[one[0], end] for one in rows) for end in ends))])


def _files(did: Sequence[str]) -> str:
    return table(("file", "ended"), [word.split("/", 1) for word in did if "/" in word])


def _memory(cases: Iterable[Case]) -> str:
    most = [int(word.partition("=")[2]) for case in cases for word in case.did if word.startswith(f"{BYTES}=")]
    return (
        f"The most that a reading process held was {max(most, default=0) / (1 << 20):.0f} MiB; 768 MiB are its limit."
    )
