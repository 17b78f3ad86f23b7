"""Names say what a thing is."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import Source, none, sources

BANNED = frozenset(
    (
        "manager",
        "helper",
        "helpers",
        "util",
        "utils",
        "common",
        "base",
        "service",
        "services",
        "handler",
        "handlers",
        "processor",
        "data",
        "info",
        "obj",
    )
)
PREFIXES = ("do_", "process_")
"""Of functions: a verb that says nothing."""
# Names that a library or a promised interface asks for.
ASKED_FOR = {
    "data": "Litestar's name of a body parameter",
    "do_GET": "http.server",
    "do_POST": "http.server",
    "do_HEAD": "http.server",
    "handler": "what Litestar and aiohttp call a routed function, in their signatures",
    "data_received": "asyncio.Protocol",
    "process_log_record": "python-json-logger",
    "log_data": "python-json-logger",
    "BoundedQueueHandler": "a logging.Handler",
    "data_offsets": "a field of the safetensors format",
    "_model_info": "the field `model_info` of Ollama's /api/show",
    "CommonParams": "a class of llama.cpp",
    "process_id": "the id of a process, no verb",
    "Services": "the field `services` that /health promises",
    "ServiceStates": "the field `services` that /health promises",
    "services": "the field `services` that /health promises",
}
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def words_of(name: str) -> list[str]:
    """Return the words of a snake_case or CamelCase name, in lower case."""
    return [word.lower() for word in _PARTS.findall(name)]


def _names(source: Source) -> Iterator[tuple[str, str, bool]]:
    """Yield where a name is bound, the name, and whether it is a function's."""
    stem = source.path.rsplit("/", 1)[-1].removesuffix(".py")
    yield source.path, stem, False
    for node in source.nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield source.at(node), node.name, not isinstance(node, ast.ClassDef)
        elif isinstance(node, ast.arg):
            yield source.at(node), node.arg, False
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield source.at(node), node.target.id, False


def test_names_avoid_words_that_say_nothing() -> None:
    found = [
        f"{place} {name}"
        for source in sources("app", "ops", "alembic")
        for place, name, is_function in _names(source)
        if name not in ASKED_FOR and (BANNED & set(words_of(name)) or (is_function and name.startswith(PREFIXES)))
    ]
    none(found)


def test_a_name_is_split_into_its_words() -> None:
    assert words_of("HTTPRouteThing") == ["http", "route", "thing"]
    assert words_of("is_base64_url") == ["is", "base", "url"]
