"""Why a model stopped, and whether what it said is an answer."""

import unicodedata
from enum import StrEnum

# Control and format characters and every kind of space: nobody sees them.
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})


class FinishReason(StrEnum):
    """Why a model stopped; only after `stop` is its answer whole."""

    STOP = "stop"
    """It had no more to say."""
    LENGTH = "length"
    """Its tokens ran out: those that were asked for, or the context's."""
    TOOL_CALLS = "tool_calls"
    """It asks for tools."""
    OTHER = "other"
    """The node gave a word that is none of Ollama's; the log has it."""


def finish_reason_of(word: str | None, *, has_tool_calls: bool, is_at_limit: bool) -> FinishReason:
    """Return what a node's `done_reason` means.

    Ollama says `stop` of tool calls too (openai/openai.go makes `tool_calls` of them), and leaves the word out where it
    knows none (llm/server.go, DoneReason.String): then the tokens that were asked for and used tell.
    """
    match word:
        case "stop":
            return FinishReason.TOOL_CALLS if has_tool_calls else FinishReason.STOP
        case "length":
            return FinishReason.LENGTH
        case "tool_calls":
            return FinishReason.TOOL_CALLS
        case None | "":
            if is_at_limit:
                return FinishReason.LENGTH
            return FinishReason.TOOL_CALLS if has_tool_calls else FinishReason.STOP
        case _:
            return FinishReason.OTHER


def is_blank(text: str) -> bool:
    """Return whether nobody would see anything of the text: it is empty, or white space, or marks without a width."""
    return all(unicodedata.category(char) in _UNSEEN for char in text)
