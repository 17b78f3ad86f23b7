"""How long a call waits between its tries, and when it gives up."""

from datetime import datetime

import pytest

from app.errors import NodeFailed, NoNodeAvailable, Unavailable
from app.inference.slots.patience import LONGEST_PAUSE_S, Patience, pause_s


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_pauses_double_up_to_the_longest() -> None:
    pauses = [pause_s(number, 1000.0, 0.0) for number in range(100)]
    assert pauses[:5] == [0.25, 0.5, 1.0, 2.0, LONGEST_PAUSE_S]
    assert set(pauses[4:]) == {LONGEST_PAUSE_S}


def test_chance_takes_up_to_half_of_a_pause_so_that_calls_do_not_come_together() -> None:
    assert (pause_s(2, 1000.0, 0.0), pause_s(2, 1000.0, 0.5), pause_s(2, 1000.0, 1.0)) == (1.0, 0.75, 0.5)


def test_the_last_pause_ends_with_the_patience() -> None:
    assert pause_s(9, 0.4, 0.0) == 0.4


def test_a_call_tries_once_more_at_the_end_of_its_patience_and_then_fails_with_what_kept_it() -> None:
    clock = Clock()
    patience = Patience(1.0, clock=clock, chance=lambda: 0.0)
    pauses = list[float]()
    trouble = NoNodeAvailable("none")
    while patience.left_s:
        pauses.append(patience.next_pause_s(trouble))
        clock.now_s += pauses[-1]
    assert pauses == [0.25, 0.5, 0.25]
    with pytest.raises(NoNodeAvailable) as raised:
        patience.next_pause_s(trouble)
    assert raised.value is trouble


def test_a_call_without_patience_fails_at_once() -> None:
    with pytest.raises(NodeFailed):
        Patience(0.0, clock=Clock()).next_pause_s(NodeFailed("broke"))


def test_a_wait_is_told_once_for_each_reason_and_again_after_the_call_got_somewhere() -> None:
    told = list[tuple[str, datetime]]()

    def note(trouble: Unavailable, since: datetime) -> None:
        told.append((trouble.code, since))

    patience = Patience(60.0, clock=Clock(), on_wait=note)
    for trouble in (NodeFailed(), NodeFailed(), NoNodeAvailable(), NoNodeAvailable()):
        patience.tell(trouble)
    assert [code for code, _ in told] == ["node_failed", "no_node_available"]
    assert told[0][1] == told[1][1]
    patience.moved()
    patience.tell(NoNodeAvailable())
    assert [code for code, _ in told[2:]] == ["no_node_available"]
    assert told[2][1] > told[0][1]


def test_pauses_go_on_from_the_last_though_the_call_got_somewhere() -> None:
    patience = Patience(60.0, clock=Clock(), chance=lambda: 0.0)
    first = patience.next_pause_s(NodeFailed())
    patience.moved()
    assert (first, patience.next_pause_s(NodeFailed())) == (0.25, 0.5)
