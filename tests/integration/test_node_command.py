"""`switchyard nodes` on a real PostgreSQL: what an operator sees and says is what replicas read."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import psycopg
import pytest

from app.cli import build_parser, run
from app.console import Console
from app.inference.fleet.catalogue import Node
from app.inference.fleet.node_rows import NodeRow, NodeRows
from app.inference.fleet.nodes import NodeState
from app.inference.fleet.overlap import SlotNotice
from app.inference.fleet.slot_watch import NodeNotice
from app.node_command import open_nodes
from app.settings import read_part

pytestmark = pytest.mark.integration

T = TypeVar("T")


class Operator:
    """A shell of an operator, and what the replicas read."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ

    def types(self, *words: str) -> tuple[int, str, str]:
        """Run `switchyard nodes …`; return its status, output and notes."""
        out, notes = io.StringIO(), io.StringIO()
        given = build_parser().parse_args(["nodes", *words])
        return run(given, self.environ, Console(out), Console(notes)), out.getvalue(), notes.getvalue()

    def with_rows(self, act: Callable[[NodeRows], Awaitable[T]]) -> T:
        """Do something to the rows of the nodes, as a replica does."""

        async def opened() -> T:
            async with open_nodes(read_part(self.environ, needed=("database_url",))) as nodes:
                return await act(nodes.rows)

        return asyncio.run(opened())

    @property
    def rows(self) -> Sequence[NodeRow]:
        """What a replica reads."""
        return self.with_rows(lambda rows: rows.list())

    @property
    def drained(self) -> set[str]:
        """The names of the drained nodes."""
        return {row.name for row in self.rows if row.drained}


def node(name: str) -> Node:
    """A node with two models."""
    return Node(name=name, url=f"http://{name}:11434", slots=2, models=("m:1", "e:1"))


@pytest.fixture
def operator(postgres_url: str, valkey_urls: tuple[str, str]) -> Operator:
    """An operator of two nodes, one of which has answered."""
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute("TRUNCATE nodes")
    operator = Operator({"SWITCHYARD_DATABASE_URL": postgres_url, "SWITCHYARD_COORDINATION_URL": valkey_urls[1]})
    operator.with_rows(lambda rows: rows.seed((node("a"), node("b"))))
    operator.with_rows(lambda rows: rows.note_state("a", NodeState.READY))
    return operator


def test_a_node_is_drained_and_taken_back(operator: Operator) -> None:
    status, shown, _ = operator.types("drain", "b")
    assert (status, shown.endswith("what it has goes on; nothing runs there now\n")) == (0, True)
    assert operator.drained == {"b"}
    status, shown, _ = operator.types("list")
    assert status == 0
    assert [line.split() for line in shown.splitlines()] == [
        ["NAME", "STATE", "DRAINED", "SLOTS", "URL", "MODELS"],
        ["a", "ready", "no", "2", "http://a:11434", "m:1,", "e:1"],
        ["b", "warming", "yes", "2", "http://b:11434", "m:1,", "e:1"],
    ]
    assert operator.types("undrain", "b")[0] == 0
    assert operator.drained == set()


def test_what_is_to_be_told_of_a_node_stands_under_the_list_until_its_slots_change(operator: Operator) -> None:
    notice = NodeNotice(SlotNotice.TOO_MANY, "m:1", "it runs 1 call at once", SlotNotice.TOO_MANY.remedy)
    operator.with_rows(lambda rows: rows.note_notices("a", (notice,)))
    told = f"node a: it runs 1 call at once. To do: {SlotNotice.TOO_MANY.remedy}"
    assert operator.types("list")[1].splitlines()[-1] == told
    operator.types("change", "a", "--price", "0.5")
    assert operator.rows[0].notices == (notice,)
    operator.types("change", "a", "--slots", "1")
    assert operator.rows[0].notices == ()


