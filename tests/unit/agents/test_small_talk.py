"""Greetings and thanks need no document; whatever asks or tells something does."""

import pytest

from app.agents.small_talk import is_small_talk


@pytest.mark.parametrize(
    "message",
    [
        "thanks!", "hello", "Thank you very much, that is great!", "Good morning :)", "ok", "Yes, please.", "👍", "???",
        "How are you?", "That's great, thanks!", "Hello, how are you doing today?",
        "Danke schön!", "¡Muchas gracias!", "谢谢!", "ありがとうございます", "สวัสดีครับ", "안녕하세요",
        "Спасибо большое",
    ],
)  # fmt: skip
def test_greetings_thanks_and_signs_are_small_talk(message: str) -> None:
    assert is_small_talk(message)


@pytest.mark.parametrize(
    "message",
    [
        "Hello, how long is the warranty?", "Thanks, and the price?", "warranty", "What is it?", "E-417",
        "Is there a lamp?", "And for ten?", "好的台灯多少钱?", "ありがとう、保証は?",
        "How good is it?", "Is it ok for the night?", "Hi! Is that all?",
        "How does it work?", "Good lamps", "help me with that for a day", "the team", "a lot",
    ],
)  # fmt: skip
def test_a_message_with_a_subject_is_not(message: str) -> None:
    assert not is_small_talk(message)
