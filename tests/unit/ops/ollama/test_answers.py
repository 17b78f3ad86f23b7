"""Formats, tools, merged messages and joined lines."""

import pytest

from ops.local.ollama import formats, replies, tools
from ops.local.ollama.faults import Refused
from ops.local.ollama.go_templates import collated
from ops.local.ollama.gojson import Json
from ops.local.ollama.llama import Piece, Probability, Timings
from ops.local.ollama.wire import Message, Tool, ToolCall

ADD = Tool(
    "add",
    {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
    {"type": "function", "function": {"name": "add"}},
)


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_format_is_no_constraint(nothing: Json) -> None:
    assert formats.constraint(nothing) == {}


def test_json_is_any_object() -> None:
    schema = formats.constraint("json")["json_schema"]
    assert isinstance(schema, dict)
    assert schema["type"] == "object"
    assert "additionalProperties" not in schema


def test_named_properties_are_the_only_ones_at_every_depth() -> None:
    inner: dict[str, Json] = {"type": "object", "properties": {"b": {"type": "string"}}}
    schema = formats.closed({"$defs": {"x": inner}, "properties": {"a": {"type": "array", "items": inner}}})
    closed_inner = {**inner, "additionalProperties": False}
    assert schema == {
        "$defs": {"x": closed_inner},
        "properties": {"a": {"type": "array", "items": closed_inner}},
        "additionalProperties": False,
    }


def test_a_schema_may_allow_other_properties() -> None:
    schema: dict[str, Json] = {"properties": {"a": {}}, "additionalProperties": True}
    assert formats.closed(schema) == schema


@pytest.mark.parametrize("schema", [{"type": "banana"}, {"anyOf": [{"type": 7}]}, {"items": {"type": ["null", "x"]}}])
def test_an_unknown_type_is_refused(schema: dict[str, Json]) -> None:
    with pytest.raises(Refused) as caught:
        formats.constraint(schema)
    assert caught.value.status == 400


@pytest.mark.parametrize("wrong", ["yaml", 7, True, ["json"]])
def test_other_formats_are_refused_with_ollamas_status(wrong: Json) -> None:
    with pytest.raises(Refused) as caught:
        formats.constraint(wrong)
    assert (caught.value.status, caught.value.text[:15]) == (500, "invalid format:")


def read(answer: list[str], *, is_known: bool) -> tuple[list[str], tools.Answer]:
    reader = tools.Reader(is_known=is_known)
    return [told for piece in answer if (told := reader.feed(piece))], reader.finish()


def test_plain_text_is_told_as_it_comes() -> None:
    assert read(["Hel", "lo {"], is_known=True) == (["Hel", "lo {"], tools.Answer())


def test_a_call_is_told_when_it_is_whole() -> None:
    told, answer = read(["\n{", '"name":"add","argu', 'ments":{"a":1}}'], is_known=True)
    assert (told, answer) == ([], tools.Answer(calls=(ToolCall("add", {"a": 1}),)))


def test_several_calls_are_read_one_a_line() -> None:
    _, answer = read(['{"name":"a","arguments":{}}\n{"name":"b","arguments":{"x":"}\\n{"}}'], is_known=True)
    assert [call.name for call in answer.calls] == ["a", "b"]


def test_a_call_over_several_lines_is_one_call() -> None:
    _, answer = read(['{\n  "name": "add",\n  "arguments": {\n    "a": 1\n  }\n}'], is_known=False)
    assert answer.calls == (ToolCall("add", {"a": 1}),)


def test_a_reply_object_is_told_as_its_text() -> None:
    assert read(['{"reply": "Hello"}'], is_known=False) == ([], tools.Answer(text="Hello"))


def test_an_answer_cut_short_is_told_as_it_is() -> None:
    assert read(['{"name":"add","arg'], is_known=True) == ([], tools.Answer(text='{"name":"add","arg'))


def test_a_taught_model_chooses_between_text_and_calls() -> None:
    grammar = tools.constraint([ADD], is_known=True)["grammar"]
    assert isinstance(grammar, str)
    assert "TEXT | call" in grammar
    assert '"const":"add"' in grammar


def test_an_untaught_model_answers_with_an_object() -> None:
    schema = tools.constraint([ADD], is_known=False)["json_schema"]
    assert isinstance(schema, dict)
    choices = schema["anyOf"]
    assert isinstance(choices, list)
    assert len(choices) == 2


def test_a_template_without_tools_gets_them_in_words() -> None:
    call = Message("assistant", tool_calls=(ToolCall("add", {"a": 1}),))
    result = Message("tool", "4", tool_name="add")
    offer, question, asked, answered = tools.in_words([Message("user", "1?"), call, result], [ADD])
    assert (offer.role, '"name":"add"' in offer.content) == ("system", True)
    assert question.content == "1?"
    assert asked == Message("assistant", '{"name":"add","arguments":{"a":1}}')
    assert (answered.role, answered.content) == ("user", "Result of add: 4")


def test_neighbours_of_one_role_are_merged_but_not_tool_results() -> None:
    found = collated([Message("user", "a"), Message("user", "b"), Message("tool", "1"), Message("tool", "2")])
    assert [message.content for message in found] == ["a\n\nb", "1", "2"]


def test_joined_lines_have_all_the_text_and_the_last_lines_counts() -> None:
    first: dict[str, Json] = {"message": {"role": "assistant", "content": "a", "tool_calls": [1]}, "done": False}
    last: dict[str, Json] = {"message": {"role": "assistant", "content": "b"}, "done": True, "eval_count": 2}
    assert replies.joined(first, last) == {
        "message": {"role": "assistant", "content": "ab", "tool_calls": [1]},
        "done": True,
        "eval_count": 2,
    }


def test_joined_generate_lines_have_all_log_probabilities() -> None:
    whole = replies.joined({"response": "a", "logprobs": [1]}, {"response": "b", "done": True})
    assert whole == {"response": "ab", "done": True, "logprobs": [1]}


def test_counts_include_cached_tokens_and_zeros_are_left_out() -> None:
    piece = Piece(stop=True, timings=Timings(cache_n=4, prompt_n=2, prompt_ms=1.5, predicted_n=0))
    found = replies.ending(piece, replies.Stopwatch())
    assert (found["prompt_eval_count"], found["prompt_eval_duration"]) == (6, 1_500_000)
    assert "eval_count" not in found


@pytest.mark.parametrize(("stop_type", "reason"), [("limit", "length"), ("eos", "stop"), ("word", "stop")])
def test_only_a_limit_is_a_length(stop_type: str, reason: str) -> None:
    assert replies.done_reason(Piece(stop_type=stop_type)) == reason


def test_log_probabilities_spell_their_token_in_bytes() -> None:
    found = replies.logprobs([Probability("\u00e9", -0.5, (Probability("e", -1.0),))], top=True)
    assert found["logprobs"] == [
        {
            "token": "\u00e9",
            "logprob": -0.5,
            "bytes": [195, 169],
            "top_logprobs": [{"token": "e", "logprob": -1.0, "bytes": [101]}],
        }
    ]
