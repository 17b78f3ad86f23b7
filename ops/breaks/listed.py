"""The breaks of `tests/breaks/*.toml`, read and checked without running anything."""

import ast
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import msgspec

FOLDER = Path("tests") / "breaks"
AREAS = (
    "accounts",
    "agents",
    "api",
    "complexity",
    "dialects",
    "documents",
    "events",
    "finance",
    "formats",
    "inference",
    "insurance",
    "nginx",
    "ops",
    "quality",
    "retrieval",
    "routing",
    "rules",
    "scheduler",
    "stores",
    "support",
    "tasks",
    "teams",
    "telemetry",
)


class Break(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One wrong change. `name` says in a sentence what is wrong in the broken product.

    `old` stands once in `file` and is replaced by `new`; each of `tests` (ids of pytest, without their cases) must then
    fail. `clauses` are those of `docs/requirements.toml` that this proves.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    clauses: tuple[str, ...] = ()


class Breaks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of an area."""

    breaks: tuple[Break, ...] = msgspec.field(name="break", default=())


class BreaksWrong(Exception):
    """A file cannot be read as breaks."""


def read(root: Path) -> dict[str, tuple[Break, ...]]:
    """Return the breaks of a checkout by area, in the order of its files; raises BreaksWrong."""
    return {path.stem: _read(path) for path in sorted((root / FOLDER).glob("*.toml"))}


def _read(path: Path) -> tuple[Break, ...]:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Breaks).breaks
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise BreaksWrong(f"{path.name}: {error}") from error


def every(areas: dict[str, tuple[Break, ...]]) -> tuple[Break, ...]:
    """Return the breaks of all areas."""
    return tuple(one for breaks in areas.values() for one in breaks)


def function_of(test: str) -> str:
    """Return the id of a test without its case: `tests/unit/test_a.py::test_a` of `...::test_a[1]`."""
    return test.partition("[")[0]


def faults(root: Path, areas: dict[str, tuple[Break, ...]], clauses: Collection[str]) -> list[str]:
    """Return what is wrong with the breaks of the checkout at `root`; `clauses` are the names that they may prove."""
    found = [f"{area}.toml: its name is none of {', '.join(AREAS)}" for area in areas if area not in AREAS]
    names = Counter(one.name for one in every(areas))
    found += [f"{name}: stands {count} times" for name, count in names.items() if count > 1]
    for one in every(areas):
        found += [f"{one.name}: {fault}" for fault in _faults(root, one, clauses)]
    return found


def _faults(root: Path, one: Break, clauses: Collection[str]) -> Iterator[str]:
    if one.name != " ".join(one.name.split()) or not one.name:
        yield "a name is one line"
    yield from _change_faults(root, one)
    if not one.tests:
        yield "it names no test"
    yield from (f"there is no test {test}" for test in _missing(root, one.tests))
    yield from (f"there is no clause {name} that could be proved" for name in one.clauses if name not in clauses)


def _change_faults(root: Path, one: Break) -> Iterator[str]:
    path = root / one.file
    if one.file.startswith("tests/") or not path.is_file():
        yield f"{one.file} is no file of the product"
        return
    if one.old == one.new:
        yield "it changes nothing"
    count = path.read_text(encoding="utf-8").count(one.old) if one.old else 0
    if count != 1:
        yield f"`old` stands {count} times in {one.file}, not once"


def _missing(root: Path, tests: Iterable[str]) -> Iterator[str]:
    for test in tests:
        path, *names = function_of(test).split("::")
        if test != function_of(test) or not _is_defined(root / path, names):
            yield test


def _is_defined(path: Path, names: list[str]) -> bool:
    if not names or not path.is_file():
        return False
    body = ast.parse(path.read_text(encoding="utf-8")).body
    for name in names:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        found = next((part for part in body if isinstance(part, kinds) and part.name == name), None)
        if found is None:
            return False
        body = found.body
    return True
