"""What a call asks, told apart from what others ask."""

import msgspec
import pytest

from app.inference.words.account import Account, Purpose
from app.inference.words.messages import ToolCall, ToolFunction
from app.inference.words.records import ChatCall, Message
from app.inference.words.sampling import PLAIN_JSON, Sampling

ADD = msgspec.Raw(b'{"type":"function","function":{"name":"add"}}')


def call(*messages: Message, **what: object) -> ChatCall:
    fields: dict[str, object] = {
        "messages": messages or (Message("user", "hi"),),
        "question": "hi",
        "agent": "test",
        "account": Account(purpose=Purpose.CHAT),
        "max_tokens": 9,
        "temperature": 0.0,
    }
    return ChatCall(**(fields | what))  # pyright: ignore[reportArgumentType]


def asking(arguments: bytes) -> Message:
    return Message("assistant", "", tool_calls=(ToolCall(ToolFunction("add", msgspec.Raw(arguments))),))


@pytest.mark.parametrize(
    "other",
    [
        call(Message("user", "ho")),
        call(Message("user", "\ud800")),
        call(Message("user", "hi", images=("aW1n",))),
        call(Message("user", "hi", thinking="x")),
        call(Message("tool", "hi", tool_name="add")),
        call(Message("tool", "hi", tool_name="add", tool_call_id="1")),
        call(asking(b'{"a":1}')),
        call(asking(b'{"a":2}')),
        call(tools=(ADD,)),
        call(tools=(ADD, ADD)),
        call(sampling=Sampling(top_k=1)),
        call(sampling=Sampling(stop=("x",))),
        call(response_schema=PLAIN_JSON),
        call(response_schema=msgspec.Raw(b'{"type":"object"}')),
    ],
)
def test_whoever_asks_something_else_makes_another_call(other: ChatCall) -> None:
    again = msgspec.structs.replace(other, account=Account(purpose=Purpose.PROBE), deadline_s=3.0)
    assert other.identity != call().identity
    assert other.identity == again.identity


def test_halves_of_surrogate_pairs_are_told_apart() -> None:
    assert call(Message("user", "\ud800")).identity != call(Message("user", "\ud801")).identity


def test_only_tools_and_a_format_hold_an_answer_to_a_form() -> None:
    assert [call(**what).is_constrained for what in ({}, {"tools": (ADD,)}, {"response_schema": PLAIN_JSON})] == [
        False,
        True,
        True,
    ]
