"""What is read off the wording of a question."""

import pytest

from app.inference.routing.cues import HEAD_CHARS, TAIL_CHARS, Cue, read


@pytest.mark.parametrize(
    ("question", "cue", "value"),
    [
        ("What is it?", Cue.ASKS, 0),
        ("What is it, why, and how?", Cue.ASKS, 2),
        ("What? Why? How? When? Where? Who?", Cue.ASKS, 3),
        ("How do I explain it?", Cue.EXPLAIN, 2),
        ("How much is it?", Cue.EXPLAIN, 0),
        ("How much is it and how do I pay?", Cue.EXPLAIN, 1),
        ("It doesn't start", Cue.TROUBLE, 1),
        ("It doesn\u2019t start", Cue.TROUBLE, 1),
        ("Compare A versus B", Cue.COMPARE, 2),
        ("Should we?", Cue.JUDGE, 1),
        ("Unless it rains, but only if we must", Cue.CONDITIONS, 4),
        ("What do 3 lamps for 2 years cost in total?", Cue.ARITHMETIC, 2),
        ("battery of the 300 and the 200", Cue.ARITHMETIC, 0),
        ("Design and prove it", Cue.WORK, 2),
        ("def f(x):\n    return {x: `x`}", Cue.CODE, 1),
        ("a < b", Cue.CODE, 0),
    ],
)
def test_a_cue_counts_what_it_says(question: str, cue: Cue, value: float) -> None:
    assert read(question).cues[cue] == value


def test_clauses_count_by_their_logarithm() -> None:
    few, more = read("one, two").cues[Cue.CLAUSES], read("one, two; three and four. five").cues[Cue.CLAUSES]
    assert 0 < few < more < 2 * few + 1


def test_options_mark_an_exam_question_however_long_it_is() -> None:
    stem = "A contract was signed. " * 60
    assert read(f"{stem}\nA. yes\nB. no\nAnswer:").is_exam
    assert not read(f"{stem} A. yes, B. no").is_exam


def test_only_the_ends_of_a_long_text_are_read() -> None:
    text = "a " * HEAD_CHARS + "design " * 50 + "b " * TAIL_CHARS
    assert read(text).cues[Cue.WORK] == 0
    assert len(read(text * 50).words) == len(read(text).words)


@pytest.mark.parametrize(
    ("text", "readable"),
    [
        ("warranty lamp", True),
        ("Lumen X200 battery capacity the", True),
        ("", False),
        ("Wie lange gilt die Garantie", False),
        ("Сколько стоит", False),
        ("保証は何年ですか", False),
        ("aGVsbG8gd29ybGQhIGhlbGxvIHdvcmxkISBoZWxsbyB3b3JsZCE=", False),
        ("What is 9f86d081884c7d659a2feaa0c55ad0159f86d081?", False),
        ("What does error 9f86d081884c7d659a2feaa0c55ad015 mean, and how do I get rid of it?", True),
        ("\ud800\ud800", False),
    ],
)
def test_text_without_english_words_is_not_readable(text: str, readable: bool) -> None:  # noqa: FBT001
    assert read(text).is_readable is readable
