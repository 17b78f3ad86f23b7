"""Which moves a run can make, whatever came before."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.agents.life import CHANGES, FINAL_STATES, OPEN_STATES, Move, RunState, after


def lived(moves: list[Move]) -> list[RunState]:
    """Return the states that a run goes through that tries these moves; those that may not happen change nothing."""
    state: RunState | None = None
    states: list[RunState] = []
    for move in moves:
        to = after(state, move)
        if to is not None:
            state = to
            states.append(to)
    return states


def reached() -> set[RunState | None]:
    """Return every state that a run can come to, None for no run."""
    known: set[RunState | None] = {None}
    while True:
        more = {to for state in known for move in Move if (to := after(state, move)) is not None}
        if more <= known:
            return known
        known |= more


def test_every_move_has_its_change_and_every_state_is_reached() -> None:
    assert set(CHANGES) == set(Move)
    assert reached() == {None, *RunState}


@given(st.lists(st.sampled_from(Move)))
def test_a_run_is_accepted_first_and_once(moves: list[Move]) -> None:
    states = lived(moves)
    assert not states or states[0] in {RunState.RUNNING, RunState.ACCEPTED}
    assert all(after(state, move) is None for state in states for move in (Move.ACCEPT, Move.SUBMIT))


@given(st.lists(st.sampled_from(Move)))
def test_a_run_that_has_ended_stays_so_unless_it_failed_or_was_given_up_and_is_asked_for_again(
    moves: list[Move],
) -> None:
    states = lived(moves)
    for state, following in pairwise(states):
        if state in FINAL_STATES:
            assert (state, following) in {
                (RunState.FAILED, RunState.RUNNING),
                (RunState.FAILED, RunState.ACCEPTED),
                (RunState.DEAD, RunState.ACCEPTED),
            }


def test_an_owned_run_can_come_to_every_end_and_one_that_waits_is_stopped_expires_or_is_owned_again() -> None:
    ends = {state: {to for move in Move if (to := after(state, move)) in FINAL_STATES} for state in OPEN_STATES}
    assert ends[RunState.RUNNING] == FINAL_STATES
    assert ends[RunState.WAITING] == {RunState.CANCELLED, RunState.FAILED}
    assert ends[RunState.ACCEPTED] == {RunState.CANCELLED}
    assert after(RunState.WAITING, Move.RESUME) is RunState.RUNNING
    assert after(RunState.ACCEPTED, Move.TAKE_OVER) is RunState.RUNNING
