"""Statements that this code does without."""

import ast
from collections.abc import Iterator

from tests.architecture.sources import Source, dotted, none, sources

BROAD = {"Exception", "BaseException"}
# The edges, where a request or a process ends whatever happened inside, and the one place that keeps loops alive.
EDGES = ("app/api/", "app/process.py", "app/loops.py")


def _is_broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in BROAD) for kind in kinds)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _nested_imports(source: Source) -> Iterator[str]:
    for function in source.functions():
        for node in ast.walk(function):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                yield source.at(node)


def test_nothing_is_imported_inside_a_function() -> None:
    none([place for source in sources() for place in _nested_imports(source)])


def test_there_is_no_global_statement() -> None:
    found = [source.at(node) for source in sources() for node in source.nodes if isinstance(node, ast.Global)]
    none(found)


def test_only_the_edges_catch_everything() -> None:
    found = [
        source.at(node)
        for source in sources("app")
        if not source.path.startswith(EDGES)
        for node in source.nodes
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _raises_again(node)
    ]
    none(found)


def test_every_module_begins_with_one_sentence() -> None:
    found: list[str] = []
    for source in sources():
        if not source.tree.body:
            continue
        first = (ast.get_docstring(source.tree) or "").split("\n", 1)[0]
        # A list may follow the first line; a sentence ends in a full stop, a question mark or a colon.
        if not first.endswith((".", "?", ":")) or not source.lines[0].lstrip("r").startswith('"""'):
            found.append(f"{source.path}: {first!r}")
    none(found)


def test_the_loop_is_never_blocked_by_sleeping() -> None:
    found = [
        source.at(node)
        for source in sources("app")
        for node in source.nodes
        if isinstance(node, ast.Call) and dotted(node.func) == "time.sleep"
    ]
    none(found)
