"""`POST /api/chat`: stream shapes, last lines, options, prefilled answers, formats."""

import json

import pytest

from tests.contract.ollama_server import CHAT_MODEL, SHORT, TOOL_MODEL, Json, Server, assert_metrics, assert_time, user

pytest_plugins = ("tests.contract.ollama_fixtures",)
pytestmark = pytest.mark.integration

LAST = {
    "model", "created_at", "message", "done", "done_reason", "total_duration", "load_duration",
    "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration",
}  # fmt: skip
PERSON: Json = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}


@pytest.mark.source("ollama: docs/api.md", "ollama: server/routes.go", "ollama: api/types.go")
def test_a_chat_streams_by_default_in_json_lines(ollama: Server) -> None:
    """docs/api.md, Generate a chat completion; server/routes.go, streamResponse; api/types.go, ChatResponse."""
    lines = ollama.lines("/api/chat", model=ollama.model, messages=[user("Say hello.")], options=SHORT)
    for line in lines[:-1]:
        assert set(line) == {"model", "created_at", "message", "done"}
        assert set(line["message"]) == {"role", "content"}
        assert (line["model"], line["message"]["role"], line["done"]) == (ollama.model, "assistant", False)
        assert line["message"]["content"]
        assert_time(line["created_at"])
    last = lines[-1]
    assert set(last) == LAST
    assert (last["done"], last["message"]) == (True, {"role": "assistant", "content": ""})
    assert_metrics(last)
    assert len(lines) > 2


@pytest.mark.source("ollama: server/routes.go")
def test_an_unstreamed_chat_is_one_object_with_the_same_text(ollama: Server) -> None:
    """server/routes.go, writeChatResponse."""
    lines = ollama.lines("/api/chat", model=ollama.model, messages=[user("Say hello.")], options=SHORT)
    whole = ollama.chat("Say hello.")
    assert set(whole) == LAST
    assert whole["message"]["content"] == "".join(line["message"]["content"] for line in lines)
    assert_metrics(whole)


@pytest.mark.source("ollama: llm/llama_server.go")
def test_num_predict_ends_an_answer_with_length(ollama: Server) -> None:
    """llm/llama_server.go, Completion: stop_type limit."""
    whole = ollama.chat("Tell a long story.", options={**SHORT, "num_predict": 3})
    assert (whole["done_reason"], whole["eval_count"]) == ("length", 3)


@pytest.mark.source("ollama: docs/modelfile.mdx")
def test_a_stop_text_ends_an_answer_with_stop_and_is_left_out(ollama: Server) -> None:
    """docs/modelfile.mdx, stop."""
    asked: Json = {"model": ollama.model, "messages": [user("Count from 1 to 9.")]}
    whole = ollama.ok("/api/chat", **asked, options={**SHORT, "num_predict": 24})["message"]["content"]
    stop = whole.split()[-2]
    cut = ollama.ok("/api/chat", **asked, options={**SHORT, "num_predict": 24, "stop": [stop]})
    assert cut["done_reason"] == "stop"
    assert cut["message"]["content"] == whole[: whole.index(stop)]


@pytest.mark.source("ollama: docs/api.md")
def test_the_same_seed_gives_the_same_answer(ollama: Server) -> None:
    """docs/api.md, Request (Reproducible outputs)."""
    options = {"temperature": 1.0, "seed": 42, "num_predict": 10}
    first, second = (ollama.chat("Invent a word.", options=options)["message"]["content"] for _ in range(2))
    assert first == second


@pytest.mark.source("ollama: llm/llama_server.go")
def test_a_repeated_prompt_is_counted_whole(ollama: Server) -> None:
    """llm/llama_server.go, promptEvalCount: cached tokens count."""
    first, second = (ollama.chat("Count my tokens, please.")["prompt_eval_count"] for _ in range(2))
    assert first == second > 5


