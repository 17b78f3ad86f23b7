"""What is read off the wording of a question."""

import pytest

from app.inference.routing import cues
from app.inference.routing.asked import HEAD_CHARS, TAIL_CHARS
from app.inference.routing.cue_words import Cue
from app.inference.routing.cues import read


@pytest.mark.parametrize(
    ("question", "cue", "value"),
    [
        ("What is it?", Cue.ASKS, 0),
        ("What is it, why, and how?", Cue.ASKS, 2),
        ("What? Why? How? When? Where? Who?", Cue.ASKS, 3),
        ("How do I explain it?", Cue.EXPLAIN, 1),
        ("How much is it?", Cue.EXPLAIN, 0),
        ("How much is it and how do I pay?", Cue.EXPLAIN, 1),
        ("It doesn't start", Cue.TROUBLE, 1),
        ("It doesn\u2019t start", Cue.TROUBLE, 1),
        ("Compare A versus B", Cue.COMPARE, 2),
        ("Should we?", Cue.JUDGE, 1),
        ("Unless it rains, but only if we must", Cue.CONDITIONS, 4),
        ("What do 3 lamps for 2 years cost us in total?", Cue.ARITHMETIC, 2),
        ("Warum geht das nicht?", Cue.EXPLAIN, 1),
        ("Wie viel kostet das?", Cue.EXPLAIN, 0),
        ("\u00bfC\u00f3mo funciona?", Cue.EXPLAIN, 1),
        ("como siempre", Cue.EXPLAIN, 0),
        ("Démontrez que c'est vrai", Cue.WORK, 1),
        ("比较并推荐", Cue.COMPARE, 1),
        ("証明せよ", Cue.WORK, 1),
        ("Is every compact space separable?", Cue.CLAIM, 2),
        ("Is the shop open?", Cue.CLAIM, 0),
        ("Can you help me?", Cue.CLAIM, 0),
        ("L'inflation est-elle un impôt ?", Cue.CLAIM, 1),
        ("L'inflation est-elle un impôt ?", Cue.TERMS, 1),
        ("连续函数一定可导吗？", Cue.CLAIM, 2),
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


def test_only_the_ends_of_a_long_text_are_read() -> None:
    text = "a " * HEAD_CHARS + "design " * 50 + "b " * TAIL_CHARS
    assert read(text).cues[Cue.WORK] == 0


def test_a_word_problem_is_rated_by_its_length_alone() -> None:
    short = read("Tom has 12 apples and gives 5 to Ann. How many apples are left?")
    assert short.cues[Cue.STORY] == pytest.approx(63 / 200)
    assert sum(short.cues) == short.cues[Cue.STORY]


def test_a_sum_of_ones_own_is_no_word_problem() -> None:
    assert read("If I add 3 users for 2 months, how much will I pay in total?").cues[Cue.STORY] == 0


def test_what_leads_up_to_a_plain_question_does_not_count() -> None:
    lead = "We compared both, analysed the risks, designed a plan and decided, although nobody had asked us to. " * 3
    plain = read(f"{lead}What is your address?").cues
    work = read(f"{lead}How should we rewrite the plan?").cues
    assert plain[Cue.JUDGE] == plain[Cue.WORK] == 0
    assert work[Cue.WORK] > 1


@pytest.mark.parametrize(
    ("text", "readable"),
    [
        ("warranty lamp", True),
        ("Lumen X200 battery capacity the", True),
        ("", False),
        ("Wie lange gilt die Garantie", True),
        ("Сколько стоит", False),
        ("保証は何年ですか", True),
        ("aGVsbG8gd29ybGQhIGhlbGxvIHdvcmxkISBoZWxsbyB3b3JsZCE=", False),
        ("What is 9f86d081884c7d659a2feaa0c55ad0159f86d081?", False),
        ("What does error 9f86d081884c7d659a2feaa0c55ad015 mean, and how do I get rid of it?", True),
        ("\ud800\ud800", False),
    ],
)
def test_text_without_words_of_a_known_language_is_not_readable(text: str, readable: bool) -> None:  # noqa: FBT001
    assert read(text).is_readable is readable


def test_what_a_word_counts_is_the_same_when_it_is_met_again_and_after_all_was_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = ["Why does it fail 3 times, and how would you compare the 2 plans?", f"{'q' * 60} 1 2 3?", "it"]
    first = [read(text) for text in texts]
    assert [read(text) for text in texts] == first
    monkeypatch.setattr(cues, "KEPT_WORDS", 1)
    assert [read(text) for text in texts] == first
    assert [one.is_readable for one in first] == [True, False, True]
    assert [one.is_pointing for one in first] == [True, False, True]
