"""Thinking: who can, who does, and how it is told apart from the answer."""

import pytest

from app.inference.wire.bodies import chat_body
from app.inference.wire.exchange import Target
from app.inference.wire.ollama import Waits, open_ollama
from app.inference.wire.stream import Heard
from app.inference.words.account import Account, Purpose
from app.inference.words.records import ChatCall, Message
from tests.contract.ollama_server import Json, Server, assert_error, user

pytest_plugins = ("tests.contract.ollama_fixtures",)
pytestmark = pytest.mark.integration

QUESTION = "What is the capital of Spain?"
# Small models think only if they are shown how.
SHOWN = [
    user("What is the capital of France?"),
    {"role": "assistant", "thinking": "They ask for France. That is Paris.", "content": "Paris."},
    user("What is the capital of Italy?"),
    {"role": "assistant", "thinking": "They ask for Italy. That is Rome.", "content": "Rome."},
    user(QUESTION),
]
ENOUGH: Json = {"temperature": 0, "seed": 7, "num_predict": 400}
WAITS = Waits(first_s=60.0, gap_s=60.0)


@pytest.fixture
def thinking(ollama: Server) -> Server:
    """The server, if it has a model that can think."""
    if not ollama.thinking_model:
        pytest.skip("SWITCHYARD_TEST_OLLAMA_THINKING_MODEL names no model")
    return ollama


def asked(server: Server, **more: object) -> Json:
    """The body of a conversation with the model that can think."""
    return {"model": server.thinking_model, "messages": SHOWN, "options": ENOUGH, **more}


@pytest.mark.source("ollama: server/images.go", "ollama: thinking/template.go")
def test_a_model_can_think_if_its_template_writes_thoughts(thinking: Server) -> None:
    """goTemplateCapabilities: it has tags around `.Thinking`."""
    models = {model["name"]: model["capabilities"] for model in thinking.get("/api/tags")["models"]}
    for model in (thinking.model, thinking.thinking_model):
        shown = thinking.ok("/api/show", model=model)["capabilities"]
        assert ("thinking" in shown) is (model == thinking.thinking_model)
        assert models[model] == shown


@pytest.mark.source("ollama: server/routes.go", "ollama: thinking/parser.go")
@pytest.mark.parametrize("think", [None, True, "low"])
def test_a_model_that_can_think_does_unless_it_is_told_not_to(thinking: Server, think: object) -> None:
    """ChatHandler; the tags and the white space after them are in neither."""
    message = thinking.ok("/api/chat", **asked(thinking, **({} if think is None else {"think": think})))["message"]
    assert list(message) == ["role", "content", "thinking"]
    assert message["thinking"].strip()
    assert message["content"].strip()
    assert message["content"] == message["content"].lstrip()
    assert "think>" not in message["content"] + message["thinking"]


@pytest.mark.source("ollama: server/routes.go")
def test_thoughts_stream_before_the_answer_in_a_field_of_their_own(thinking: Server) -> None:
    """ChatHandler: a line that would hold neither waits; both are counted as generated tokens."""
    *lines, last = thinking.lines("/api/chat", **asked(thinking, think=True))
    has_text = [bool(line["message"]["content"]) for line in lines]
    assert has_text == sorted(has_text)
    assert all(line["message"]["content"] or line["message"]["thinking"] for line in lines)
    assert all("thinking" not in line["message"] for line in lines if line["message"]["content"])
    assert (last["done"], last["done_reason"], last["message"]) == (True, "stop", {"role": "assistant", "content": ""})
    whole = thinking.ok("/api/chat", **asked(thinking, think=True))
    for name in ("thinking", "content"):
        assert "".join(line["message"].get(name, "") for line in lines) == whole["message"][name]
    assert last["eval_count"] == whole["eval_count"] >= len(lines)


@pytest.mark.source("ollama: server/routes.go")
def test_told_not_to_a_model_has_no_thinking_and_its_text_stays_as_it_is(thinking: Server) -> None:
    """ChatHandler: without thinking nothing is parsed, also where the model writes the tags all the same."""
    message = thinking.ok("/api/chat", **asked(thinking, think=False))["message"]
    assert message["content"].strip()
    assert "thinking" not in message


