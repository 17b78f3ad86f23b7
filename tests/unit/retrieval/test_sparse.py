"""Words, and the sparse vectors made of them."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.retrieval import sparse
from app.retrieval.points import SparseVector
from app.retrieval.words import terms


def dot(one: SparseVector, other: SparseVector) -> float:
    """What Qdrant computes, without the document frequencies."""
    weights = dict(zip(other.indices, other.values, strict=True))
    return sum(value * weights.get(index, 0.0) for index, value in zip(one.indices, one.values, strict=True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The kilns were firing", ["kiln", "fire"]),
        ("4,096 plates at 1240.5 degrees", ["4096", "plate", "1240.5", "degre"]),
        ("version 2.10.3 at 08:30", ["version", "2.10.3", "08:30"]),
        ("errors E-417, e417 and S2-C", ["error", "e417", "e417", "s2", "c"]),
        ("what is it", ["what", "is", "it"]),
        ("Straße ＡＢＣ", ["strass", "abc"]),  # noqa: RUF001 - full-width letters on purpose
        ("???", []),
        ("流明台灯USB 5年", ["流明", "明台", "台灯", "usb", "5", "年"]),
        ("保証は、何年", ["保証", "証は", "何年"]),
        ("루멘 램프의", ["루멘", "램프", "프의"]),
        ("ไฟห้าปี", ["ไฟห", "ฟห้", "ห้า", "้าป", "าปี"]),
        ("वारंटी पाँच", ["वारंटी", "पाँच"]),
        ("🤖 robot", ["🤖", "robot"]),
    ],
)
def test_words_are_folded_stemmed_and_freed_of_stop_words(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@given(st.text(max_size=500))
def test_vectors_are_well_formed_for_any_text(text: str) -> None:
    for vector in (sparse.of_chunk(text), sparse.of_question(text)):
        assert len(vector.indices) == len(vector.values) == len(set(vector.indices))
        assert all(0 <= index < 2**32 for index in vector.indices)
        assert all(value > 0 and math.isfinite(value) for value in vector.values)


def test_another_form_of_a_word_still_matches() -> None:
    assert dot(sparse.of_question("firing a kiln"), sparse.of_chunk("Kilns are fired")) > 0


@pytest.mark.parametrize(
    ("question", "passage", "other"),
    [
        ("台灯的保修期是多久?", "流明台灯的保修期为五年,可以退货。", "机器人夜间清洁地板,需要干净的水。"),
        ("ランプの保証期間は何年ですか", "ルーメンランプの保証期間は五年です。", "ロボットは夜に床を掃除します。"),
        ("โคมไฟรับประกันกี่ปี", "โคมไฟลูเมนมีการรับประกันห้าปี", "หุ่นยนต์ทำความสะอาดพื้นในเวลากลางคืน"),
        ("램프 보증은 몇 년?", "루멘 램프의 보증 기간은 오 년입니다.", "로봇은 밤에 바닥을 청소합니다."),
        ("where is 🔋?", "🔋 is below the seat", "the lamp is on the roof"),
    ],
    ids=["chinese", "japanese", "thai", "korean", "emoji"],
)
def test_a_question_without_blanks_finds_the_passage_with_its_words(question: str, passage: str, other: str) -> None:
    asked = sparse.of_question(question)
    assert dot(asked, sparse.of_chunk(passage)) > 2 * dot(asked, sparse.of_chunk(other))


def test_repetition_helps_less_and_less_and_never_over_k1_plus_1() -> None:
    filler = "alpha beta gamma delta epsilon zeta eta theta " * 10
    question = sparse.of_question("kiln")
    scores = [dot(question, sparse.of_chunk(f"{'kiln ' * count}{filler}")) for count in (1, 2, 4, 8)]
    gains = [after - before for before, after in itertools.pairwise(scores)]
    assert gains[0] > gains[1] > gains[2] > 0
    assert scores[-1] < sparse.K1 + 1


def test_a_short_chunk_counts_more_than_a_long_one_with_the_same_word() -> None:
    question = sparse.of_question("kiln")
    long = "kiln " + " ".join(f"word{number}" for number in range(200))
    assert dot(question, sparse.of_chunk("kiln")) > dot(question, sparse.of_chunk(long))


def test_a_term_of_average_length_and_once_weighs_one() -> None:
    text = " ".join(f"word{number}" for number in range(sparse.MEAN_TERMS))
    assert sparse.of_chunk(text).values == pytest.approx([1.0] * sparse.MEAN_TERMS)
