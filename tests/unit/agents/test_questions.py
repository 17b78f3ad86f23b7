"""The questions of one message, told apart."""

from app.agents.questions import clauses, questions_of


def test_the_questions_of_one_message_are_told_apart() -> None:
    assert questions_of("How long is it? How wide is it, in metres?") == (
        "How long is it",
        "How wide is it, in metres?",
    )
    assert questions_of("At which age may I drive, and what does a licence cost?") == (
        "At which age may I drive",
        "what does a licence cost?",
    )
    assert questions_of("The brush is worn: is that covered, and what do new ones cost?") == (
        "is that covered",
        "what do new ones cost?",
    )


def test_one_question_is_not_several() -> None:
    for one in (
        "Really? How wide is it?",
        "I know what it is.",
        "Tell me how wide and long it is",
        "",
        "Hello, you two",
    ):
        assert questions_of(one) == ()


def test_what_leads_up_to_a_question_is_a_part_of_the_message() -> None:
    assert clauses("Two things: which car is it, and who drives?") == ["Two things", "which car is it", "who drives?"]
