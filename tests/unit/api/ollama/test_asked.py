"""What Ollama's clients send is read as they mean it."""

from typing import Any

import msgspec
import pytest

from app.api.bodies import decode
from app.api.direct.talk import Ask
from app.api.ollama.asked import (
    EmbedAsked,
    read_chat,
    read_embed,
    read_embeddings,
    read_generate,
    read_show,
    word_of_nothing,
)
from app.api.ollama.bodies import ChatBody, EmbedBody, EmbeddingsBody, GenerateBody, ShowBody
from app.errors import BadInput
from app.inference.words.messages import Message, ToolCall, ToolFunction
from app.inference.words.sampling import PLAIN_JSON, Sampling
from app.inference.words.thinking import ThinkLevel

TEXT_CALL = {"function": {"name": "f", "arguments": "{}"}}


def chat(**body: Any) -> Ask:  # noqa: ANN401 - JSON
    """Read a chat."""
    raw = msgspec.json.encode({"model": "auto", **body})
    return read_chat(decode(msgspec.json.Decoder(ChatBody), raw), "r")


def generate(**body: Any) -> Ask:  # noqa: ANN401 - JSON
    """Read a generation."""
    raw = msgspec.json.encode({"model": "auto", **body})
    return read_generate(decode(msgspec.json.Decoder(GenerateBody), raw), "r")


def said(*contents: str) -> list[dict[str, str]]:
    """Return messages of a user."""
    return [{"role": "user", "content": content} for content in contents]


def test_a_chat_is_streamed_unless_it_says_otherwise() -> None:
    assert chat(messages=said("Hi")).stream is True
    assert chat(messages=said("Hi"), stream=None).stream is True
    assert chat(messages=said("Hi"), stream=False).stream is False


def test_a_conversation_with_a_tool_is_read_whole() -> None:
    function = {"index": 0, "name": "look", "arguments": {"n": 1}}
    asked = chat(
        messages=[
            {"role": "System", "content": "Be brief."},
            {"role": "user", "content": "What is on the picture?", "images": ["aGVsbG8="]},
            {
                "role": "assistant",
                "content": None,
                "thinking": "I should look.",
                "tool_calls": [{"id": "c1", "type": "function", "function": function}],
            },
            {"role": "tool", "content": "A lamp.", "tool_name": "look", "tool_call_id": "c1"},
        ]
    )
    call = ToolCall(ToolFunction("look", msgspec.Raw(b'{"n":1}')), id="c1")
    assert asked.messages == (
        Message("system", "Be brief."),
        Message("user", "What is on the picture?", images=("aGVsbG8=",)),
        Message("assistant", "", thinking="I should look.", tool_calls=(call,)),
        Message("tool", "A lamp.", tool_name="look", tool_call_id="c1"),
    )


def test_options_are_read_by_ollamas_names() -> None:
    seen = {"top_k": 5.9, "top_p": 1, "stop": "END", "num_ctx": 9, "min_p": None}
    asked = chat(messages=said("Hi"), options={"temperature": 0, "seed": 7.0, "num_predict": 9, **seen})
    assert (asked.temperature, asked.seed, asked.max_tokens) == (0.0, 7, 9)
    assert asked.sampling == Sampling(top_k=5, top_p=1.0, stop=("END",))


@pytest.mark.parametrize("least", [-2, -1, 0])
def test_as_many_tokens_as_there_can_be_are_the_platforms_to_number(least: int) -> None:
    asked = chat(messages=said("Hi"), options={"num_predict": least, "seed": -1})
    assert (asked.max_tokens, asked.seed) == (None, None)


@pytest.mark.parametrize("none", [None, ""])
def test_no_format_is_none(none: object) -> None:
    assert chat(messages=said("Hi"), format=none).response_schema is None


