"""Prompts with the same beginning have the same marks."""

from hypothesis import given
from hypothesis import strategies as st

from app.inference.routing.prefixes import LEAST_CHARACTERS, MOST_ENDS, STEPS, marks_of
from app.inference.words.messages import Message


def talk(*contents: str) -> list[Message]:
    """Return turns of a user and an assistant, one after the other."""
    return [Message("assistant" if number % 2 else "user", content) for number, content in enumerate(contents)]


def test_the_next_turn_of_a_conversation_knows_all_that_was_said() -> None:
    before = talk("a" * 3000, "b" * 500)
    after = [*before, Message("user", "c" * 500)]
    shared = {mark.digest for mark in marks_of(before)}
    longest = next(mark for mark in marks_of(after) if mark.digest in shared)
    assert longest.share == (3004 + 509) / (3004 + 509 + 504)


def test_an_opening_that_prompts_have_in_common_is_known_by_its_length() -> None:
    one, other = talk("same " * 500 + "x"), talk("same " * 500 + "y" * 300)
    shared = {mark.digest for mark in marks_of(one)} & {mark.digest for mark in marks_of(other)}
    assert [mark.share * (2500 + 300 + 4) for mark in marks_of(other) if mark.digest in shared] == [2048, 1024]


def test_another_beginning_shares_nothing_however_alike_the_rest() -> None:
    one, other = talk("x" + "same" * 1000, "b"), talk("y" + "same" * 1000, "b")
    assert not {mark.digest for mark in marks_of(one)} & {mark.digest for mark in marks_of(other)}


def test_who_said_it_and_where_it_ended_belong_to_it() -> None:
    joined, apart = talk("a" * 2000), talk("a" * 1000, "a" * 991)
    assert not {mark.digest for mark in marks_of(joined)} & {
        mark.digest for mark in marks_of(apart) if mark.share * 2004 > 1024
    }


def test_a_short_prompt_is_not_worth_asking_about() -> None:
    assert marks_of(talk("a" * (LEAST_CHARACTERS - 5))) == ()
    assert marks_of([]) == ()


@given(st.lists(st.text(max_size=900), max_size=40))
def test_marks_are_few_and_begin_with_the_longest(contents: list[str]) -> None:
    shares = [mark.share for mark in marks_of(talk(*contents))]
    assert shares == sorted(shares, reverse=True)
    assert len(shares) <= MOST_ENDS + len(STEPS)
    assert not shares or shares[0] == 1.0
