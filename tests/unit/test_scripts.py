"""Characters are counted by script, each once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scripts import Census, Script, census


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("The lamp.", {Script.LATIN: 8, Script.SIGNS: 1}),
        ("Lampe für 45 €", {Script.LATIN: 10, Script.ALPHABETS: 1, Script.CODES: 2, Script.SYMBOLS: 1}),
        ("Гарантия 5 лет", {Script.ALPHABETS: 11, Script.LATIN: 2, Script.CODES: 1}),
        ("保証は五年。", {Script.CJK: 6}),
        ("보증 기간", {Script.CJK: 4, Script.LATIN: 1}),
        ("รับประกันห้าปี", {Script.THAI: 14}),
        ("🤖👩‍🔧❤️", {Script.SYMBOLS: 6}),
        ("see aGVsbG8gd29ybGQhIGhlbGxv+29ybGQ=", {Script.LATIN: 4, Script.CODES: 32}),
    ],
)
def test_each_character_counts_in_its_script(text: str, counts: dict[Script, int]) -> None:
    assert {script: census(text).of(script) for script in Script if census(text).of(script)} == counts


def test_words_are_what_stands_between_blanks() -> None:
    assert (census("one  two\nthree").words, census("保証は五年").words, census(" ").words) == (3, 1, 0)


@given(first=st.text(), second=st.text())
def test_no_character_is_lost_and_texts_add_up(first: str, second: str) -> None:
    assert sum(census(first).characters) == len(first)
    both = census(first) + census(second)
    assert both.characters == tuple(map(sum, zip(census(first).characters, census(second).characters, strict=True)))
    assert both.words == census(f"{first} {second}").words
    assert Census() + census(first) == census(first)
