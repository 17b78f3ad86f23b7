"""The table of OpenAI's fields is what the decoders do: served changes something, ignored nothing, refused is named."""

from typing import Any, get_type_hints

import msgspec
import pytest
from openai.types import EmbeddingCreateParams
from openai.types import completion_create_params as completion_params
from openai.types.chat import completion_create_params as chat_params

from app.api.bodies import decode
from app.api.call_headers import Called
from app.api.direct.fields import Treatment
from app.api.direct.talk import Ask
from app.api.openai.asked import Asked, read_chat, read_completion, read_embeddings
from app.api.openai.bodies import ChatBody, CompletionBody, EmbeddingsBody, MessageIn
from app.api.openai.fields import CHAT_FIELDS, COMPLETION_FIELDS, EMBEDDINGS_FIELDS, MESSAGE_FIELDS
from app.errors import BadInput, FieldRefused
from app.inference.words.messages import Message
from app.inference.words.priority import Priority
from app.inference.words.sampling import PLAIN_JSON, Sampling
from app.inference.words.thinking import ThinkLevel

CHAT, COMPLETION = msgspec.json.Decoder(ChatBody), msgspec.json.Decoder(CompletionBody)
EMBEDDINGS = msgspec.json.Decoder(EmbeddingsBody)
CALLED = Called(request_id="r-1")
HI: dict[str, Any] = {"role": "user", "content": "hi"}
ADD: dict[str, Any] = {
    "type": "function",
    "function": {"name": "add", "description": "adds", "parameters": {"type": "object"}, "strict": True},
}
NOW: dict[str, Any] = {"type": "function", "function": {"name": "now"}}


def chat(body: dict[str, Any], called: Called = CALLED) -> Asked:
    """Read a chat of one message and these fields."""
    return read_chat(decode(CHAT, msgspec.json.encode({"model": "auto", "messages": [HI]} | body)), called)


def ask(body: dict[str, Any]) -> Ask:
    """Read the only call of a chat."""
    (only,) = chat(body).asks
    return only


def completion(body: dict[str, Any]) -> Asked:
    """Read a completion."""
    return read_completion(decode(COMPLETION, msgspec.json.encode({"model": "auto", "prompt": "hi"} | body)), CALLED)


def embeddings(body: dict[str, Any]) -> tuple[str, ...]:
    """Read an embedding."""
    return read_embeddings(decode(EMBEDDINGS, msgspec.json.encode({"model": "auto", "input": "hi"} | body)))


CHAT_SERVED: dict[str, tuple[Any, dict[str, Any]]] = {
    "model": ("complex", {"model": "complex"}),
    "messages": ([HI, HI], {"messages": (Message("user", "hi"), Message("user", "hi"))}),
    "stream": (True, {"stream": True}),
    "temperature": (0.5, {"temperature": 0.5}),
    "top_p": (0.5, {"sampling": Sampling(top_p=0.5)}),
    "top_k": (3, {"sampling": Sampling(top_k=3)}),
    "min_p": (0.1, {"sampling": Sampling(min_p=0.1)}),
    "repeat_penalty": (1.1, {"sampling": Sampling(repeat_penalty=1.1)}),
    "presence_penalty": (0.5, {"sampling": Sampling(presence_penalty=0.5)}),
    "frequency_penalty": (-0.5, {"sampling": Sampling(frequency_penalty=-0.5)}),
    "seed": (-1, {"seed": 2**31 - 1}),
    "stop": (["a", "b"], {"sampling": Sampling(stop=("a", "b"))}),
    "max_tokens": (7, {"max_tokens": 7}),
    "max_completion_tokens": (8, {"max_tokens": 8}),
    "response_format": ({"type": "json_object"}, {"response_schema": PLAIN_JSON}),
    "reasoning_effort": ("none", {"think": False}),
    "reasoning": ({"effort": "high"}, {"think": ThinkLevel.HIGH}),
    "service_tier": ("flex", {"priority": Priority.BATCH}),
}


@pytest.mark.parametrize("field", CHAT_SERVED)
def test_a_served_field_of_a_chat_reaches_the_call_and_changes_nothing_else(field: str) -> None:
    value, changes = CHAT_SERVED[field]
    assert CHAT_FIELDS[field].treatment is Treatment.SERVED
    assert ask({field: value}) == msgspec.structs.replace(ask({}), **changes)


