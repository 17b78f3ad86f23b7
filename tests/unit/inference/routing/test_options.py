"""What the form of a multiple-choice question shows."""

import pytest

from app.inference.routing.options import Sign, signs

STEM = "Which of these is right?"


def measured(*options: str, stem: str = STEM) -> list[float]:
    """Return the signs of a question with these options."""
    text = stem + "".join(f"\n{letter}. {option}" for letter, option in zip("ABCD", options, strict=False))
    found = signs(f"{text}\nAnswer:")
    assert found is not None
    return found


@pytest.mark.parametrize(
    "text",
    ["What is it?", f"{STEM} A. yes B. no", f"{STEM}\nA. only one", "1. first\n2. second", "", "\ud800\nA."],
)
def test_a_text_without_options_has_no_signs(text: str) -> None:
    assert signs(text) is None


def test_options_are_found_after_a_long_text_and_in_other_forms() -> None:
    assert signs("A contract was signed. " * 400 + "\nA. yes\nB. no\nAnswer:") is not None
    assert signs(f"{STEM}\n(A) yes\n(B) no") is not None


def test_options_that_combine_the_same_words_repeat_them() -> None:
    combined = measured("Wrong, Wrong", "Wrong, Not wrong", "Not wrong, Wrong", "Not wrong, Not wrong")
    assert combined[Sign.REPEATS] == pytest.approx(1 - 2 / 12)
    assert measured("iron", "gold", "lead", "zinc")[Sign.REPEATS] == 0


def test_an_option_that_speaks_of_the_others_is_joint() -> None:
    assert measured("iron", "gold", "Both of these", "zinc")[Sign.JOINT] == 1
    assert measured("iron", "gold", "lead", "zinc")[Sign.JOINT] == 0


def test_digits_and_names_are_parts_of_the_text() -> None:
    plain, full = measured("iron", "gold"), measured("1815", "1848", stem="When did Napoleon leave Paris for Elba?")
    assert full[Sign.DIGITS] > plain[Sign.DIGITS] == 0
    assert full[Sign.NAMES] > plain[Sign.NAMES]