@pytest.mark.source("ollama: server/routes.go")
def test_a_thought_that_uses_all_tokens_leaves_no_answer(thinking: Server) -> None:
    options = {**ENOUGH, "num_predict": 5}
    reply = thinking.ok("/api/chat", **asked(thinking, think=True, options=options))
    assert (reply["message"]["content"], reply["done_reason"], reply["eval_count"]) == ("", "length", 5)
    assert reply["message"]["thinking"]


@pytest.mark.source("ollama: server/prompt.go", "ollama: api/types.go")
@pytest.mark.usefixtures("own_store")
@pytest.mark.parametrize(
    ("think", "said"), [(None, "/think medium"), (True, "/think medium"), ("max", "/think max"), (False, "/no_think")]
)
def test_a_template_is_told_how_hard_to_think(thinking: Server, think: object, said: str) -> None:
    """renderPrompt and ThinkValue.String: plain `true` is `medium`."""
    body = asked(thinking, messages=[user("Hi")], _debug_render_only=True)
    shown = thinking.ok("/api/chat", **body, **({} if think is None else {"think": think}))
    begun = "" if think is False else "<think>\n"
    assert shown["_debug_info"]["rendered_template"] == (
        f"<|im_start|>system\n{said}<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n{begun}"
    )


@pytest.mark.source("ollama: server/routes.go")
def test_generate_tells_thinking_apart_too(thinking: Server) -> None:
    """GenerateHandler: a thought that is not over when the tokens are leaves no response."""
    options = {**ENOUGH, "num_predict": 8}
    reply = thinking.ok("/api/generate", model=thinking.thinking_model, prompt=QUESTION, think=True, options=options)
    assert list(reply)[:4] == ["model", "created_at", "response", "thinking"]
    assert (reply["response"], reply["done_reason"]) == ("", "length")
    assert reply["thinking"]
    plain = thinking.ok("/api/generate", model=thinking.thinking_model, prompt=QUESTION, think=False, options=options)
    assert plain["response"]
    assert "thinking" not in plain


@pytest.mark.source("ollama: server/routes.go")
@pytest.mark.parametrize("think", [True, "high"])
@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_thinking_is_refused_by_a_model_that_cannot(ollama: Server, path: str, think: object) -> None:
    """ChatHandler and GenerateHandler name the model as it was asked for; to be told not to is no fault."""
    if "thinking" in ollama.ok("/api/show", model=ollama.model)["capabilities"]:
        pytest.skip("the model thinks")
    body = {"model": ollama.model, "messages": [user("Hi")], "prompt": "Hi", "options": {"num_predict": 1}}
    reply = ollama.post(path, {**body, "think": think})
    assert_error(reply, 400, f'"{ollama.model}" does not support thinking')
    assert ollama.post(path, {**body, "think": False}).status_code == 200


@pytest.mark.source("ollama: server/routes.go")
async def test_what_the_platform_hears_of_a_thinking_model_is_what_it_says(thinking: Server) -> None:
    """The hot path counts each line that held thinking, and has no thinking in the text."""
    call = ChatCall(
        messages=(Message("user", QUESTION),),
        question="",
        agent="test",
        account=Account(purpose=Purpose.CHAT),
        max_tokens=6,
        temperature=0.0,
        seed=7,
    )
    model, heard = thinking.thinking_model, list[Heard]()
    body = chat_body(call, model=model, keep_alive=None, num_ctx=512, prefix="", max_tokens=6, think=True)
    async with open_ollama() as hot:
        last = await hot.chat(Target("a", thinking.url, model), body, WAITS, heard.append)
    assert (last.done_reason, last.eval_count) == ("length", 6)
    assert "".join(one.thinking for one in heard)
    assert "".join(one.text for one in heard) == ""
    assert 0 < sum(one.thinking_tokens for one in heard) <= 6