def test_a_node_is_added_changed_and_removed(operator: Operator) -> None:
    said = ("--slots", "4", "--gpu", "NVIDIA L4", "--vram", "24GB", "--price", "0.71", "--label", "zone=a")
    status, shown, _ = operator.types("add", "c", "http://c:11434/", "--models", "m:1,e:1", *said)
    assert (status, shown) == (0, "node c is used once the replicas have looked, within seconds\n")
    assert operator.rows[2].node == Node(
        name="c", url="http://c:11434", slots=4, gpu="NVIDIA L4", vram_bytes=24_000_000_000,
        price_usd_per_hour=0.71, labels={"zone": "a"}, models=("m:1", "e:1"),
    )  # fmt: skip
    status, _, notes = operator.types("add", "c", "http://d", "--slots", "1", "--models", "m:1")
    assert (status, notes) == (1, "switchyard: there is a node c already\n")
    assert operator.types("change", "c", "--slots", "8")[:2] == (0, "node c has another slots\n")
    assert (operator.rows[2].slots, operator.rows[2].gpu) == (8, "NVIDIA L4")
    assert operator.types("remove", "c")[0] == 0
    assert [row.name for row in operator.rows] == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--slots", "0", "--models", "m:1"), "`slots` must be at least 1, and at most 10000"),
        (("--slots", "1", "--models", "m:1,M:1"), "`models` names 'm:1' twice"),
        (("--slots", "1", "--models", "m 1"), "`models` names 'm 1', which is not a name that Ollama takes"),
    ],
)
def test_a_node_that_cannot_be_is_refused_with_the_key(operator: Operator, words: tuple[str, ...], reason: str) -> None:
    status, _, notes = operator.types("add", "c", "http://c", *words)
    assert (status, notes) == (1, f"switchyard: {reason}\n")


def test_a_file_is_applied_on_purpose(postgres_url: str, operator: Operator, tmp_path: Path) -> None:
    tables = ['[[models]]\nname = "m:1"\ntiers = ["simple"]\n']
    for name, slots in (("a", 9), ("b", 2), ("c", 3)):
        tables.append(f'[[nodes]]\nname = "{name}"\nurl = "http://{name}:11434"\nslots = {slots}\nmodels = ["m:1"]\n')
    (tmp_path / "nodes.toml").write_text("".join(tables))
    operator.types("remove", "b")
    environ = {"SWITCHYARD_DATABASE_URL": postgres_url, "SWITCHYARD_NODES_FILE": str(tmp_path / "nodes.toml")}
    status, shown, _ = Operator(environ).types("apply")
    assert (status, shown.splitlines()) == (
        0,
        ["node a: changed", "node b: left out; `switchyard nodes add` adds it again", "node c: added"],
    )
    assert [(row.name, row.slots) for row in operator.rows] == [("a", 9), ("c", 3)]
    status, _, notes = Operator(environ).types("add", "d", "http://d", "--slots", "1", "--models", "other")
    assert (status, notes) == (1, "switchyard: `models` names 'other', which no [[models]] entry has\n")


def test_programs_read_json(operator: Operator) -> None:
    assert msgspec.json.decode(operator.types("drain", "a", "--json")[1]) == {
        "node": "a",
        "drained": True,
        "calls": 0,
        "calls_end_in_s": None,
    }
    shown = msgspec.json.decode(operator.types("list", "--json")[1])
    assert [(one["name"], one["state"], one["drained"]) for one in shown] == [
        ("a", "ready", True),
        ("b", "warming", False),
    ]
    assert msgspec.json.decode(operator.types("undrain", "a", "--json")[1]) == {"node": "a", "drained": False}


@pytest.mark.parametrize("words", [("drain",), ("undrain",), ("remove",), ("change", "--slots", "1"), ("pull", "m:1")])
def test_a_name_that_no_node_has_is_refused_with_those_that_there_are(
    operator: Operator, words: tuple[str, ...]
) -> None:
    status, _, notes = operator.types(words[0], "c", *words[1:])
    assert (status, notes) == (1, "switchyard: no node is called c; there are a, b\n")
    assert operator.drained == set()