def test_a_format_is_json_or_a_schema() -> None:
    schema = {"type": "object"}
    assert chat(messages=said("Hi"), format="json").response_schema == PLAIN_JSON
    assert chat(messages=said("Hi"), format=schema).response_schema == msgspec.Raw(b'{"type":"object"}')


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"model": ""}, "model is required"),
        ({"model": " "}, "model is required"),
        ({"format": "xml"}, "invalid format"),
        ({"format": [1]}, "invalid format"),
        ({"think": "hard"}, "invalid think value"),
        ({"messages": [{"role": "developer", "content": "x"}]}, r"`messages\[0\].role` must be"),
        ({"messages": [{"role": "user", "content": "x", "images": ["not base64!"]}]}, r"`messages\[0\].images`"),
        ({"messages": [{"role": "user", "content": "x", "images": [""]}]}, r"`messages\[0\].images`"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}]},
            "object",
        ),
        ({"tools": [{"type": "function"}]}, r"`tools\[0\]` has no `function` with a `name`"),
        ({"tools": ["clock"]}, r"`tools\[0\]`"),
        ({"options": {"temperature": "hot"}}, "`options.temperature` must be a number"),
        ({"options": {"seed": "x"}}, "`options.seed` must be"),
        ({"messages": "Hi"}, "`messages` must be a list"),
        ({"stream": "yes"}, "`stream` must be true or false"),
    ],
)
def test_what_cannot_be_meant_is_told_by_its_field(body: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        chat(**{"messages": said("Hi"), **body})


@pytest.mark.parametrize(("think", "meant"), [(None, None), (True, True), (False, False), ("max", ThinkLevel.MAX)])
def test_thinking_is_asked_for_by_yes_no_or_a_degree(think: object, meant: object) -> None:
    assert chat(messages=said("Hi"), think=think).think == meant


def test_earlier_turns_are_left_out_only_for_those_who_say_so() -> None:
    assert [chat(messages=said("Hi"), truncate=cut).cuts for cut in (None, False, True)] == [False, False, True]


@pytest.mark.parametrize(("keep_alive", "ends"), [(None, "load"), ("5m", "load"), (0, "unload"), ("0s", "unload")])
def test_without_messages_nobody_is_asked_and_keep_alive_names_the_end(keep_alive: object, ends: str) -> None:
    assert chat(keep_alive=keep_alive).messages == chat(messages=[]).messages == generate(prompt="").messages == ()
    assert word_of_nothing(ChatBody(model="auto", keep_alive=keep_alive)) == ends
    assert word_of_nothing(GenerateBody(model="auto", keep_alive=keep_alive)) == ends


def test_whoever_says_nothing_of_sampling_leaves_it_to_the_model() -> None:
    assert chat(messages=said("Hi"), options={"num_ctx": 9}).sampling is None


def test_a_generation_is_a_chat_of_one_turn() -> None:
    asked = generate(prompt="Hi", system="Be brief.", images=["aGVsbG8="], suffix="", template="", options=None)
    assert asked.messages == (Message("system", "Be brief."), Message("user", "Hi", images=("aGVsbG8=",)))
    assert asked.stream is True


@pytest.mark.parametrize(
    ("given", "texts"),
    [("Hi", ("Hi",)), (["a", "b"], ("a", "b")), ("", ()), ([], ()), (None, ()), (["", "b"], ("", "b"))],
)
def test_texts_to_embed_are_one_or_many(given: object, texts: tuple[str, ...]) -> None:
    raw = msgspec.json.encode({"model": "minilm", "input": given, "dimensions": 8})
    asked = read_embed(decode(msgspec.json.Decoder(EmbedBody), raw))
    assert asked == EmbedAsked(model="minilm", texts=texts, dimensions=8)


def test_the_old_route_embeds_one_text() -> None:
    raw = b'{"model":"minilm","prompt":"Hi","options":{"num_ctx":1}}'
    assert read_embeddings(decode(msgspec.json.Decoder(EmbeddingsBody), raw)) == EmbedAsked(
        model="minilm", texts=("Hi",)
    )


@pytest.mark.parametrize("body", [{"model": "auto"}, {"name": "auto"}, {"model": "auto", "name": "simple"}])
def test_a_model_is_shown_by_either_word(body: dict[str, str]) -> None:
    assert read_show(decode(msgspec.json.Decoder(ShowBody), msgspec.json.encode(body))) == "auto"


def test_a_model_that_nobody_named_cannot_be_shown() -> None:
    with pytest.raises(BadInput, match="model is required"):
        read_show(ShowBody())