ELSEWHERE = {"stream_options", "n", "tools", "tool_choice", "parallel_tool_calls", "modalities"}
"""Those that tests of their own below hold."""


def test_every_served_field_of_a_chat_is_held() -> None:
    served = {path for path, field in CHAT_FIELDS.items() if field.treatment is Treatment.SERVED}
    assert served == set(CHAT_SERVED) | ELSEWHERE


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        (ChatBody, CHAT_FIELDS),
        (CompletionBody, COMPLETION_FIELDS),
        (EmbeddingsBody, EMBEDDINGS_FIELDS),
        (MessageIn, MESSAGE_FIELDS),
    ],
)
def test_the_table_has_every_field_of_the_body_and_no_other(kind: Any, table: dict[str, Any]) -> None:  # noqa: ANN401
    assert {field.encode_name for field in msgspec.structs.fields(kind)} == set(table)


@pytest.mark.parametrize(
    ("params", "table"),
    [
        (chat_params.CompletionCreateParamsBase, CHAT_FIELDS),
        (completion_params.CompletionCreateParamsBase, COMPLETION_FIELDS),
        (EmbeddingCreateParams, EMBEDDINGS_FIELDS),
    ],
)
def test_the_table_says_of_every_field_of_the_official_client_what_becomes_of_it(
    params: type[object], table: dict[str, Any]
) -> None:
    assert set(get_type_hints(params)) <= set(table)


ASKS_FOR: dict[str, Any] = {"best_of": 2, "suffix": "x", "function_call": {"name": "f"}, "store": True}


@pytest.mark.parametrize("path", [path for path, field in CHAT_FIELDS.items() if field.treatment is Treatment.IGNORED])
def test_an_ignored_field_of_a_chat_changes_nothing(path: str) -> None:
    assert chat({path: {"a": 1}}) == chat({})


@pytest.mark.parametrize("path", [path for path, field in CHAT_FIELDS.items() if field.treatment is Treatment.REFUSED])
def test_a_refused_field_of_a_chat_is_named_and_may_say_that_it_is_not_wanted(path: str) -> None:
    value = "high" if path == "verbosity" else ASKS_FOR.get(path, [1])
    with pytest.raises(FieldRefused) as refused:
        chat({path: value})
    assert refused.value.facts["field"] == path
    assert chat({path: None}) == chat({})


@pytest.mark.parametrize("path", ["best_of", "logprobs", "suffix", "logit_bias"])
def test_a_refused_field_of_a_completion_is_named(path: str) -> None:
    assert COMPLETION_FIELDS[path].treatment is Treatment.REFUSED
    with pytest.raises(FieldRefused) as refused:
        completion({path: ASKS_FOR.get(path, 3)})
    assert refused.value.facts["field"] == path
    assert completion({"best_of": 1}) == completion({})


def test_a_field_that_nobody_knows_is_refused_by_name() -> None:
    for body in ({"num_ctx": 4096}, {"keep_alive": "1h"}, {"options": {"num_gpu": 1}}):
        with pytest.raises(BadInput) as refused:
            chat(body)
        assert refused.value.facts["field"] == next(iter(body))


def test_max_completion_tokens_goes_before_max_tokens() -> None:
    assert ask({"max_tokens": 5, "max_completion_tokens": 9}).max_tokens == 9


def test_several_answers_are_as_many_calls_with_seeds_of_their_own() -> None:
    assert [one.seed for one in chat({"n": 3, "seed": 2**31 - 1}).asks] == [2**31 - 1, 0, 1]
    assert [one.seed for one in chat({"n": 2}).asks] == [None, None]
    with pytest.raises(BadInput):
        chat({"n": 9})


def test_tools_go_out_as_ollama_words_them() -> None:
    tools = [msgspec.json.decode(bytes(tool)) for tool in ask({"tools": [ADD, NOW]}).tools]
    assert tools == [
        {"type": "function", "function": {"name": "add", "description": "adds", "parameters": {"type": "object"}}},
        {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}},
    ]


def test_no_tools_go_out_when_none_is_to_be_chosen() -> None:
    asked = chat({"tools": [ADD], "tool_choice": "none"})
    assert (asked.asks[0].tools, asked.asks[0].response_schema) == ((), None)


