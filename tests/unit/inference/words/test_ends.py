"""Why a model stopped, and what counts as an answer."""

import pytest

from app.inference.words.ends import FinishReason, finish_reason_of, is_blank


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        # ollama, llm/server.go, DoneReason.String: these two words, and none for what it does not know.
        ("stop", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        (None, FinishReason.STOP),
        ("", FinishReason.STOP),
        # What other servers with the same API may say.
        ("tool_calls", FinishReason.TOOL_CALLS),
        ("content_filter", FinishReason.OTHER),
        ("load", FinishReason.OTHER),
        ("STOP", FinishReason.OTHER),
    ],
)
def test_a_word_of_a_node_becomes_one_of_ours(word: str | None, reason: FinishReason) -> None:
    assert finish_reason_of(word, has_tool_calls=False, is_at_limit=False) is reason


@pytest.mark.parametrize(
    ("word", "reason"),
    [(None, FinishReason.LENGTH), ("", FinishReason.LENGTH), ("stop", FinishReason.STOP), ("x", FinishReason.OTHER)],
)
def test_without_a_word_the_tokens_that_were_used_tell(word: str | None, reason: FinishReason) -> None:
    assert finish_reason_of(word, has_tool_calls=False, is_at_limit=True) is reason


@pytest.mark.parametrize(
    ("word", "reason"),
    [("stop", FinishReason.TOOL_CALLS), (None, FinishReason.TOOL_CALLS), ("length", FinishReason.LENGTH)],
)
def test_a_model_that_asks_for_tools_stops_for_them(word: str | None, reason: FinishReason) -> None:
    """Ollama says `stop` then; openai/openai.go, ToChatCompletion, makes `tool_calls` of it."""
    assert finish_reason_of(word, has_tool_calls=True, is_at_limit=False) is reason


@pytest.mark.parametrize("text", ["", " ", "\n\t \r\n", "\u200b", "\ufeff\u2060", "\u00a0\u3000", "\x1b"])
def test_what_nobody_sees_is_blank(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", [".", " a ", "0", "\u200b.", "答", "👍", "\n```\n"])
def test_what_somebody_sees_is_not_blank(text: str) -> None:
    assert not is_blank(text)
