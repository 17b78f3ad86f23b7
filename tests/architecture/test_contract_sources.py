"""Every contract case names the source file of the server whose behaviour it copies."""

import ast
import re
from collections.abc import Iterable

from tests.architecture.sources import Function, Source, dotted, none, sources

SUITES = ("tests/contract/test_ollama", "tests/contract/test_qdrant", "tests/contract/test_fake_node")
# A project and a path inside it, as `ollama: server/routes.go`.
FILE = re.compile(r"[a-z][a-z.-]*: [\w.-]+(/[\w.-]+)*\.[a-z]+")


def test_each_case_names_its_source() -> None:
    cases = [(source, case) for source in sources("tests") if source.path.startswith(SUITES) for case in _cases(source)]
    assert len(cases) > 100
    none([f"{source.at(case)}: {case.name} names no source" for source, case in cases if not _files(source, case)])


def test_each_source_is_a_project_and_a_file_of_it() -> None:
    found = [(source, file) for source in sources("tests/contract") for file in _named(source.nodes)]
    assert len(found) > 100
    none([f"{source.path}: {file!r}" for source, file in found if FILE.fullmatch(file) is None])


def test_a_case_without_a_mark_is_found() -> None:
    text = 'def test_a(): ...\n@pytest.mark.source("ollama: a.go")\ndef test_b(): ...\n'
    source = Source("x.py", [], ast.parse(text))
    assert [_files(source, case) for case in _cases(source)] == [[], ["ollama: a.go"]]


def _cases(source: Source) -> list[Function]:
    return [case for case in source.functions() if case.name.startswith("test_")]


def _files(source: Source, case: Function) -> list[str]:
    """Return what the marks of a case, of its class and of its module name."""
    marks: list[ast.AST] = list(case.decorator_list)
    for node in source.tree.body:
        if isinstance(node, ast.ClassDef) and case in node.body:
            marks += node.decorator_list
        if isinstance(node, ast.Assign) and dotted(node.targets[0]) == "pytestmark":
            marks.append(node.value)
    return _named([inner for mark in marks for inner in ast.walk(mark)])


def _named(nodes: Iterable[ast.AST]) -> list[str]:
    found: list[str] = []
    for node in nodes:
        if isinstance(node, ast.Call) and dotted(node.func) == "pytest.mark.source":
            found += [str(one.value) for one in node.args if isinstance(one, ast.Constant)]
    return found
