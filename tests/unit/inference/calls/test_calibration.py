"""Sizes of prompts: safe before anything was counted, close afterwards, each script and model by itself."""

import msgspec
import pytest

from app.inference.calls.calibration import (
    DIGESTS_KEPT,
    MARGIN,
    TOKENS_PER_MESSAGE,
    Calibration,
    Size,
    size_of,
    size_of_tools,
)
from app.inference.words.messages import ToolCall, ToolFunction
from app.inference.words.records import Message
from app.scripts import Script, census

ENGLISH = "The lamp has a warranty of five years and may be returned within a month, if it is not damaged. " * 4
CHINESE = "流明台灯的保修期为五年,购买后三十天内如果没有损坏可以退货。机器人夜间清洁大型建筑物的地板。" * 4
THAI = "โคมไฟลูเมนมีการรับประกันห้าปีและสามารถคืนสินค้าได้ภายในสามสิบวันหลังจากซื้อ" * 4
RUSSIAN = "Гарантия на лампу составляет пять лет, возврат возможен в течение тридцати дней. " * 4
EMOJI = "😂🎉🤖💡🔋🧹🚿👩‍🔧👍🏽🇩🇪❤️🔥✨🙏😍🤷‍♀️" * 10
BASE64 = "aGVsbG8gd29ybGQhIGhl1bGxv29ybGQ3" * 20
# Tokens a character that SmolLM2's tokenizer takes for texts like these (llama.cpp's /tokenize).
SMOLLM2 = {ENGLISH: 0.26, CHINESE: 1.82, THAI: 1.85, RUSSIAN: 0.77, EMOJI: 2.67, BASE64: 0.8}
EACH = pytest.mark.parametrize("text", list(SMOLLM2), ids=["english", "chinese", "thai", "russian", "emoji", "base64"])


def size(text: str) -> Size:
    return size_of([Message("user", text)])


def counted(text: str, per_character: float) -> int:
    return round(len(text) * per_character) + TOKENS_PER_MESSAGE


@EACH
def test_before_anything_was_counted_no_script_is_underestimated(text: str) -> None:
    truth = counted(text, SMOLLM2[text])
    assert truth <= Calibration().tokens(size(text)) <= 1.5 * truth


@EACH
def test_after_three_calls_the_estimate_is_a_tenth_above_the_count(text: str) -> None:
    learnt = Calibration()
    # A vocabulary that knows the script.
    truth = counted(text, SMOLLM2[text] / (1.2 if text == ENGLISH else 2.0))
    for _ in range(3):
        learnt.observe("qwen", size(text), truth)
    assert truth <= learnt.tokens(size(text), "qwen") <= 1.25 * truth
    for _ in range(20):
        learnt.observe("qwen", size(text), truth)
    assert truth <= learnt.tokens(size(text), "qwen") <= 1.1 * truth


@EACH
def test_one_call_that_took_more_is_enough_to_expect_more(text: str) -> None:
    learnt = Calibration()
    truth = 3 * Calibration().tokens(size(text))
    learnt.observe("other", size(text), truth)
    assert learnt.tokens(size(text), "other") >= 0.9 * truth


def test_what_one_script_teaches_moves_no_other() -> None:
    learnt = Calibration()
    for _ in range(10):
        learnt.observe("qwen", size(ENGLISH), counted(ENGLISH, 0.2))
    assert learnt.tokens(size(CHINESE), "qwen") >= MARGIN * Calibration().tokens(size(CHINESE)) - TOKENS_PER_MESSAGE
    assert learnt.tokens(size(ENGLISH), "qwen") < Calibration().tokens(size(ENGLISH))


def test_models_are_learnt_apart_and_one_never_met_gets_the_safe_estimate() -> None:
    learnt = Calibration()
    learnt.observe("qwen", size(CHINESE), counted(CHINESE, 0.6))
    learnt.observe("smollm2", size(CHINESE), counted(CHINESE, 1.8))
    by_digest = learnt.by_digest(size(CHINESE))
    assert 2 * by_digest["qwen"] < by_digest["smollm2"]
    assert learnt.tokens(size(CHINESE), "new") == Calibration().tokens(size(CHINESE))


