"""Requests, options and settings as typed values."""

from pathlib import Path

import pytest

from ops.local.ollama import environment, options, wire
from ops.local.ollama.duration import FOREVER_NS
from ops.local.ollama.faults import Refused
from ops.local.ollama.gojson import Object


def refusal(body: bytes) -> str:
    with pytest.raises(Refused) as caught:
        wire.chat_request(body)
    assert caught.value.status == 400
    return caught.value.text


def test_what_is_left_out_has_ollamas_defaults() -> None:
    asked = wire.chat_request(b'{"model":"m"}')
    assert (asked.call.stream, asked.call.truncate, asked.call.shift) == (True, True, None)
    assert (asked.call.keep_alive_ns, asked.messages, asked.tools) == (None, (), ())


def test_null_is_the_same_as_left_out() -> None:
    body = b'{"model":null,"stream":null,"messages":null,"options":null,"keep_alive":null,"think":null}'
    assert wire.chat_request(body) == wire.chat_request(b"{}")


def test_field_names_do_not_mind_letter_case() -> None:
    assert wire.chat_request(b'{"Model":"m","STREAM":false}').call.model == "m"


def test_messages_and_calls_are_read_whole() -> None:
    body = b"""{"messages":[{"role":"Assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":{"a":1}}}]},
        {"role":"tool","content":"4","tool_name":"f","tool_call_id":"1"}]}"""
    first, second = wire.chat_request(body).messages
    assert first == wire.Message("assistant", tool_calls=(wire.ToolCall("f", {"a": 1}, "1"),))
    assert (second.role, second.tool_name, second.tool_call_id) == ("tool", "f", "1")


def test_the_first_wrong_field_is_the_one_named() -> None:
    assert refusal(b'{"stream":1,"model":2}').endswith("ChatRequest.stream of type bool")


def test_a_wrong_field_inside_a_message_is_named_with_its_path() -> None:
    text = "json: cannot unmarshal number into Go struct field ChatRequest.messages.content of type string"
    assert refusal(b'{"messages":[{"role":"user"},{"content":1.5}]}') == text


def test_a_fraction_where_an_integer_belongs_is_shown() -> None:
    text = "json: cannot unmarshal number 1.5 into Go struct field ChatRequest.top_logprobs of type int"
    assert refusal(b'{"top_logprobs":1.5}') == text


def test_tools_must_be_objects() -> None:
    assert refusal(b'{"tools":["f"]}').endswith("of type api.Tool")


def test_a_think_level_counts_as_thinking() -> None:
    assert wire.chat_request(b'{"think":"high"}').call.think == "high"
    assert not wire.chat_request(b'{"think":false}').call.think


def test_the_older_name_of_show_is_a_fallback() -> None:
    assert wire.show_request(b'{"name":"a"}').model == "a"
    assert wire.show_request(b'{"name":"a","model":"b"}').model == "b"


def chosen(*layers: Object, context: int | None = None, embedding: bool = False) -> options.Options:
    return options.choose(layers, context_length=context, is_embedding=embedding)


def test_later_layers_win_and_unknown_options_do_nothing() -> None:
    found = chosen({"top_k": 1, "temperature": 0.1}, {"top_k": 2, "nonsense": "x"})
    assert (found.sample.top_k, found.sample.temperature) == (2, 0.1)


def test_numbers_are_cut_to_whole_ones() -> None:
    assert chosen({"num_predict": 3.9}).sample.num_predict == 3


def test_enormous_numbers_are_bounded() -> None:
    assert chosen({"seed": 10**30}).sample.seed == 2**31 - 1


def test_a_null_option_is_left_alone() -> None:
    assert chosen({"top_k": None}).sample.top_k == 40


@pytest.mark.parametrize("value", [True, "1", [1]])
def test_a_boolean_or_text_is_no_integer(value: str) -> None:
    with pytest.raises(Refused) as caught:
        chosen({"num_ctx": value})
    assert (caught.value.status, caught.value.text) == (500, 'option "num_ctx" must be of type integer')


def test_the_context_comes_from_the_call_then_the_model_then_the_environment() -> None:
    assert chosen().load.num_ctx == options.DEFAULT_NUM_CTX
    assert chosen(context=1000).load.num_ctx == 1000
    assert chosen({"num_ctx": 256}, context=1000).load.num_ctx == 256
    assert chosen({"num_ctx": 256}, {"num_ctx": 512}, context=1000).load.num_ctx == 512


def test_only_a_context_that_nobody_named_is_automatic() -> None:
    assert chosen().is_num_ctx_automatic
    assert not chosen(context=1000).is_num_ctx_automatic
    assert not chosen({"num_ctx": 256}).is_num_ctx_automatic


def test_a_tiny_context_is_four() -> None:
    assert chosen({"num_ctx": 1}).load.num_ctx == 4


def test_an_embedding_batch_holds_the_whole_context() -> None:
    assert chosen({"num_ctx": 256}, embedding=True).load.num_batch == 256
    assert chosen({"num_ctx": 9000}, embedding=True).load.num_batch == 2048
    assert chosen({"num_batch": 7}, embedding=True).load.num_batch == 7


def test_open_ended_answers_end_after_ten_contexts() -> None:
    assert chosen().sample.limit(100) == 1000
    assert chosen({"num_predict": 5}).sample.limit(100) == 5
    assert chosen({"num_predict": 5000}).sample.limit(100) == 1000


def settings(**variables: str) -> environment.Environment:
    return environment.read(variables, Path("/home/me"))


def test_settings_have_ollamas_defaults() -> None:
    found = settings()
    assert (found.host, found.port, found.models) == ("127.0.0.1", 11434, Path("/home/me/.ollama/models"))
    assert (found.num_parallel, found.max_queue, found.max_loaded_models, found.context_length) == (1, 512, None, None)
    assert found.keep_alive_ns == found.load_timeout_ns == 300_000_000_000


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("10.0.0.1", "10.0.0.1", 11434),
        ("1.2.3.4:80", "1.2.3.4", 80),
        (":9000", "", 9000),
        ("http://node", "node", 80),
        ("https://node:99/path", "node", 99),
        ("[::1]:77", "::1", 77),
        ("[::1]", "::1", 11434),
        ("::1", "::1", 11434),
        ("node:99999", "node", 11434),
        (" 'node:1' ", "node", 1),
    ],
)
def test_the_address_is_read_as_ollama_reads_it(text: str, host: str, port: int) -> None:
    found = settings(OLLAMA_HOST=text)
    assert (found.host, found.port) == (host, port)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [("10m", 600_000_000_000), ("30", 30_000_000_000), ("-1", FOREVER_NS), ("0", 0), ("soon", 300_000_000_000)],
)
def test_keep_alive_is_a_duration_or_seconds(text: str, nanoseconds: int) -> None:
    assert settings(OLLAMA_KEEP_ALIVE=text).keep_alive_ns == nanoseconds


def test_a_load_timeout_of_zero_is_none() -> None:
    assert settings(OLLAMA_LOAD_TIMEOUT="0").load_timeout_ns == FOREVER_NS


def test_a_wrong_number_is_the_default() -> None:
    assert settings(OLLAMA_MAX_QUEUE="many").max_queue == 512
