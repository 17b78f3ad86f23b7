"""Thinking that comes inside the text is taken out, and nothing else is."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.inference.wire.separator import Separator

THOUGHT = [
    # text, what is shown, what is thinking
    ("<think>\nHm.\n</think>\n\nIt is 4.", "It is 4.", "\nHm.\n"),
    ("\n <think>a < b, so</think>4", "4", "a < b, so"),
    ("<think></think>4", "4", ""),
    ("<think>one</think>\n<think>two</think>\n4", "4", "onetwo"),
    ("<thinking>Hm.</thinking> 4", "4", "Hm."),
    ("[THINK]Hm.[/THINK]4", "4", "Hm."),
    ("<think>Never closed, </thin", "", "Never closed, </thin"),
    ("<think>", "", ""),
    ("<think>Hm.</think>\n \n", "", "Hm."),
    ("<think>Hm.</think>Write `<think>` and `</think>`.", "Write `<think>` and `</think>`.", "Hm."),
]
PLAIN = [
    "a < b",
    "< 3",
    "<",
    "<thi",
    "<thinker> is no tag",
    "  indented",
    "Models write <think>…</think> first.",
    "```html\n<think>Hm.</think>\n```",
    "`<think>` opens, `</think>` closes.",
    "4\n</think>\nas I said",
    "[THINKING] aloud",
    "1 <think> 2",
]


def separate(text: str, cuts: list[int], *, thinks: bool = False) -> tuple[str, str]:
    """Return what is shown and what is thinking in the end, if the text comes cut at these places."""
    separator = Separator(thinks=thinks)
    places = sorted({0, *(cut % (len(text) + 1) for cut in cuts), len(text)})
    parts = [separator.feed(text[start:end]) for start, end in pairwise(places)]
    shown, thinking = "", ""
    for part in [*parts, separator.end()]:
        shown = part.shown if part.takes_back else shown + part.shown
        thinking += part.thinking
    return shown, thinking


@pytest.mark.parametrize(("text", "shown", "thinking"), THOUGHT)
@given(cuts=st.lists(st.integers(0, 100), max_size=40))
def test_thinking_is_taken_off_the_beginning_however_the_text_is_cut(
    text: str, shown: str, thinking: str, cuts: list[int]
) -> None:
    assert separate(text, cuts) == (shown, thinking)


@pytest.mark.parametrize("text", PLAIN)
@given(cuts=st.lists(st.integers(0, 100), max_size=40))
def test_a_text_that_does_not_begin_with_thinking_stays_as_it_is(text: str, cuts: list[int]) -> None:
    assert separate(text, cuts) == (text, "")


def test_white_space_waits_for_the_first_word() -> None:
    separator = Separator()
    assert [separator.feed(piece).shown for piece in (" ", "\n", "\u200b", "Yes", " ", ".")] == [
        "", "", "", " \n\u200bYes", " ", ".",
    ]  # fmt: skip


def test_white_space_alone_is_never_shown() -> None:
    separator = Separator()
    assert (separator.feed(" \n").shown, separator.end().shown) == ("", "")


@given(cuts=st.lists(st.integers(0, 100), max_size=40))
def test_of_a_model_that_thinks_a_closing_tag_ends_thinking_that_the_prompt_began(cuts: list[int]) -> None:
    """A template that ends in the opening tag leaves it out of the text."""
    text = "First, 2 + 2.\nSo 4.\n</think>\n\nIt is 4."
    assert separate(text, cuts, thinks=True) == ("It is 4.", "First, 2 + 2.\nSo 4.\n")


@pytest.mark.parametrize(
    "text",
    [
        "Close it with `</think>`.",
        "```\nreason\n</think>\n```\nends so",
        "Open with <think>,\n</think>\ncloses.",
        "a </thin",
    ],
)
def test_of_a_model_that_thinks_a_closing_tag_that_is_talked_about_stays(text: str) -> None:
    assert separate(text, [3, 7, 11], thinks=True) == (text, "")
