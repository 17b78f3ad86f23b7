"""What Ollama refuses, with its statuses and words."""

import pytest

from tests.contract.ollama_server import SHORT, Json, Server, assert_error, assert_unknown_shown, user

pytest_plugins = ("tests.contract.ollama_fixtures",)
pytestmark = pytest.mark.integration

POSTS = ("/api/chat", "/api/generate", "/api/embed", "/api/show")


@pytest.mark.source("ollama: server/routes.go")
@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("body", [b"", b" \n"])
def test_a_missing_body_is_named(ollama: Server, path: str, body: bytes) -> None:
    """server/routes.go: io.EOF from ShouldBindJSON."""
    assert_error(ollama.send(path, body), 400, "missing request body")


@pytest.mark.source("go: encoding/json/scanner.go", "ollama: server/routes.go")
@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"hello", "invalid character 'h' looking for beginning of value"),
        (b"{model}", "invalid character 'm' looking for beginning of object key string"),
        (b'{"model" "x"}', "invalid character '\"' after object key"),
        (b'{"model":"x" "y"}', "invalid character '\"' after object key:value pair"),
        (b'{"model":tru}', "invalid character '}' in literal true (expecting 'e')"),
        (b'{"model":"x"', "unexpected EOF"),
        (b'{"messages":[1 2]}', "invalid character '2' after array element"),
        (b'{"model":"a\nb"}', "invalid character '\\n' in string literal"),
        (b'{"model":"\\x"}', "invalid character 'x' in string escape code"),
    ],
)
def test_broken_json_is_refused_in_gos_words(ollama: Server, body: bytes, text: str) -> None:
    """Go source, encoding/json/scanner.go; server/routes.go: err.Error()."""
    for path in POSTS:
        assert_error(ollama.send(path, body), 400, text)


@pytest.mark.source("go: encoding/json/decode.go")
@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/api/chat", {"model": 7}, "number into Go struct field ChatRequest.model of type string"),
        ("/api/chat", {"stream": "yes"}, "string into Go struct field ChatRequest.stream of type bool"),
        ("/api/chat", {"messages": "hi"}, "string into Go struct field ChatRequest.messages of type []api.Message"),
        ("/api/generate", {"prompt": []}, "array into Go struct field GenerateRequest.prompt of type string"),
        ("/api/generate", {"raw": 1}, "number into Go struct field GenerateRequest.raw of type bool"),
        ("/api/embed", {"dimensions": "x"}, "string into Go struct field EmbedRequest.dimensions of type int"),
        ("/api/show", {"verbose": {}}, "object into Go struct field ShowRequest.verbose of type bool"),
    ],
)
def test_a_field_of_another_type_is_refused_in_gos_words(
    ollama: Server, path: str, body: dict[str, object], text: str
) -> None:
    """Go source, encoding/json/decode.go: UnmarshalTypeError."""
    assert_error(ollama.post(path, body), 400, f"json: cannot unmarshal {text}")


@pytest.mark.source("go: encoding/json/decode.go")
def test_a_body_that_is_no_object_is_refused(ollama: Server) -> None:
    """Go source, encoding/json/decode.go."""
    reply = ollama.send("/api/chat", b"[]")
    assert_error(reply, 400, "json: cannot unmarshal array into Go value of type api.ChatRequest")


@pytest.mark.source("gin: binding/json.go")
def test_text_after_the_body_is_ignored(ollama: Server) -> None:
    """gin binding reads one value with json.Decoder."""
    assert_unknown_shown(ollama.send("/api/show", b'{"model":"no-such"} trailing'), "no-such")


@pytest.mark.source("ollama: api/types.go")
def test_unknown_fields_and_options_are_ignored(ollama: Server) -> None:
    """encoding/json ignores fields; api/types.go, FromMap warns of options."""
    whole = ollama.chat("Say hello.", surprise=1, options={**SHORT, "no_such_option": 1})
    assert whole["done"] is True


@pytest.mark.source("go: encoding/json/decode.go")
def test_a_lone_surrogate_does_no_harm(ollama: Server) -> None:
    """encoding/json replaces it by U+FFFD."""
    body = (
        '{"model":"%s","messages":[{"role":"user","content":"a\\ud800b"}],"stream":false,"options":{"num_predict":1}}'
    )
    assert ollama.send("/api/chat", (body % ollama.model).encode()).status_code == 200


@pytest.mark.source("ollama: server/routes.go", "ollama: docs/api/errors.mdx")
def test_an_unknown_model_is_404(ollama: Server) -> None:
    """server/routes.go, ChatHandler and GenerateHandler; docs/api/errors.mdx."""
    text = "model 'no-such-model' not found"
    assert_error(ollama.post("/api/chat", {"model": "no-such-model", "messages": [user("Hi")]}), 404, text)
    assert_error(ollama.post("/api/generate", {"model": "no-such-model", "prompt": "Hi"}), 404, text)
    text = 'model "no-such-model" not found, try pulling it first'
    assert_error(ollama.post("/api/embed", {"model": "no-such-model", "input": "Hi"}), 404, text)


@pytest.mark.source("ollama: types/model/name.go")
def test_an_unknown_tag_is_404(ollama: Server) -> None:
    """types/model/name.go: another tag is another model."""
    name = f"{ollama.model.split(':')[0]}:no-such-tag"
    assert_error(ollama.post("/api/chat", {"model": name, "messages": []}), 404, f"model '{name}' not found")


@pytest.mark.source("ollama: server/routes.go")
def test_a_missing_model_is_named_by_each_route_in_its_way(ollama: Server) -> None:
    """server/routes.go: writeModelRefParseError with each handler's fallback."""
    assert_error(ollama.post("/api/chat", {"messages": []}), 400, "model is required")
    assert_error(ollama.post("/api/generate", {"prompt": "x"}), 404, "model '' not found")


