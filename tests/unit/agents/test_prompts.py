"""Prompt files are checked when they are loaded, and values are never read as templates."""

from pathlib import Path

import pytest

from app.agents.prompts import PromptWrong, load_prompts, parse_prompt

GOOD = """---
name: team/agent
version: 2
variables: [name]
tier: medium
---
Hello {{ name }}.
"""


def test_a_prompt_is_filled_with_its_variables() -> None:
    assert parse_prompt(GOOD, "x.md").fill({"name": "Ada"}) == "Hello Ada."


def test_a_value_that_looks_like_a_variable_stays_as_it_is() -> None:
    assert parse_prompt(GOOD, "x.md").fill({"name": "{{ name }} ${name}"}) == "Hello {{ name }} ${name}."


@pytest.mark.parametrize("values", [{}, {"other": "x"}, {"name": "x", "other": "y"}])
def test_missing_and_surplus_values_are_refused(values: dict[str, str]) -> None:
    with pytest.raises(PromptWrong, match="takes"):
        parse_prompt(GOOD, "x.md").fill(values)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("Hello", "no front matter"),
        (GOOD.replace("variables: [name]", "variables: []"), "uses"),
        (GOOD.replace("Hello {{ name }}.", "Hello."), "declares"),
        (GOOD.replace("version: 2", "version: two"), "version"),
        (GOOD.replace("version: 2", "version: 2\nmood: good"), "mood"),
        (GOOD.replace("medium", "huge"), "tier"),
    ],
)
def test_a_faulty_file_is_refused_by_name(source: str, fault: str) -> None:
    with pytest.raises(PromptWrong, match=rf"x\.md.*{fault}"):
        parse_prompt(source, "x.md")


def test_a_prompt_must_be_named_as_its_file(tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "other.md").write_text(GOOD)
    with pytest.raises(PromptWrong, match="expected team/other"):
        load_prompts(tmp_path)


@pytest.mark.requirement("INS-03.prompts", "FIN-15.files")
def test_every_shipped_prompt_loads() -> None:
    prompts = load_prompts(Path("prompts"))
    names = {"with_passages", "without_passages", "documents_away"}
    assert {f"assistant/{name}" for name in names} <= set(prompts)
