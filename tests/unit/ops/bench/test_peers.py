"""LiteLLM's settings, and what the loss of a peer costs."""

import json
import subprocess
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.bench import litellm, peers, points
from ops.bench.client import Connections, Request, Target
from ops.bench.install import Installation
from ops.bench.load import Ask, RowFailed, Seen
from ops.bench.parts import FAST, PACED
from ops.bench.plan import LITELLM, QUICK
from ops.bench.points import PEERS_LIMIT_S, Rounds, Unmeasured
from ops.bench.sides import DIRECT, Mode, Side
from ops.local.layout import Layout
from ops.local.ports import Ports

NODE = "http://127.0.0.1:1"


def test_both_rows_of_litellm_know_both_models_by_their_own_provider() -> None:
    config = json.loads(litellm.config(NODE))
    known = {entry["model_name"]: entry["litellm_params"] for entry in config["model_list"]}
    assert set(known) == {f"{provider}/{name}" for provider in ("ollama_chat", "openai") for name in (FAST, PACED)}
    assert known[litellm.model("litellm", FAST)] == {"model": f"ollama_chat/{FAST}", "api_base": NODE}
    assert known[litellm.model("litellm-openai", PACED)] == {
        "model": f"openai/{PACED}", "api_base": f"{NODE}/v1", "api_key": "none",
    }  # fmt: skip
    assert tuple(litellm.PROVIDERS) == LITELLM


def test_litellm_neither_fetches_nor_sends_nor_retries() -> None:
    assert litellm.SETTINGS["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"
    config = json.loads(litellm.config(NODE))
    assert (config["litellm_settings"]["telemetry"], config["litellm_settings"]["num_retries"]) == (False, 0)
    assert "database_url" not in config["general_settings"]


def test_litellm_listens_on_loopback_with_one_worker_and_a_key_that_no_command_line_shows(tmp_path: Path) -> None:
    ports = Ports(tmp_path / "ports.json", is_free=lambda _: True, find_free=lambda: 4000)
    made = litellm.part(replace(Layout.open(tmp_path, {}), ports=ports), litellm.config(NODE), "sk-secret")
    made.prepare()
    assert made.command[made.command.index("--host") :][:2] == ("--host", "127.0.0.1")
    assert made.command[made.command.index("--num_workers") :][:2] == ("--num_workers", "1")
    assert made.environ["LITELLM_MASTER_KEY"] == "sk-secret"
    assert "sk-secret" not in " ".join(made.command)
    assert "sk-secret" not in (tmp_path / "config.yaml").read_text()
    assert "127.0.0.1" not in litellm.spelled()


def test_a_peer_that_cannot_be_installed_is_lost_and_the_rest_goes_on(tmp_path: Path) -> None:
    def refuse(command: Sequence[str], _environ: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.CompletedProcess(command, 1, "", "the index does not answer")

    (tmp_path / "lock").write_text("litellm==1.0\n")
    broken = Installation("litellm", tmp_path / "lock", tmp_path / "litellm", refuse)
    nothing_runs: Any = None
    plan = replace(QUICK, installed=("litellm",))
    with peers.opened(nothing_runs, plan, {}, lambda _: None, installation=broken) as found:
        assert (found.sides, found.notes) == ([], [])
        assert "the index does not answer" in found.lost["litellm"]


class Loops:
    """In place of the load generator: answers at once, fails the paths of `broken`, and lets time pass."""

    def __init__(self) -> None:
        self.broken: dict[Mode, str] = {}
        self.now_s = 0.0
        self.takes_s = 1.0
        self.asked: list[str] = []

    def clock(self) -> float:
        """Return the time."""
        return self.now_s

    async def loop(self, ask: Ask, **_: object) -> Seen:
        """Make one request."""
        name = ask.request.raw.decode()
        self.asked.append(name)
        self.now_s += self.takes_s
        if name in self.broken.values():
            raise RowFailed("the text is wrong")
        return Seen(latencies_s=[0.1], first_s=[0.05], wall_s=1.0)


@pytest.fixture
def loops(monkeypatch: pytest.MonkeyPatch) -> Loops:
    """Put the fake load generator in place."""
    made = Loops()
    monkeypatch.setattr(points, "closed_loop", made.loop)
    monkeypatch.setattr(points, "open_loop", made.loop)
    monkeypatch.setattr(points, "CALM_S", 0.0)
    return made


def side(name: str, *, is_peer: bool = False) -> Side:
    """Return a path whose request says which path and mode it is."""
    nowhere = Connections(Target("127.0.0.1", 1, "/"))
    asks = {mode: Ask(nowhere, Request(f"{name} {mode}".encode(), b""), lambda _: None) for mode in Mode}
    return Side(name, asks, {}, is_peer=is_peer)


def measure(loops: Loops, *sides: Side) -> tuple[Rounds, Coroutine[object, object, list[points.Point]]]:
    """Return the rounds and what measures them."""
    rounds = Rounds(sides, replace(QUICK, rounds=5), clock=loops.clock)
    return rounds, rounds.measure()


async def test_all_paths_have_all_rounds(loops: Loops) -> None:
    rounds, measured = measure(loops, side(DIRECT), side("litellm", is_peer=True))
    found = await measured
    assert rounds.lost == {}
    assert {(one.side, one.mode, one.concurrency) for one in found} == {
        (name, mode, at_once) for name in (DIRECT, "litellm") for mode in Mode for at_once in (16, 0)
    }
    assert len(found) == 2 * 2 * 2 * 5


async def test_a_peer_that_answers_wrong_loses_its_rows_and_the_others_keep_theirs(loops: Loops) -> None:
    loops.broken[Mode.STREAM] = "litellm stream"
    rounds, measured = measure(loops, side(DIRECT), side("litellm", is_peer=True), side("other", is_peer=True))
    found = await measured
    assert {one.side for one in found} == {DIRECT, "other"}
    assert rounds.lost == {"litellm": "litellm, stream: the text is wrong"}
    assert loops.asked.count("litellm stream") == 1


async def test_a_path_of_ours_that_answers_wrong_ends_the_measurement(loops: Loops) -> None:
    loops.broken[Mode.JSON] = f"{DIRECT} json"
    _, measured = measure(loops, side(DIRECT), side("litellm", is_peer=True))
    with pytest.raises(Unmeasured, match="direct, json: the text is wrong"):
        await measured


async def test_peers_have_a_limit_of_time_together(loops: Loops) -> None:
    loops.takes_s = PEERS_LIMIT_S / 10
    rounds, measured = measure(loops, side(DIRECT), side("a", is_peer=True), side("b", is_peer=True))
    found = await measured
    assert {one.side for one in found} == {DIRECT}
    assert set(rounds.lost.values()) == {"the peers' rows took longer than 240 s"}
    assert sum(not name.startswith(DIRECT) for name in loops.asked) == 11
