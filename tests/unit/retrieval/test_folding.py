"""A text takes one place in a prompt, in whichever words it differs; one that differs in a fact keeps its own."""

from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ids import ChunkId, DocumentId
from app.retrieval.folding import fold
from app.retrieval.passages import Passage

CARE = (
    "Clean the lamp with a soft cloth once a week. The cable must not be bent. Lumen mends the lamp for 5 years after "
    "the purchase, and the repair takes 3 kg of packing at most. Send the lamp to the workshop in the box in which it "
    "came, with the receipt, and write the number of the order on the outside of it so that nobody has to open it."
)


def passage(text: str, *, document: str = "a.md", heading: str = "") -> Passage:
    return Passage(ChunkId(uuid4()), DocumentId(uuid4()), document, heading, text, 0, len(text), 0.5)


def test_equal_texts_of_several_documents_are_one_passage_that_names_them_all() -> None:
    copies = [passage("Five  years.\n", document=name, heading="Lamp") for name in ("a.md", "b.md", "c.md")]
    toaster = passage("The toaster must be cleaned every week.", document="toaster.md")
    assert fold([copies[0], toaster, copies[1], copies[2]]) == [
        msgspec.structs.replace(copies[0], also=("b.md", "c.md")),
        toaster,
    ]


def test_equal_texts_under_other_headings_say_other_things() -> None:
    lamp, oven = passage("Five years.", heading="Lamp"), passage("Five years.", heading="Oven")
    assert fold([lamp, oven]) == [lamp, oven]


def test_a_text_twice_in_one_document_names_it_once() -> None:
    assert fold([passage("Yes."), passage("Yes.")])[0].also == ()


@pytest.mark.parametrize(
    ("was", "became"),
    [
        ("soft cloth", "soft dry cloth"),
        ("once a week.", "once a week!"),
        ("mends the lamp", "mends a lamp"),
        ("so that nobody", "so nobody"),
        ("the outside of it", "the outside"),
    ],
)
def test_a_text_with_a_few_further_words_is_the_same(was: str, became: str) -> None:
    for one, other in ((CARE, CARE.replace(was, became)), (CARE.replace(was, became), CARE)):
        (kept,) = fold([passage(one), passage(other, document="b.md")])
        assert (kept.text, kept.also) == (one, ("b.md",))


@pytest.mark.parametrize(
    ("was", "became"),
    [
        ("5 years", "4 years"),
        ("5 years", "5 months"),
        ("3 kg", "3 g"),
        ("must not be bent", "must be bent"),
        ("The cable must", "The cable, except indoors, must"),
        ("Lumen mends", "Osram mends"),
        ("The cable must not be bent.", "The cable must not be bent. Hugo says so."),
        ("after the purchase", "before the purchase from"),
        ("soft cloth", "hard cloth"),
        ("open it", "open it 2 times"),
        ("with the receipt, and write", "and write, with the receipt"),
    ],
)
def test_a_text_that_differs_in_a_fact_keeps_its_place(was: str, became: str) -> None:
    changed = CARE.replace(was, became)
    assert changed != CARE
    for texts in ((CARE, changed), (changed, CARE)):
        assert [one.text for one in fold([passage(text) for text in texts])] == list(texts)


@given(st.lists(st.sampled_from([CARE, CARE.replace("soft ", ""), "Five years.", "Six years.", "?", ""]), max_size=8))
def test_what_is_kept_folds_no_further_and_no_document_is_forgotten(texts: list[str]) -> None:
    given_ = [passage(text, document=f"{number}.md") for number, text in enumerate(texts)]
    kept = fold(given_)
    assert fold(kept) == kept
    assert {name for one in kept for name in (one.document, *one.also)} == {one.document for one in given_}


def test_two_hundred_long_texts_without_a_like_stay_in_their_order() -> None:
    texts = [" ".join(f"w{number * place % 2_003}" for place in range(150)) for number in range(1, 201)]
    assert [one.text for one in fold([passage(text) for text in texts])] == texts
