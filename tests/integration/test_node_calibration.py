"""`switchyard nodes calibrate`: an operator has a node measured, and estimates begin with what was found."""

import asyncio
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import msgspec
import psycopg
import pytest
from prometheus_client import CollectorRegistry

from app import node_calibration
from app.inference.estimates import Speed
from app.inference.fleet.catalogue import Catalogue, Model, Node
from app.inference.fleet.nodes import Fleet
from app.inference.fleet.pin_rows import PinRows
from app.inference.fleet.roster import Roster
from app.inference.fleet.speed_rows import SpeedRows
from app.node_command import open_nodes
from app.settings import read_part
from app.telemetry.metrics import Metrics
from tests.integration.test_node_command import Operator

pytestmark = pytest.mark.integration

MODEL = Model(name="m:1", num_ctx=(2048,))


@pytest.fixture
def node() -> Generator[str]:
    """The address of a fake node that runs two calls at once."""
    speeds = ("--slots", "2", "--chat", "m:1", "--tokens-per-s", "400", "--load-s", "0.02", "--answer-tokens", "500")
    command = [sys.executable, "-m", "tests.fakes.node_process", *speeds]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own program
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.fixture
def operator(
    node: str, postgres_url: str, valkey_urls: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Operator:
    """An operator of that node, who declared four slots; no replica has to see that it is drained."""
    monkeypatch.setattr(node_calibration, "SEEN_WITHIN_S", 0.0)
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute("TRUNCATE nodes, node_speeds")
        conn.execute("DELETE FROM usage WHERE purpose = 'calibration'")
    (tmp_path / "nodes.toml").write_text(
        '[[models]]\nname = "m:1"\ntiers = ["simple"]\nnum_ctx = [2048]\n'
        f'[[nodes]]\nname = "a"\nurl = "{node}"\nslots = 4\nmodels = ["m:1"]\n'
    )
    return Operator(
        {
            "SWITCHYARD_DATABASE_URL": postgres_url,
            "SWITCHYARD_COORDINATION_URL": valkey_urls[1],
            "SWITCHYARD_NODES_FILE": str(tmp_path / "nodes.toml"),
        }
    )


async def learnt(environ: dict[str, str], url: str) -> Speed:
    """Return the speed that a replica begins with."""
    fleet = Fleet(
        Catalogue(models=(MODEL,), nodes=(Node(name="a", url=url, slots=4, models=("m:1",)),)),
        Metrics(CollectorRegistry()),
        clock=lambda: 0.0,
    )

    async def nothing() -> None:
        """Follow nothing."""

    async with open_nodes(read_part(environ, needed=("database_url",))) as nodes:
        await Roster(
            fleet, nodes.rows, SpeedRows(nodes.database), PinRows(nodes.database), on_followed=nothing
        ).follow()
    return fleet.view("a").speeds["m:1"]


def test_a_node_is_measured_while_it_is_drained_and_what_was_found_is_used(
    node: str, operator: Operator, postgres_url: str
) -> None:
    assert operator.types("apply")[0] == 0
    status, shown, notes = operator.types("calibrate", "a")
    assert (status, notes) == (0, "")
    lines = shown.splitlines()
    assert (lines[0], lines[1]) == ("node a is drained meanwhile", "m:1:")
    assert lines[-1] == "declared are 4 slots: `switchyard nodes change a --slots 2`"
    assert lines[-2].split()[0] == "m:1"
    assert lines[-2].split()[-2:] == ["2", "2"]
    assert operator.drained == set()
    speed = asyncio.run(learnt(operator.environ, node))
    assert 0.0 < speed.tokens_per_s <= 400.0
    assert speed.load_s >= 0.02
    with psycopg.connect(postgres_url) as conn:
        spent = conn.execute(
            "SELECT count(*), count(tenant_id), sum(gpu_us) > 0 FROM usage WHERE purpose = 'calibration'"
        ).fetchone()
    # One to load, one to read, and one, two, four and eight at once.
    assert spent == (17, 0, True)


def test_a_drained_node_stays_drained_and_programs_read_json(operator: Operator) -> None:
    operator.types("apply")
    operator.types("drain", "a")
    status, shown, _ = operator.types("calibrate", "a", "--model", "m:1", "--json")
    (found,) = msgspec.json.decode(shown)
    assert (status, found["runs_at_once"], found["declared_slots"], found["recommended_slots"]) == (0, 2, 4, 2)
    assert operator.drained == {"a"}


def test_what_cannot_be_measured_is_said(operator: Operator) -> None:
    operator.types("apply")
    status, _, notes = operator.types("calibrate", "a", "--model", "other")
    assert (status, notes) == (1, "switchyard: node a is declared to hold no chat model other\n")
    assert operator.types("calibrate", "b")[0] == 1