def test_a_choice_holds_the_answer_to_the_chosen_call() -> None:
    chosen = chat({"tools": [ADD, NOW], "tool_choice": {"type": "function", "function": {"name": "now"}}})
    (only,) = chosen.asks
    assert [msgspec.json.decode(bytes(tool))["function"]["name"] for tool in only.tools] == ["now"]
    schema = msgspec.json.decode(bytes(only.response_schema or b""))
    assert schema["properties"]["name"]["enum"] == ["now"]
    any_of = ask({"tools": [ADD, NOW], "tool_choice": "required"})
    schemas = msgspec.json.decode(bytes(any_of.response_schema or b""))["anyOf"]
    assert [one["properties"]["name"]["enum"] for one in schemas] == [["add"], ["now"]]
    assert schemas[0]["properties"]["arguments"] == {"type": "object"}


@pytest.mark.parametrize(
    "body",
    [
        {"tool_choice": "required"},
        {"tools": [ADD], "tool_choice": {"type": "function", "function": {"name": "sub"}}},
    ],
)
def test_a_choice_of_a_tool_that_is_not_there_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as refused:
        chat(body)
    assert refused.value.facts["field"] == "tool_choice"


def test_one_call_at_a_time_is_kept_to() -> None:
    assert chat({"tools": [ADD], "parallel_tool_calls": False}).offered.is_single
    assert not chat({"tools": [ADD], "parallel_tool_calls": True}).offered.is_single


def test_a_schema_is_what_the_answer_is_held_to() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": True}}
    assert bytes(ask({"response_format": form}).response_schema or b"") == b'{"type":"object"}'
    assert ask({"response_format": {"type": "text"}}).response_schema is None
    with pytest.raises(BadInput):
        chat({"response_format": {"type": "json_schema"}})


def test_usage_is_told_in_a_stream_that_asks_for_it() -> None:
    assert chat({"stream": True, "stream_options": {"include_usage": True}}).with_usage
    assert not chat({"stream": True, "stream_options": {"include_obfuscation": True}}).with_usage
    with pytest.raises(BadInput):
        chat({"stream_options": {"include_usage": True}})


def test_only_text_is_a_modality() -> None:
    assert chat({"modalities": ["text"]}) == chat({})
    with pytest.raises(FieldRefused):
        chat({"modalities": ["text", "audio"]})


@pytest.mark.parametrize(
    ("field", "value"), [("reasoning_effort", "ultra"), ("service_tier", "gold"), ("temperature", 2.5), ("top_p", 2)]
)
def test_a_value_that_is_none_is_refused_by_the_fields_name(field: str, value: object) -> None:
    with pytest.raises(BadInput) as refused:
        chat({field: value})
    assert refused.value.facts["field"] == field


def test_what_the_headers_say_goes_before_the_body() -> None:
    called = Called(request_id="r-2", priority=Priority.INTERACTIVE, deadline_s=3.0)
    (only,) = chat({"service_tier": "flex"}, called).asks
    assert (only.priority, only.deadline_s, only.request_id) == (Priority.INTERACTIVE, 3.0, "r-2")


def test_a_completion_is_a_question_for_each_prompt() -> None:
    asked = completion({"prompt": ["a", "b"], "n": 2, "echo": True, "max_tokens": 3, "seed": 1})
    assert [one.messages[0].content for one in asked.asks] == ["a", "a", "b", "b"]
    assert (asked.echoes, [one.max_tokens for one in asked.asks]) == (("a", "a", "b", "b"), [3] * 4)
    assert completion({}).echoes == ()
    with pytest.raises(BadInput):
        completion({"prompt": ["a"] * 5, "n": 2})


@pytest.mark.parametrize("tokens", [[1, 2], [[1, 2]], ["a", 1]])
def test_tokens_in_place_of_text_are_refused_by_name(tokens: object) -> None:
    for read, field in ((completion, "prompt"), (embeddings, "input")):
        with pytest.raises(FieldRefused) as refused:
            read({field: tokens})
        assert refused.value.facts["field"] == field


def test_texts_are_read_in_their_order() -> None:
    assert embeddings({"input": ["b", "a"], "user": "x"}) == ("b", "a")
    with pytest.raises(BadInput):
        embeddings({"input": ["a", ""]})
