"""Messages of OpenAI's interface, as a node is told them; what cannot be told is refused by its place."""

from typing import Any

import msgspec
import pytest

from app.api.bodies import decode
from app.api.openai.bodies import MessageIn
from app.api.openai.messages import read_messages
from app.errors import BadInput
from app.inference.words.messages import Message, ToolCall, ToolFunction

MESSAGES = msgspec.json.Decoder(tuple[MessageIn, ...])
PICTURE = "data:image/png;base64,aGVsbG8="


def message(**what: Any) -> Message:  # noqa: ANN401 - JSON
    """Read the last message of a chat; a call of `add` came before."""
    calls = [{"id": "c1", "function": {"name": "add", "arguments": '{"a":1}'}}]
    given = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "tool_calls": calls},
        {"role": "user", "content": "x"} | what,
    ]
    return read_messages(decode(MESSAGES, msgspec.json.encode(given)))[-1]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"role": "developer"}, Message("system", "x")),
        ({"role": "system"}, Message("system", "x")),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, Message("user", "a\nb")),
        (
            {"content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": PICTURE}}]},
            Message("user", "a", images=("aGVsbG8=",)),
        ),
        ({"content": [{"type": "image_url", "image_url": PICTURE}]}, Message("user", "", images=("aGVsbG8=",))),
        ({"role": "tool", "tool_call_id": "c1"}, Message("tool", "x", tool_name="add", tool_call_id="c1")),
        ({"role": "tool", "tool_call_id": "c9"}, Message("tool", "x", tool_call_id="c9")),
        ({"role": "assistant", "reasoning_content": "hm"}, Message("assistant", "x", thinking="hm")),
        ({"role": "assistant", "reasoning": "hm"}, Message("assistant", "x", thinking="hm")),
        ({"role": "assistant", "content": None, "refusal": "no"}, Message("assistant", "no")),
        ({"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}, Message("assistant", "no")),
        (
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "f"}}]},
            Message("assistant", "", tool_calls=(ToolCall(ToolFunction("f", msgspec.Raw(b"{}")), id="1"),)),
        ),
        ({"name": "ann", "annotations": []}, Message("user", "x")),
    ],
)
def test_a_message_is_read(given: dict[str, Any], read: Message) -> None:
    assert message(**given) == read


MISPLACED: list[tuple[dict[str, Any], str]] = [
    ({"role": "function", "name": "f"}, "messages[2].role"),
    ({"function_call": {"name": "f"}}, "messages[2].function_call"),
    ({"audio": {"id": "1"}}, "messages[2].audio"),
    ({"content": None}, "messages[2].content"),
    ({"role": "tool"}, "messages[2].tool_call_id"),
    ({"content": [{"type": "input_audio", "input_audio": {}}]}, "messages[2].content[0]"),
    ({"content": [{"type": "file", "file": {}}]}, "messages[2].content[0]"),
    (
        {"content": [{"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}]},
        "messages[2].content[0].image_url",
    ),
    (
        {"content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,é"}}]},
        "messages[2].content[0].image_url",
    ),
    (
        {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[1]"}}]},
        "messages[2].tool_calls[0].function.arguments",
    ),
]


@pytest.mark.parametrize(("given", "field"), MISPLACED)
def test_what_a_message_may_not_hold_is_refused_by_its_place(given: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        message(**given)
    assert refused.value.facts["field"] == field
