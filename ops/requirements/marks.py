"""The `requirement` marker of a test: a pytest plugin that writes down which test claims which promise."""

from pathlib import Path

import msgspec
import pytest

MARK = "requirement"
TO = "--marked-to"


class MarkedCase(msgspec.Struct, frozen=True):
    """One test, or one case of a parametrised test, as pytest names it, and the promises that it claims."""

    nodeid: str
    ids: tuple[str, ...]


def ids_of(item: pytest.Item) -> tuple[str, ...]:
    """Return the promises of a test, of its class and of its module; raises UsageError for a marker that names none."""
    found: set[str] = set()
    for mark in item.iter_markers(MARK):
        if not mark.args or mark.kwargs or not all(isinstance(name, str) for name in mark.args):
            raise pytest.UsageError(f"{item.nodeid}: @pytest.mark.{MARK} takes ids as text, one or more")
        found.update(mark.args)
    return tuple(sorted(found))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names the file to write."""
    parser.addoption(TO, type=Path, default=None, help="write the marked tests to this file, as JSON")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write the cases of every function, those without a marker too: they tell whether all cases are marked."""
    path: Path | None = session.config.getoption(TO)
    if path is not None:
        path.write_bytes(msgspec.json.encode([MarkedCase(item.nodeid, ids_of(item)) for item in session.items]))
