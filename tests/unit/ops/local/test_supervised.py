"""The life of one part, told by a fake program and a fake clock."""

import signal
from collections.abc import Callable
from dataclasses import replace

import pytest

from ops.local.layout import Layout
from ops.local.parts.part import Part
from ops.local.problems import PartFailed
from ops.local.process import Child, ProcessId
from ops.local.supervised import CALM_AFTER_S, PAUSES_S, Supervised
from ops.local.views import PartState

PART = Part(name="server", command=("server",), environ={}, is_ready=lambda: True, ready_within_s=10.0)


class FakeChild(Child):
    """A program that ends when the test says so."""

    def __init__(self) -> None:
        self.id = ProcessId(1, 1)
        self.exit_status: int | None = None
        self.asked: list[str] = []

    def status(self) -> int | None:
        return self.exit_status

    def send(self, number: signal.Signals) -> None:
        self.asked.append(number.name)

    def ask_to_stop(self) -> None:
        self.asked.append("stop")

    def wait(self, limit_s: float) -> bool:
        self.asked.append(f"wait {limit_s:.0f}")
        return self.exit_status is not None

    def kill(self) -> None:
        self.asked.append("kill")
        self.exit_status = -9


class Stage:
    """A supervised part with its fake clock and its fake programs."""

    def __init__(self, layout: Layout, part: Part = PART) -> None:
        self.now = 0.0
        self.children: list[FakeChild] = []
        self.supervised = Supervised(layout, lambda _: part, clock=lambda: self.now, spawn=self._spawn)

    def _spawn(self, _part: Part, _layout: Layout) -> Child:
        self.children.append(FakeChild())
        return self.children[-1]

    def look_after(self, seconds: float) -> PartState:
        self.now += seconds
        self.supervised.look()
        return self.supervised.state

    def end(self, status: int) -> None:
        self.children[-1].exit_status = status


MakeStage = Callable[..., Stage]


@pytest.fixture
def make_stage(make_layout: Callable[..., Layout]) -> Callable[..., Stage]:

    def make(part: Part = PART) -> Stage:
        return Stage(make_layout(), part)

    return make


def test_a_part_is_ready_when_its_probe_says_so(make_stage: MakeStage) -> None:
    answers = iter([False, False, True])
    stage = make_stage(replace(PART, is_ready=lambda: next(answers)))
    assert stage.supervised.state is PartState.WAITING
    stage.supervised.begin()
    assert [stage.look_after(1.0) for _ in range(3)] == [PartState.STARTING, PartState.STARTING, PartState.READY]


def test_preparation_comes_before_the_program_and_settling_after_it_is_ready(make_stage: MakeStage) -> None:
    steps: list[str] = []

    def is_ready() -> bool:
        steps.append("probed")
        return True

    stage = make_stage(
        replace(
            PART, prepare=lambda: steps.append("prepared"), is_ready=is_ready, settle=lambda: steps.append("settled")
        )
    )
    stage.supervised.begin()
    stage.look_after(1.0)
    assert steps == ["prepared", "probed", "settled"]


def test_a_killed_part_comes_back_at_once(make_stage: MakeStage) -> None:
    stage = make_stage()
    stage.supervised.begin()
    stage.look_after(1.0)
    stage.end(-9)
    assert stage.look_after(1.0) is PartState.RESTARTING
    assert stage.look_after(0.0) is PartState.STARTING
    assert stage.look_after(1.0) is PartState.READY
    assert stage.supervised.view().restarts == 1
    assert len(stage.children) == 2


def test_a_part_that_keeps_dying_is_restarted_with_growing_pauses(make_stage: MakeStage) -> None:
    stage = make_stage()
    stage.supervised.is_patient = True
    stage.supervised.begin()
    stage.look_after(1.0)
    pauses: list[float] = []
    for _ in range(6):
        stage.end(1)
        died_at = stage.now
        while stage.look_after(0.01) is not PartState.STARTING:
            pass
        pauses.append(stage.now - died_at)
        stage.look_after(1.0)
    assert pauses == pytest.approx(PAUSES_S[:6], abs=0.05)


def test_after_a_calm_while_a_death_is_a_first_one_again(make_stage: MakeStage) -> None:
    stage = make_stage()
    stage.supervised.begin()
    stage.look_after(1.0)
    for _ in range(2):
        stage.end(1)
        stage.look_after(0.0)
        stage.look_after(5.0)
        stage.look_after(1.0)
        stage.look_after(CALM_AFTER_S + 1)
    stage.end(1)
    stage.look_after(0.0)
    assert stage.look_after(0.0) is PartState.STARTING


def test_a_part_that_never_gets_ready_is_given_up_after_three_tries(make_stage: MakeStage) -> None:
    stage = make_stage(replace(PART, is_ready=lambda: False))
    stage.supervised.begin()
    for _ in range(2):
        assert stage.look_after(11.0) is PartState.RESTARTING
        assert stage.look_after(1.0) is PartState.STARTING
    with pytest.raises(PartFailed, match="not ready within 10 s"):
        stage.look_after(11.0)
    assert all("kill" in child.asked for child in stage.children)


def test_a_part_that_dies_again_and_again_while_the_stack_starts_is_given_up(make_stage: MakeStage) -> None:
    stage = make_stage()
    stage.supervised.begin()
    for _ in range(2):
        stage.look_after(1.0)
        stage.end(1)
        assert stage.look_after(0.0) is PartState.RESTARTING
        assert stage.look_after(1.0) is PartState.STARTING
    stage.end(1)
    with pytest.raises(PartFailed, match="status 1"):
        stage.look_after(0.0)


def test_a_background_part_never_holds_up_the_stack_and_is_tried_for_ever(make_stage: MakeStage) -> None:
    stage = make_stage(replace(PART, is_one_time=True, is_background=True))
    assert stage.supervised.is_up
    stage.supervised.begin()
    for _ in range(10):
        stage.end(1)
        assert stage.look_after(0.0) is PartState.RESTARTING
        stage.look_after(PAUSES_S[-1])
    stage.end(0)
    assert stage.look_after(0.0) is PartState.DONE


def test_a_one_time_part_is_done_when_it_ends_well(make_stage: MakeStage) -> None:
    stage = make_stage(replace(PART, is_one_time=True))
    stage.supervised.begin()
    assert stage.look_after(1.0) is PartState.RUNNING
    assert not stage.supervised.is_up
    stage.end(0)
    assert stage.look_after(1.0) is PartState.DONE
    assert stage.supervised.is_up


def test_a_part_that_does_not_stop_is_killed(make_stage: MakeStage) -> None:
    stage = make_stage()
    stage.supervised.begin()
    stage.look_after(1.0)
    stage.supervised.ask_to_stop()
    stage.supervised.stop()
    assert stage.children[0].asked == ["stop", "wait 10", "kill"]
    assert stage.supervised.state is PartState.STOPPED
    assert "killed" in stage.supervised.view().problem


def test_a_stopped_part_stays_stopped(make_stage: MakeStage) -> None:
    stage = make_stage()
    stage.supervised.begin()
    stage.look_after(1.0)
    stage.end(0)
    stage.supervised.stop()
    assert stage.look_after(60.0) is PartState.STOPPED
    assert len(stage.children) == 1
