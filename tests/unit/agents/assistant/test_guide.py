"""The guide that the assistant is shipped with: a section for each question about it."""

from pathlib import Path

import pytest

from app.agents.assistant.guide import Section, section_for, sections_of
from app.agents.prompts import load_prompts

GUIDE = sections_of(load_prompts(Path("prompts"))["assistant/guide"].text)


def test_a_guide_is_cut_at_its_headings() -> None:
    assert sections_of("lost\n## One\n\nFirst.\n\n## Two\nSecond.\n") == (
        Section("One", "First."),
        Section("Two", "Second."),
    )


@pytest.mark.requirement("ORC-14.guide")
@pytest.mark.parametrize(
    ("question", "begins"),
    [
        ("Who are you?", "I answer questions from the documents"),
        ("What can you do?", "I answer questions from the documents"),
        ("Which file formats can you read?", "I read Markdown"),
        ("Can I trust you to be free of mistakes?", "I can be wrong"),
        ("Will you remember our talk?", "Within a session"),
        ("Which model are you?", "Several language models"),
        ("Where do the answers come from?", "I search your organisation's documents"),
        ("xyzzy", "I answer questions from the documents"),
    ],
)
def test_a_question_about_the_assistant_finds_its_section(question: str, begins: str) -> None:
    assert section_for(question, GUIDE).text.startswith(begins)


def test_the_sections_of_the_shipped_guide_are_short_answers() -> None:
    assert all(20 < len(one.text) < 700 for one in GUIDE)
