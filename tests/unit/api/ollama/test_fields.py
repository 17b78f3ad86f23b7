"""The table of Ollama's fields is what the decoders do: served changes something, ignored nothing, refused is named."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from app.api.bodies import decode
from app.api.direct.fields import Field, Treatment
from app.api.ollama.asked import read_chat, read_embed, read_embeddings, read_generate, read_show
from app.api.ollama.bodies import (
    ChatBody,
    EmbedBody,
    EmbeddingsBody,
    FunctionIn,
    GenerateBody,
    MessageIn,
    OptionsIn,
    ShowBody,
    ToolCallIn,
)
from app.api.ollama.fields import (
    CHAT_FIELDS,
    EMBED_FIELDS,
    EMBEDDINGS_FIELDS,
    GENERATE_FIELDS,
    MESSAGE_FIELDS,
    OLLAMA_FIELDS,
    OPTION_FIELDS,
    SHOW_FIELDS,
    TOOL_CALL_FIELDS,
)
from app.errors import BadInput, FieldRefused

Read = Callable[[dict[str, Any]], object]


def reader(kind: type[Any], read: Callable[[Any], object]) -> Read:
    """Return what a body of JSON is read as."""
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind)
    return lambda body: read(decode(decoder, msgspec.json.encode(body)))


CHAT = reader(ChatBody, lambda body: read_chat(body, "r"))
GENERATE = reader(GenerateBody, lambda body: read_generate(body, "r"))
USER = {"role": "user", "content": "Hi"}
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}},
}
CALL = {"function": {"name": "clock", "arguments": {"zone": "UTC"}}}
SCHEMA = {"type": "object", "properties": {"at": {"type": "string"}}}
PICTURE = "aGVsbG8="


def chat(body: dict[str, Any]) -> object:
    """Read a chat of one message and these fields."""
    return CHAT({"model": "auto", "messages": [USER], **body})


def generate(body: dict[str, Any]) -> object:
    """Read a generation with these fields."""
    return GENERATE({"model": "auto", "prompt": "Hi", **body})


def option(body: dict[str, Any]) -> object:
    """Read a chat with these options."""
    return chat({"options": body})


def message(body: dict[str, Any]) -> object:
    """Read a chat of a message with these fields."""
    return CHAT({"model": "auto", "messages": [{"role": "user", **body}]})


def tool_call(body: dict[str, Any]) -> object:
    """Read a chat that tells of a tool call with these fields."""
    call = {"function": {"name": "clock"}, **body}
    return CHAT({"model": "auto", "messages": [{"role": "assistant", "tool_calls": [call]}]})


def embed(body: dict[str, Any]) -> object:
    """Read texts to embed."""
    return reader(EmbedBody, read_embed)({"model": "minilm", "input": "Hi", **body})


def embeddings(body: dict[str, Any]) -> object:
    """Read a text to embed, as the old route has it."""
    return reader(EmbeddingsBody, read_embeddings)({"model": "minilm", "prompt": "Hi", **body})


def show(body: dict[str, Any]) -> object:
    """Read which model is to be shown."""
    return reader(ShowBody, read_show)(body if "name" in body else {"model": "auto", **body})


TABLES: Mapping[str, tuple[type[Any], Mapping[str, Field], Read]] = {
    "chat": (ChatBody, CHAT_FIELDS, chat),
    "message": (MessageIn, MESSAGE_FIELDS, message),
    "tool call": (ToolCallIn, TOOL_CALL_FIELDS, tool_call),
    "option": (OptionsIn, OPTION_FIELDS, option),
    "generate": (GenerateBody, GENERATE_FIELDS, generate),
    "embed": (EmbedBody, EMBED_FIELDS, embed),
    "embeddings": (EmbeddingsBody, EMBEDDINGS_FIELDS, embeddings),
    "show": (ShowBody, SHOW_FIELDS, show),
}
# Something that each served field can ask for, and that is not what it is without being said.
ASKS: Mapping[str, Any] = {
    "model": "complex",
    "messages": [{"role": "user", "content": "Bye"}],
    "tools": [TOOL],
    "stream": False,
    "format": SCHEMA,
    "options": {"seed": 7},
    "think": "high",
    "truncate": True,
    "role": "system",
    "content": "Bye",
    "thinking": "Hm.",
    "images": [PICTURE],
    "tool_calls": [CALL],
    "tool_name": "clock",
    "tool_call_id": "call_1",
    "id": "call_1",
    "function": {"name": "calendar"},
    "prompt": "Bye",
    "system": "Be brief.",
    "input": ["Bye"],
    "dimensions": 3,
    "name": "simple",
    "temperature": 0,
    "seed": 7,
    "num_predict": 9,
    "stop": ["."],
    "top_k": 5,
    "top_p": 0.5,
    "min_p": 0.1,
    "typical_p": 0.7,
    "repeat_last_n": 8,
    "repeat_penalty": 1.1,
    "presence_penalty": 0.2,
    "frequency_penalty": 0.3,
}
EVERY = [(name, field) for name, (_, fields, _) in TABLES.items() for field in fields.values()]


def test_the_page_has_each_table() -> None:
    assert list(OLLAMA_FIELDS.values()) == [
        fields
        for name in ("chat", "message", "tool call", "generate", "option", "embed", "embeddings", "show")
        for fields in [TABLES[name][1]]
    ]


@pytest.mark.parametrize("name", TABLES)
def test_the_table_has_exactly_the_fields_that_the_decoder_knows(name: str) -> None:
    kind, fields, _ = TABLES[name]
    assert {field.encode_name for field in msgspec.structs.fields(kind)} == set(fields)
    assert all(path == field.path for path, field in fields.items())


@pytest.mark.parametrize(("name", "field"), EVERY, ids=[f"{name} {field.path}" for name, field in EVERY])
def test_a_field_is_treated_as_the_table_says(name: str, field: Field) -> None:
    _, _, read = TABLES[name]
    match field.treatment:
        case Treatment.SERVED:
            assert read({field.path: ASKS[field.path]}) != read({})
        case Treatment.IGNORED:
            assert len(field.why) > 10
            assert read({field.path: 1}) == read({})
        case Treatment.REFUSED:
            with pytest.raises(FieldRefused, match=f"`{field.path}` is not served here: {field.why}") as refused:
                read({field.path: 1})
            assert refused.value.facts == {"field": field.path}


@pytest.mark.parametrize(
    ("name", "field"), [each for each in EVERY if each[1].treatment is Treatment.REFUSED], ids=lambda each: str(each)
)
@pytest.mark.parametrize("nothing", [None, False, 0, "", []])
def test_a_refused_field_that_asks_for_nothing_goes_on(name: str, field: Field, nothing: object) -> None:
    _, _, read = TABLES[name]
    assert read({field.path: nothing}) == read({})


@pytest.mark.parametrize("name", TABLES)
def test_a_field_that_nobody_knows_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(BadInput, match="surprise` is not a field that is known here"):
        TABLES[name][2]({"surprise": 1})


def test_what_is_sent_to_a_function_is_its_name_and_arguments() -> None:
    assert {field.name for field in msgspec.structs.fields(FunctionIn)} == {"name", "arguments", "index"}