@pytest.mark.source("ollama: server/prompt.go", "ollama: template/template.go")
@pytest.mark.parametrize("name", ["model", "tool_model", "infill_model"])
def test_a_model_goes_on_from_a_last_assistant_message_exactly_if_its_template_leaves_it_open(
    ollama: Server, name: str
) -> None:
    """server/prompt.go, renderPrompt: the template alone decides; at temperature 0 the two halves are the whole."""
    asked: Json = {"model": getattr(ollama, name), "options": {"temperature": 0, "seed": 7, "num_predict": 40}}
    question = user("Write the numbers from one to twenty in words, separated by commas.")
    whole = ollama.ok("/api/chat", **asked, messages=[question])["message"]["content"]
    at = whole.index(" ", len(whole) // 2)
    messages = [question, {"role": "assistant", "content": whole[:at]}]
    shown = ollama.ok("/api/chat", **asked, messages=messages, _debug_render_only=True)["_debug_info"]
    rest = ollama.ok("/api/chat", **asked, messages=messages)["message"]["content"]
    is_open = shown["rendered_template"].endswith(whole[:at])
    assert rest.startswith(whole[at:][:12]) is is_open


@pytest.mark.source("ollama: server/prompt.go", "ollama: template/template.go")
@pytest.mark.usefixtures("own_store")
def test_one_packaged_template_leaves_the_last_assistant_message_open_and_the_other_closes_it(
    ollama: Server,
) -> None:
    """Measured on Ollama 0.24 with these templates."""
    messages = [user("Count from 1 to 9."), {"role": "assistant", "content": "1, 2, 3,"}]
    shown = [
        ollama.ok("/api/chat", model=model, messages=messages, _debug_render_only=True)["_debug_info"]
        for model in (CHAT_MODEL, TOOL_MODEL)
    ]
    closed, left_open = (one["rendered_template"] for one in shown)
    assert closed.endswith("<|im_start|>assistant\n1, 2, 3,<|im_end|>\n<|im_start|>assistant\n")
    assert left_open.endswith("<|im_start|>assistant\n1, 2, 3,")


@pytest.mark.source("ollama: docs/api.md")
def test_a_json_schema_is_kept(ollama: Server) -> None:
    """docs/api.md, Request (Structured outputs)."""
    whole = ollama.chat("Ann is 31 years old. Answer in JSON.", format=PERSON, options={**SHORT, "num_predict": 80})
    found = json.loads(whole["message"]["content"])
    assert set(found) == {"name", "age"}
    assert isinstance(found["name"], str)
    assert isinstance(found["age"], int)


@pytest.mark.source("ollama: docs/capabilities/structured-outputs.mdx")
def test_an_enumeration_is_kept(ollama: Server) -> None:
    """docs/capabilities/structured-outputs.mdx."""
    schema = {"type": "object", "properties": {"tier": {"enum": ["simple", "complex"]}}, "required": ["tier"]}
    whole = ollama.chat("How hard is 1+1? Answer in JSON.", format=schema, options={**SHORT, "num_predict": 40})
    assert json.loads(whole["message"]["content"])["tier"] in {"simple", "complex"}


@pytest.mark.source("ollama: docs/api.md")
def test_format_json_gives_an_object(ollama: Server) -> None:
    """docs/api.md, Request (JSON mode)."""
    content = ollama.chat("Ann is 31. Answer in JSON.", format="json", options={**SHORT, "num_predict": 60})
    text = content["message"]["content"]
    assert text.lstrip().startswith("{")
    if content["done_reason"] == "stop":
        assert isinstance(json.loads(text), dict)


@pytest.mark.source("ollama: llm/llama_server.go")
@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_format_is_no_format(ollama: Server, empty: object) -> None:
    """llm/llama_server.go, Completion: `null` and `""` are not set."""
    assert ollama.chat("Say hello.", format=empty)["message"] == ollama.chat("Say hello.")["message"]


@pytest.mark.source("ollama: api/types.go")
def test_roles_do_not_mind_letter_case(ollama: Server) -> None:
    """api/types.go, Message.UnmarshalJSON."""
    shouted = ollama.ok(
        "/api/chat", model=ollama.model, messages=[{"role": "USER", "content": "Say hello."}], options=SHORT
    )
    assert shouted["message"] == ollama.chat("Say hello.")["message"]


@pytest.mark.source("ollama: docs/api.md")
def test_a_system_message_changes_the_prompt(ollama: Server) -> None:
    """docs/api.md, Chat request (with system message)."""
    system = {"role": "system", "content": "You are a careful librarian who answers in one short sentence only."}
    bare, with_system = (
        ollama.ok("/api/chat", model=ollama.model, messages=[*before, user("Hello")], options=SHORT)
        for before in ([], [system])
    )
    assert bare["prompt_eval_count"] != with_system["prompt_eval_count"]


@pytest.mark.source("ollama: api/types.go", "ollama: docs/api.md")
def test_log_probabilities_come_with_their_tokens(ollama: Server) -> None:
    """api/types.go, Logprob; docs/api.md, logprobs."""
    whole = ollama.chat("Say hello.", logprobs=True, top_logprobs=2, options={**SHORT, "num_predict": 3})
    assert len(whole["logprobs"]) == 3
    for item in whole["logprobs"]:
        assert {"token", "logprob", "top_logprobs"} <= set(item)
        assert item["logprob"] <= 0
        assert len(item["top_logprobs"]) == 2
        assert bytes(item["bytes"]).decode() == item["token"]


@pytest.mark.source("go: encoding/json/encode.go")
def test_characters_of_html_come_back_as_they_are(ollama: Server) -> None:
    """Go's json.Marshal escapes <, > and &; parsed, they are the same."""
    start = {"role": "assistant", "content": "<b>bold</b> & <i>"}
    messages = [user("Write HTML."), start]
    reply = ollama.post(
        "/api/chat", {"model": ollama.model, "messages": messages, "stream": False, "options": {**SHORT, "stop": []}}
    )
    assert reply.status_code == 200
    assert "<" not in reply.text
    assert isinstance(reply.json()["message"]["content"], str)
