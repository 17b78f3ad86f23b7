"""`switchyard nodes` on a real PostgreSQL: what an operator sees and says is what replicas read."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Generator
from typing import TypeVar

import msgspec
import pytest

from app.cli import build_parser, run
from app.console import Console
from app.inference.fleet.catalogue import Node
from app.inference.fleet.node_rows import NodeRows
from app.inference.fleet.nodes import NodeState
from app.node_command import open_nodes
from app.settings import read_part

pytestmark = pytest.mark.integration

T = TypeVar("T")


class Operator:
    """A shell of an operator, and what the replicas read."""

    def __init__(self, postgres_url: str) -> None:
        self._environ = {"SWITCHYARD_DATABASE_URL": postgres_url}

    def types(self, *words: str) -> tuple[int, str, str]:
        """Run `switchyard nodes …`; return its status, output and notes."""
        out, notes = io.StringIO(), io.StringIO()
        given = build_parser().parse_args(["nodes", *words])
        return run(given, self._environ, Console(out), Console(notes)), out.getvalue(), notes.getvalue()

    def with_rows(self, act: Callable[[NodeRows], Awaitable[T]]) -> T:
        """Do something to the rows of the nodes, as a replica does."""

        async def opened() -> T:
            async with open_nodes(read_part(self._environ, needed=("database_url",))) as rows:
                return await act(rows)

        return asyncio.run(opened())

    @property
    def drained(self) -> frozenset[str]:
        """What a replica reads."""
        return self.with_rows(lambda rows: rows.drained())


def node(name: str) -> Node:
    """A node with two models."""
    return Node(name=name, url=f"http://{name}:11434", slots=2, models=("m:1", "e:1"))


@pytest.fixture
def operator(postgres_url: str) -> Generator[Operator]:
    """An operator of two nodes, one of which has answered."""
    operator = Operator(postgres_url)
    operator.with_rows(lambda rows: rows.declare((node("a"), node("b"))))
    operator.with_rows(lambda rows: rows.note_state("a", NodeState.READY))
    yield operator
    operator.with_rows(lambda rows: rows.declare(()))


def test_a_node_is_drained_and_taken_back(operator: Operator) -> None:
    assert operator.types("drain", "b")[0] == 0
    assert operator.drained == {"b"}
    status, shown, _ = operator.types("list")
    assert status == 0
    assert [line.split() for line in shown.splitlines()] == [
        ["NAME", "STATE", "DRAINED", "SLOTS", "MODELS"],
        ["a", "ready", "no", "2", "m:1,", "e:1"],
        ["b", "warming", "yes", "2", "m:1,", "e:1"],
    ]
    assert operator.types("undrain", "b")[0] == 0
    assert operator.drained == set()


def test_programs_read_json(operator: Operator) -> None:
    assert msgspec.json.decode(operator.types("drain", "a", "--json")[1]) == {"node": "a", "drained": True}
    shown = msgspec.json.decode(operator.types("list", "--json")[1])
    assert [(one["name"], one["state"], one["drained"]) for one in shown] == [
        ("a", "ready", True),
        ("b", "warming", False),
    ]
    assert msgspec.json.decode(operator.types("undrain", "a", "--json")[1]) == {"node": "a", "drained": False}


@pytest.mark.parametrize("act", ["drain", "undrain"])
def test_a_name_that_no_node_has_is_refused_with_those_that_there_are(operator: Operator, act: str) -> None:
    status, _, notes = operator.types(act, "c")
    assert (status, notes) == (1, "switchyard: no node is called c; there are a, b\n")
    assert operator.drained == set()
