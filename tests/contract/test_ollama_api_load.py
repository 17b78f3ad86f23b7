"""When Ollama loads, keeps, reloads and unloads a model."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.contract.ollama_server import ANSWER_WITHIN_S, SHORT, Server, assert_time, until, user

pytest_plugins = ("tests.contract.ollama_fixtures",)
pytestmark = pytest.mark.integration


def left(ollama: Server) -> timedelta:
    """How long the model stays, by /api/ps."""
    found = ollama.loaded(ollama.model)
    assert found is not None
    return assert_time(found["expires_at"]) - datetime.now(UTC)


def gone(ollama: Server) -> bool:
    return ollama.loaded(ollama.model) is None


@pytest.mark.source("ollama: docs/api.md", "ollama: server/routes.go")
def test_chat_without_messages_loads_the_model(ollama: Server) -> None:
    """docs/api.md, Load a model; server/routes.go, ChatHandler."""
    for stream in (False, True):
        reply = ollama.post("/api/chat", {"model": ollama.model, "messages": [], "stream": stream})
        assert reply.headers["content-type"] == "application/json; charset=utf-8"
        body = reply.json()
        assert_time(body.pop("created_at"))
        message = {"role": "assistant", "content": ""}
        assert body == {"model": ollama.model, "message": message, "done": True, "done_reason": "load"}
    assert not gone(ollama)


@pytest.mark.source("ollama: docs/api.md", "ollama: server/routes.go")
def test_generate_without_prompt_loads_the_model(ollama: Server) -> None:
    """docs/api.md, Load a model; server/routes.go, GenerateHandler."""
    body = ollama.post("/api/generate", {"model": ollama.model}).json()
    assert_time(body.pop("created_at"))
    assert body == {"model": ollama.model, "response": "", "done": True, "done_reason": "load"}
    assert not gone(ollama)


@pytest.mark.source("ollama: docs/api.md", "ollama: server/sched.go")
@pytest.mark.parametrize(
    ("path", "empty"),
    [("/api/chat", {"message": {"role": "assistant", "content": ""}}), ("/api/generate", {"response": ""})],
)
@pytest.mark.parametrize("zero", [0, "0", "0s"])
def test_keep_alive_zero_unloads_the_model(ollama: Server, path: str, empty: dict[str, object], zero: object) -> None:
    """docs/api.md, Unload a model; server/sched.go, expireRunner."""
    ollama.ok("/api/generate", model=ollama.model)
    reply = ollama.post(path, {"model": ollama.model, "keep_alive": zero})
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    body = reply.json()
    assert_time(body.pop("created_at"))
    assert body == {"model": ollama.model, **empty, "done": True, "done_reason": "unload"}
    until(lambda: gone(ollama), "the model is unloaded")


@pytest.mark.source("ollama: docs/faq.mdx", "ollama: api/types.go")
@pytest.mark.parametrize(
    ("keep_alive", "seconds"), [("10m", 600), (90, 90), ("1h30m", 5400), (2.5, 2.5), ("1500ms", 1.5)]
)
def test_keep_alive_sets_how_long_the_model_stays(ollama: Server, keep_alive: object, seconds: float) -> None:
    """docs/faq.mdx, How do I keep a model loaded; api/types.go, Duration."""
    ollama.chat("Hi", keep_alive=keep_alive, options={**SHORT, "num_predict": 1})
    least, most = timedelta(seconds=seconds - 1.5), timedelta(seconds=seconds)
    until(lambda: least < left(ollama) <= most, "the time is set")


@pytest.mark.source("ollama: api/types.go")
@pytest.mark.parametrize("forever", [-1, "-1m"])
def test_a_negative_keep_alive_is_for_ever(ollama: Server, forever: object) -> None:
    """api/types.go, Duration: math.MaxInt64 nanoseconds."""
    ollama.ok("/api/generate", model=ollama.model, keep_alive=forever)
    until(lambda: left(ollama) > timedelta(days=365 * 200), "the model stays for ever")


@pytest.mark.source("ollama: server/sched.go")
def test_a_model_leaves_by_itself_when_its_time_is_over(ollama: Server) -> None:
    """server/sched.go, processCompleted: expireTimer."""
    ollama.chat("Hi", keep_alive="200ms", options={**SHORT, "num_predict": 1})
    until(lambda: gone(ollama), "the model is unloaded")


@pytest.mark.source("ollama: server/sched.go")
def test_another_num_ctx_reloads_the_model(ollama: Server) -> None:
    """server/sched.go, needsReload."""
    for num_ctx in (1024, 2048):
        whole = ollama.chat("Hi", options={**SHORT, "num_ctx": num_ctx, "num_predict": 1})
        found = ollama.loaded(ollama.model)
        assert found is not None
        assert found["context_length"] == num_ctx
        again = ollama.chat("Hi", options={**SHORT, "num_ctx": num_ctx, "num_predict": 1})
        assert again["load_duration"] < whole["load_duration"]


@pytest.mark.source("ollama: llm/server.go")
def test_num_ctx_is_at_most_what_the_model_was_trained_for(ollama: Server) -> None:
    """llm/server.go, NewLlamaServer: the requested context is too large for the model."""
    info = ollama.ok("/api/show", model=ollama.embed_model)["model_info"]
    trained = info[f"{info['general.architecture']}.context_length"]
    ollama.ok("/api/embed", model=ollama.embed_model, input="Hi", options={"num_ctx": trained * 4})
    found = ollama.loaded(ollama.embed_model)
    assert found is not None
    assert found["context_length"] == trained


@pytest.mark.source("ollama: llm/llama_server.go")
def test_each_of_several_calls_at_once_has_the_whole_context(ollama: Server) -> None:
    """llm/llama_server.go, startLlamaServer: -c is num_ctx times the number of slots."""
    prompt = "word " * 300
    body = {"model": ollama.model, "prompt": prompt, "raw": True, "truncate": False, "stream": False}

    async def both() -> list[httpx.Response]:
        async with httpx.AsyncClient(timeout=ANSWER_WITHIN_S, trust_env=False) as client:
            options = {**SHORT, "num_ctx": 512, "num_predict": 1}
            calls = [client.post(ollama.url + "/api/generate", json={**body, "options": options}) for _ in range(2)]
            return await asyncio.gather(*calls)

    for reply in asyncio.run(both()):
        assert reply.status_code == 200, reply.text
        assert reply.json()["prompt_eval_count"] >= 300


@pytest.mark.source("ollama: server/sched.go")
def test_calls_at_once_all_end_well(ollama: Server) -> None:
    """server/sched.go: more calls than slots wait."""

    async def all_at_once() -> list[httpx.Response]:
        async with httpx.AsyncClient(timeout=ANSWER_WITHIN_S, trust_env=False) as client:
            body = {"model": ollama.model, "messages": [user("Hi")], "options": SHORT}
            return await asyncio.gather(*(client.post(ollama.url + "/api/chat", json=body) for _ in range(6)))

    for reply in asyncio.run(all_at_once()):
        assert reply.status_code == 200
        assert '"done":true' in reply.text
