"""The question, told from what is pasted beside it."""

import pytest

from app.inference.routing.asked import asked

PASTED = "The supplier may suspend the services unless the amount is disputed. " * 8


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("What is it?", "What is it?"),
        (f"{PASTED}\n\nWho signed it?", "Who signed it?"),
        (f"Who signed it?\n\n{PASTED}", "Who signed it?"),
        (f"Translate this:\n\n{PASTED}", "Translate this:"),
        (f"{PASTED}\n\nRewrite it in plain words.", "Rewrite it in plain words."),
        (f"Dear team,\n\n{PASTED}Who pays?\n\nBest regards,\nAnna", "Who pays?"),
        (f"{PASTED}Who pays?", "Who pays?"),
        (f"{PASTED}\nWho pays?", "Who pays?"),
        (f"谁签的？\n\n{PASTED}", "谁签的？"),
    ],
)
def test_the_question_is_found_at_either_end(text: str, question: str) -> None:
    assert asked(text).question.strip() == question


def test_the_material_is_measured_and_only_its_beginning_is_kept() -> None:
    parts = asked(f"Who signed it?\n\n{PASTED * 9}")
    assert parts.pasted_chars == len((PASTED * 9).strip())
    assert len(parts.pasted) < 500


def test_what_leads_up_to_the_question_is_no_material() -> None:
    parts = asked(f"{PASTED}Who pays?")
    assert parts.pasted_chars == 0
    assert parts.lead.startswith("The supplier")


def test_a_text_that_asks_nothing_is_a_question_as_a_whole() -> None:
    assert asked(PASTED.strip()).question.startswith("The supplier")
