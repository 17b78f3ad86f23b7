"""Names say what a thing is."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import Source, sources

BANNED = frozenset(
    "manager helper helpers util utils common base service services handler handlers processor data info obj".split(" ")
)
PREFIXES = ("do_", "process_")
# Names that a library or a promised interface asks for.
ASKED_FOR = {
    "data": "Litestar's name of a body parameter",
    "do_GET": "http.server",
    "do_POST": "http.server",
    "do_HEAD": "http.server",
    "services": "a field of /health that the source designs promise",
}
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def words_of(name: str) -> list[str]:
    """Return the words of a snake_case or CamelCase name, in lower case."""
    return [word.lower() for word in _PARTS.findall(name)]


def _names(source: Source) -> Iterator[tuple[str, str]]:
    stem = source.path.rsplit("/", 1)[-1].removesuffix(".py")
    yield source.path, stem
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield source.at(node), node.name
        elif isinstance(node, ast.arg):
            yield source.at(node), node.arg
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield source.at(node), node.target.id


def test_names_avoid_words_that_say_nothing() -> None:
    found = [
        f"{place} {name}"
        for source in sources("app", "ops", "alembic")
        for place, name in _names(source)
        if name not in ASKED_FOR and (BANNED & set(words_of(name)) or name.startswith(PREFIXES))
    ]
    assert found == []


def test_a_name_is_split_into_its_words() -> None:
    assert words_of("HTTPRouteThing") == ["http", "route", "thing"]
    assert words_of("is_base64_url") == ["is", "base", "url"]