@pytest.mark.requirement("FIN-82.budget")
def test_a_text_is_counted_for_the_known_model_that_needs_most_and_not_before_one_is_known() -> None:
    learnt = Calibration()
    assert learnt.most_tokens(ENGLISH) is None
    learnt.observe("thrifty", size(ENGLISH), counted(ENGLISH, 0.2))
    thrifty = learnt.most_tokens(ENGLISH)
    learnt.observe("wordy", size(ENGLISH), counted(ENGLISH, 0.4))
    wordy = learnt.most_tokens(ENGLISH)
    assert thrifty is not None
    assert wordy is not None
    assert thrifty < 0.4 * len(ENGLISH) <= wordy < 1.25 * 0.4 * len(ENGLISH)
    assert learnt.most_tokens("") == 0


def test_a_count_that_cannot_be_the_whole_prompt_teaches_nothing() -> None:
    learnt = Calibration()
    learnt.observe("cut", size(ENGLISH), 60)
    learnt.observe("cut", size("thanks"), 12)
    assert learnt.by_digest(size(ENGLISH)) == {}


def test_a_refusal_that_says_the_count_is_believed_for_the_same_text() -> None:
    learnt = Calibration()
    mixed = size(ENGLISH + CHINESE + BASE64)
    learnt.overflowed("small", mixed, at_least=9_000)
    assert 9_000 <= learnt.tokens(mixed, "small") <= 9_000 * MARGIN + TOKENS_PER_MESSAGE
    learnt.overflowed("small", mixed, at_least=100)
    assert learnt.tokens(mixed, "small") >= 9_000


def test_only_the_digests_met_last_are_remembered() -> None:
    learnt = Calibration()
    for number in range(DIGESTS_KEPT + 1):
        learnt.observe(str(number), size(ENGLISH), 200)
    known = learnt.by_digest(size(ENGLISH))
    assert len(known) == DIGESTS_KEPT
    assert "0" not in known
    assert str(DIGESTS_KEPT) in known


def test_the_floor_is_below_what_the_thriftiest_vocabulary_takes_and_works_without_blanks() -> None:
    floors = {text: size(text).least_tokens for text in SMOLLM2}
    assert floors[ENGLISH] == len(ENGLISH.split())
    # Large vocabularies hold two Chinese or three Thai letters a token, and base64 by two or three.
    assert len(CHINESE) / 5 <= floors[CHINESE] <= len(CHINESE) / 2
    assert len(THAI) / 7 <= floors[THAI] <= len(THAI) / 3
    assert floors[BASE64] == len(BASE64) / 4
    assert floors[EMOJI] == len(EMOJI) // 8
    assert census("=" * 1000).of(Script.SIGNS) == 1000
    assert size("=" * 1000).least_tokens == 1


def test_text_that_cannot_be_stored_still_has_a_size() -> None:
    assert Calibration().tokens(size("\ud800")) > TOKENS_PER_MESSAGE


PICTURE, TOOL = Message("user", "", images=("aW1n",)), msgspec.Raw(b'{"type":"function","function":{"name":"add"}}')
ASKING = ToolCall(ToolFunction("add", msgspec.Raw(b'{"a": 1}')))


@pytest.mark.parametrize(
    "beside",
    [
        size_of([PICTURE]),
        size_of([Message("assistant", "", thinking=ENGLISH)]),
        size_of([Message("assistant", "", tool_calls=(ASKING,))]),
        size_of([Message("tool", "", tool_name="add")]),
        size_of_tools([TOOL]),
    ],
)
def test_what_is_beside_the_text_is_expected_and_is_no_certainty(beside: Size) -> None:
    whole = size(CHINESE) + beside
    assert Calibration().tokens(whole) > Calibration().tokens(size(CHINESE)) + beside.messages * TOKENS_PER_MESSAGE
    assert whole.least_tokens == size(CHINESE).least_tokens
    learnt = Calibration()
    learnt.observe("qwen", whole, counted(CHINESE, 5.0))
    assert learnt.by_digest(whole) == {}


def test_a_picture_is_expected_to_take_as_much_as_a_page() -> None:
    assert Calibration().tokens(size_of([PICTURE])) >= 576 + TOKENS_PER_MESSAGE
