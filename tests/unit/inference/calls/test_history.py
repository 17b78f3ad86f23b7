"""The newest whole turns go into a prompt as far as there is room; everything else always goes."""

from hypothesis import given
from hypothesis import strategies as st

from app.inference.calls.calibration import Size
from app.inference.calls.history import Draft, turns_of
from app.inference.words.records import Message

SYSTEM, QUESTION = Message("system", "s " * 10), Message("user", "q " * 5)


def turn(number: int, words: int = 10) -> tuple[Message, Message]:
    return Message("user", f"ask{number} " * words), Message("assistant", f"say{number} " * words)


def words(size: Size) -> int:
    return size.census.words


def draft(*turns: tuple[Message, ...]) -> Draft:
    history = [message for one in turns for message in one]
    return Draft((SYSTEM, *history, QUESTION), len(history))


def test_everything_goes_while_there_is_room() -> None:
    fitted = draft(turn(1), turn(2)).fit(55, words)
    assert fitted.messages == (SYSTEM, *turn(1), *turn(2), QUESTION)
    assert (fitted.left_out, words(fitted.size)) == (0, 55)


def test_whole_turns_are_left_out_oldest_first() -> None:
    fitted = draft(turn(1), turn(2), turn(3)).fit(74, words)
    assert fitted.messages == (SYSTEM, *turn(2), *turn(3), QUESTION)
    assert (fitted.left_out, words(fitted.size)) == (1, 55)


def test_no_turn_older_than_one_left_out_is_kept() -> None:
    fitted = draft(turn(1, 1), turn(2, 50), turn(3)).fit(60, words)
    assert (fitted.messages, fitted.left_out) == ((SYSTEM, *turn(3), QUESTION), 2)


def test_prompt_and_question_always_go() -> None:
    fitted = draft(turn(1)).fit(0, words)
    assert (fitted.messages, fitted.left_out) == ((SYSTEM, QUESTION), 1)
    assert Draft((QUESTION,), 0).fit(0, words).messages == (QUESTION,)


def test_what_was_asked_of_tools_since_the_last_question_goes_with_it() -> None:
    asked, found = Message("assistant", "call " * 3), Message("tool", "found " * 4, tool_name="f")
    made = Draft((SYSTEM, *turn(1), *turn(2), QUESTION, asked, found), 6)
    fitted = made.fit(43, words)
    assert fitted.messages == (SYSTEM, *turn(2), QUESTION, asked, found)
    assert (fitted.left_out, words(fitted.size)) == (1, 42)
    assert made.fit(0, words).messages == (SYSTEM, QUESTION, asked, found)


def test_tools_take_room_that_turns_do_not_have_then() -> None:
    made = Draft((SYSTEM, *turn(1), QUESTION), 2, Size(beside=10))
    assert made.fit(44, lambda size: size.census.words + size.beside).messages == (SYSTEM, QUESTION)
    assert made.fit(45, lambda size: size.census.words + size.beside).left_out == 0


def test_a_question_that_got_no_answer_is_a_turn_of_its_own() -> None:
    asked, said = turn(1)
    assert turns_of([said, asked, asked, said]) == [(said,), (asked,), (asked, said)]


@given(sizes=st.lists(st.integers(1, 20), max_size=10), limit=st.integers(0, 300))
def test_what_is_kept_fits_and_one_turn_more_would_not(sizes: list[int], limit: int) -> None:
    turns = [turn(number, size) for number, size in enumerate(sizes)]
    made = draft(*turns)
    fitted = made.fit(limit, words)
    kept = turns[fitted.left_out :]
    assert fitted.messages == (SYSTEM, *(message for one in kept for message in one), QUESTION)
    if kept:
        assert words(fitted.size) <= limit
    if fitted.left_out:
        assert words(fitted.size) + 2 * sizes[fitted.left_out - 1] > limit
