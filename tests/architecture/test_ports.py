"""Two test runs on one machine never meet: nothing that a test starts listens on a port of its own choice."""

import ast
from collections.abc import Iterator

from tests.architecture.sources import Source, dotted, none, sources

LISTENERS = {"create_server", "start_server", "bind", "TCPSite", "ThreadingHTTPServer", "HTTPServer"}
# Listens on the first port from here that is free, unless it is told one.
CHOOSERS = {"ValkeyServer"}


def _calls(source: Source) -> Iterator[tuple[str, ast.Call]]:
    for node in source.nodes:
        if isinstance(node, ast.Call):
            yield dotted(node.func).rpartition(".")[2], node


def _fixed_ports(call: ast.Call) -> list[int]:
    given = [*call.args, *(word.value for word in call.keywords if word.arg == "port")]
    places = [part for one in given for part in (one.elts if isinstance(one, ast.Tuple) else [one])]
    return [
        one.value
        for one in places
        if isinstance(one, ast.Constant) and type(one.value) is int and 0 < one.value <= 65_535
    ]


def test_nothing_listens_on_a_fixed_port() -> None:
    found = [
        f"{source.at(call)} {name}"
        for source in sources("tests", "ops")
        for name, call in _calls(source)
        if (name in LISTENERS and _fixed_ports(call))
        or (name in CHOOSERS and not any(word.arg == "port" for word in call.keywords))
    ]
    none(found)


def test_a_stack_that_a_test_starts_has_a_public_port_of_its_own() -> None:
    """Else it takes the first choice of every stack, and another one has it after `down` and `up`."""
    found = [
        source.at(node)
        for source in sources("tests/acceptance", "tests/integration", "ops/verify")
        for node in source.nodes
        if isinstance(node, ast.Dict)
        and {"SWITCHYARD_LOCAL_DIR"} == {"SWITCHYARD_LOCAL_DIR", "SWITCHYARD_LOCAL_PORT"} & _keys(node)
    ]
    none(found)


def _keys(node: ast.Dict) -> set[object]:
    return {key.value for key in node.keys if isinstance(key, ast.Constant)}
