"""An event id that a run gave out is taken back; one that it cannot have given out is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agents.event_log import EPOCHS_PER_FENCE, End, Entry, Load, Opening, Text
from app.agents.follower import Position
from app.agents.places import LONGEST_CHARACTERS, is_whole, may_stand

FIRST, SECOND = EPOCHS_PER_FENCE, 2 * EPOCHS_PER_FENCE
WHOLE: list[Entry] = [
    Opening(FIRST, 0),
    Load(FIRST, "a", "m"),
    Text(FIRST, 0, "Hello, wor"),
    Opening(SECOND, 5),
    Text(SECOND, 5, "!"),
    End(SECOND),
]
ANSWER = "Hello!"


@pytest.mark.parametrize(
    "position", [Position(0, 6), Position(FIRST, 0), Position(FIRST, 10), Position(SECOND, 5), Position(SECOND, 6)]
)
def test_what_a_run_told_is_taken_back_after_its_end(position: Position) -> None:
    assert may_stand(position, WHOLE, answer=ANSWER, is_told=True)


@pytest.mark.parametrize("position", [Position(FIRST, 11), Position(SECOND, 999), Position(7, 0), Position(3000, 1)])
def test_what_a_run_never_told_is_refused_after_its_end(position: Position) -> None:
    assert not may_stand(position, WHOLE, answer=ANSWER, is_told=True)


@pytest.mark.parametrize(
    ("entries", "whole"),
    [
        (WHOLE, True),
        ([], False),
        (WHOLE[:-1], False),
        (WHOLE[1:], False),
        (WHOLE[3:], False),
        ([*WHOLE[:4], Text(SECOND, 9, "!"), End(SECOND)], False),
        ([Opening(FIRST, 0), Opening(SECOND, 5), End(SECOND)], False),
        ([Opening(SECOND, 0), Text(SECOND, 0, "Hello!"), End(SECOND)], False),
    ],
)
def test_a_log_that_lacks_something_is_known(entries: list[Entry], whole: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_whole(entries) is whole


def test_a_reader_of_the_attempt_before_is_taken_back_when_the_log_was_lost_with_it() -> None:
    taken_over: list[Entry] = [Opening(SECOND, 0), Text(SECOND, 0, ANSWER), End(SECOND)]
    assert may_stand(Position(FIRST, 10), taken_over, answer=ANSWER, is_told=True)


@pytest.mark.parametrize(("entries", "is_told"), [([], True), (WHOLE[3:], True), (WHOLE[:3], False), ([], False)])
def test_where_the_log_disproves_nothing_an_id_is_believed_up_to_the_longest_answer(
    entries: list[Entry],
    is_told: bool,  # noqa: FBT001 - a table's column
) -> None:
    answer = ANSWER if is_told else ""
    assert may_stand(Position(FIRST, 5000), entries, answer=answer, is_told=is_told)
    assert not may_stand(Position(FIRST, LONGEST_CHARACTERS + 100), entries, answer=answer, is_told=is_told)


@given(pieces=st.lists(st.text(min_size=1, max_size=5), max_size=6), cut=st.integers(0, 30), at=st.integers(0, 12))
def test_every_place_of_a_run_that_was_taken_over_is_taken_back(pieces: list[str], cut: int, at: int) -> None:
    text, entries = "", list[Entry]([Opening(FIRST, 0)])
    places = {Position(FIRST, 0)}
    for piece in pieces:
        entries.append(Text(FIRST, len(text), piece))
        text += piece
        places.add(Position(FIRST, len(text)))
    kept = text[:cut]
    entries += [Opening(SECOND, len(kept)), Text(SECOND, len(kept), "end"), End(SECOND)]
    places |= {Position(SECOND, len(kept)), Position(SECOND, len(kept) + 3)}
    for position in places:
        for number in (len(entries), at):
            is_told = number >= len(entries)
            assert may_stand(position, entries[:number], answer=f"{kept}end" if is_told else "", is_told=is_told)
