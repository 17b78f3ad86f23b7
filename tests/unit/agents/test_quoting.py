"""An answer in the passages' own words says something to each question of a message."""

from app.agents.quoting import Part, compose, parts_of
from app.retrieval.support.extracting import Extract

HOT = Extract("It gets 900 degrees hot.", 0, 10, 34, 1.2)
PRICE = Extract("It costs 40 euros.", 1, 0, 18, 1.3)


def test_a_message_that_asks_one_thing_is_one_part() -> None:
    assert parts_of("How hot does the kiln get?") == (Part("How hot does the kiln get?"),)


def test_each_question_of_a_message_is_a_part_and_is_about_what_stands_before() -> None:
    asked = "The lid of the kiln broke. Is that covered, and what does a new one cost?"
    about = "The lid of the kiln broke"
    assert parts_of(asked) == (
        Part("Is that covered", about),
        Part("what does a new one cost?", f"{about} Is that covered"),
    )


def test_what_was_found_for_each_question_is_said_in_turn_with_its_place() -> None:
    parts = (Part("How hot is it"), Part("what does it cost?"))
    quoted = compose(parts, ((HOT,), (PRICE,)))
    assert quoted is not None
    assert quoted.text == "It gets 900 degrees hot.\n\nIt costs 40 euros."
    assert [quoted.text[at : at + len(one.text)] for at, one in quoted.extracts] == [HOT.text, PRICE.text]


def test_a_question_that_no_passage_answers_is_named_and_admitted() -> None:
    quoted = compose((Part("How hot is it"), Part("who made it?")), ((HOT,), ()))
    assert quoted is not None
    assert quoted.text == (
        'It gets 900 degrees hot.\n\nAs to "who made it": I do not know, the documents that were found do not say it.'
    )
    assert compose((Part("who made it?"),), ((),)) is None


def test_words_that_answer_two_questions_are_said_once() -> None:
    quoted = compose((Part("How hot is it"), Part("is it hot?")), ((HOT,), (HOT,)))
    assert quoted is not None
    assert (quoted.text, len(quoted.extracts)) == (HOT.text, 1)
    same = compose((Part("How hot is it"),), ((HOT, PRICE, HOT),))
    assert same is not None
    assert same.text == f"{HOT.text} {PRICE.text}"