@pytest.mark.source("ollama: server/routes.go")
@pytest.mark.parametrize("name", ["a b", "x/", ":tag", "../../etc/passwd", "a:b:c/d", "m" * 81])
def test_an_invalid_model_name_is_refused(ollama: Server, name: str) -> None:
    """server/routes.go, writeModelRefParseError: model.ErrUnqualifiedName."""
    for path in ("/api/chat", "/api/generate", "/api/show"):
        assert_error(ollama.post(path, {"model": name}), 400, "invalid model name")


@pytest.mark.source("ollama: api/types.go")
def test_think_is_a_boolean_or_one_of_its_words(ollama: Server) -> None:
    """api/types.go, ThinkValue.UnmarshalJSON; `max` came with 0.30."""
    reply = ollama.post("/api/chat", {"model": ollama.model, "think": "hard"})
    assert reply.status_code == 400
    assert reply.json()["error"].startswith('invalid think value: "hard" (must be "high", "medium", "low", ')


@pytest.mark.source("ollama: server/routes.go")
def test_tools_are_refused_by_a_model_without_them(ollama: Server) -> None:
    """server/routes.go, handleScheduleError: errCapabilities with the full name."""
    if "tools" in ollama.ok("/api/show", model=ollama.model)["capabilities"]:
        pytest.skip("the model has tools")
    tool: Json = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    reply = ollama.post("/api/chat", {"model": ollama.model, "messages": [user("Hi")], "tools": [tool]})
    assert_error(reply, 400, f"registry.ollama.ai/library/{ollama.model} does not support tools")


@pytest.mark.source("ollama: server/images.go")
def test_a_suffix_is_refused_by_a_model_without_infill(ollama: Server) -> None:
    """server/images.go, CheckCapabilities: errCapabilityInsert."""
    if "insert" in ollama.ok("/api/show", model=ollama.model)["capabilities"]:
        pytest.skip("the model has infill")
    reply = ollama.post("/api/generate", {"model": ollama.model, "prompt": "a", "suffix": "b"})
    assert_error(reply, 400, f"registry.ollama.ai/library/{ollama.model} does not support insert")


@pytest.mark.source("ollama: api/types.go", "ollama: server/routes.go")
@pytest.mark.parametrize(
    ("option", "value", "kind"),
    [
        ("num_ctx", "big", "integer"),
        ("temperature", "hot", "float32"),
        ("stop", "x", "array"),
        ("use_mmap", 1, "boolean"),
    ],
)
def test_an_option_of_another_type_is_named(ollama: Server, option: str, value: object, kind: str) -> None:
    """api/types.go, FromMap; server/routes.go, handleScheduleError: 500 by default."""
    body = {"model": ollama.model, "messages": [user("Hi")], "options": {option: value}}
    assert_error(ollama.post("/api/chat", body), 500, f'option "{option}" must be of type {kind}')


@pytest.mark.source("ollama: api/types.go")
def test_a_stop_list_of_other_things_is_named(ollama: Server) -> None:
    """api/types.go, FromMap."""
    body = {"model": ollama.model, "messages": [user("Hi")], "options": {"stop": [1]}}
    assert_error(ollama.post("/api/chat", body), 500, 'option "stop" must be of an array of strings')


@pytest.mark.source("ollama: llm/llama_server.go")
def test_an_unknown_format_is_named(ollama: Server) -> None:
    """llm/llama_server.go, Completion."""
    text = 'invalid format: "\\"xml\\""; expected "json" or a valid JSON Schema object'
    assert_error(
        ollama.post("/api/chat", {"model": ollama.model, "messages": [user("Hi")], "format": "xml", "stream": False}),
        500,
        text,
    )


@pytest.mark.source("llama.cpp: common/json-schema-to-grammar.cpp")
def test_a_schema_with_an_unknown_type_is_refused(ollama: Server) -> None:
    """llama.cpp, common/json-schema-to-grammar.cpp; 500 before 0.30."""
    body = {"model": ollama.model, "messages": [user("Hi")], "format": {"type": "banana"}, "stream": False}
    reply = ollama.post("/api/chat", body)
    assert reply.status_code in {400, 500}
    assert set(reply.json()) == {"error"}


@pytest.mark.source("ollama: api/types.go")
@pytest.mark.parametrize(
    ("keep_alive", "text"),
    [
        ("5 parsecs", 'time: unknown unit " parsecs" in duration "5 parsecs"'),
        ("soon", 'time: invalid duration "soon"'),
        ("10", 'time: missing unit in duration "10"'),
        (True, "Unsupported type: 'bool'"),
    ],
)
def test_a_wrong_keep_alive_is_refused(ollama: Server, keep_alive: object, text: str) -> None:
    """api/types.go, Duration.UnmarshalJSON; Go documentation, time.ParseDuration."""
    assert_error(ollama.post("/api/chat", {"model": ollama.model, "keep_alive": keep_alive}), 400, text)


@pytest.mark.source("ollama: server/routes.go")
@pytest.mark.parametrize("wrong", [-1, 21])
def test_top_logprobs_are_bounded(ollama: Server, wrong: int) -> None:
    """server/routes.go, ChatHandler."""
    reply = ollama.post("/api/chat", {"model": ollama.model, "top_logprobs": wrong})
    assert_error(reply, 400, "top_logprobs must be between 0 and 20")


@pytest.mark.source("go: encoding/base64/base64.go")
def test_pictures_must_be_base64(ollama: Server) -> None:
    """encoding/base64, CorruptInputError."""
    body = {"model": ollama.model, "messages": [{"role": "user", "content": "Hi", "images": ["%%%"]}]}
    assert_error(ollama.post("/api/chat", body), 400, "illegal base64 data at input byte 0")
