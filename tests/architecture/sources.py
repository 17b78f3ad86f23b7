"""The Python files of the repository as syntax trees."""

import ast
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).parents[2]
FOLDERS = ("app", "ops", "tests", "alembic", "grafana")
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One file: its path from the repository's root, its lines and its tree."""

    path: str
    lines: list[str]
    tree: ast.Module

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree, as `ast.walk` finds them."""
        return tuple(ast.walk(self.tree))

    def functions(self) -> Iterator[Function]:
        """Yield every function and method."""
        for node in self.nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield node

    def at(self, node: ast.stmt | ast.expr | ast.arg | ast.ExceptHandler) -> str:
        """Return `path:line` of a node."""
        return f"{self.path}:{node.lineno}"


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Return the files under `folders`, or under all FOLDERS."""
    found = tuple(_source(path) for folder in folders or FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))
    # Millions of nodes that live as long as the tests do: the collector need not look through them again and again.
    gc.freeze()
    return found


@cache
def _source(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(path.relative_to(ROOT).as_posix(), text.splitlines(), ast.parse(text))


def none(found: list[str]) -> None:
    """Fail with every finding on a line of its own."""
    assert not found, "\n" + "\n".join(found)


def dotted(node: ast.AST) -> str:
    """Return what `ast.unparse` writes, at a tenth of its cost for `x` and `x.y`."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ast.unparse(node)
