"""A node at its limits: full queue, clients that leave, crashes, new models, the end. Only for nodes that it starts."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.contract.ollama_server import (
    ANSWER_WITHIN_S,
    CHAT_MODEL,
    EMBED_MODEL,
    SHORT,
    Json,
    Server,
    add_model,
    assert_error,
    local_server,
    node,
    until,
    user,
)

pytest_plugins = ("tests.contract.ollama_fixtures",)
pytestmark = pytest.mark.integration

# The schema keeps the model from ending early; all of it would take a minute.
LONG: Json = {
    "model": CHAT_MODEL,
    "messages": [user("Count.")],
    "format": {"type": "array", "items": {"type": "integer"}, "minItems": 5000},
    "options": {"temperature": 0, "num_predict": 3500},
}
SAY: Json = {"model": CHAT_MODEL, "messages": [user("Say hello.")], "options": SHORT, "stream": False}


@pytest.fixture(scope="module")
def narrow(own_store: Path) -> Generator[Server]:
    """One slot, one waiting place, one model at a time."""
    settings = {"OLLAMA_NUM_PARALLEL": "1", "OLLAMA_MAX_QUEUE": "1", "OLLAMA_MAX_LOADED_MODELS": "1"}
    with httpx.Client(timeout=ANSWER_WITHIN_S, trust_env=False) as client, node(own_store, **settings) as (url, _):
        yield local_server(url, client)


@dataclass(frozen=True, slots=True)
class Stream:
    """A reply that is being read."""

    response: httpx.Response
    lines: AsyncIterator[str]

    async def rest(self) -> list[Json]:
        """What is still to come; raises httpx.HTTPError when the stream is cut."""
        return [json.loads(line) async for line in self.lines]


@asynccontextmanager
async def talking(client: httpx.AsyncClient, url: str) -> AsyncGenerator[Stream]:
    """A long reply whose first line is there; its client leaves at the end of the block."""
    async with client.stream("POST", url + "/api/chat", json=LONG) as response:
        assert response.status_code == 200
        lines = response.aiter_lines()
        assert json.loads(await anext(lines))["done"] is False
        yield Stream(response, lines)


@pytest.mark.source("ollama: server/sched.go", "ollama: server/routes.go")
async def test_a_full_queue_is_503(narrow: Server) -> None:
    """server/sched.go, ErrMaxQueue; server/routes.go, handleScheduleError."""
    async with httpx.AsyncClient(timeout=ANSWER_WITHIN_S, trust_env=False) as client:
        async with talking(client, narrow.url):
            asked = [asyncio.create_task(client.post(narrow.url + "/api/chat", json=SAY)) for _ in range(2)]
            done, waiting = await asyncio.wait(asked, timeout=10, return_when=asyncio.FIRST_COMPLETED)
            (refused,) = done
            assert_error(refused.result(), 503, "server busy, please try again.  maximum pending requests exceeded")
        (waited,) = waiting
        assert (await waited).status_code == 200


@pytest.mark.source("ollama: server/routes.go")
async def test_a_slot_is_free_at_once_when_its_client_leaves(narrow: Server) -> None:
    """server/routes.go: c.Request.Context() ends the completion."""
    async with httpx.AsyncClient(timeout=ANSWER_WITHIN_S, trust_env=False) as client:
        async with talking(client, narrow.url):
            pass
        # The long reply alone would take longer than this.
        reply = await client.post(narrow.url + "/api/chat", json=SAY, timeout=15)
        assert reply.status_code == 200


@pytest.mark.source("ollama: server/sched.go")
async def test_a_waiting_place_is_free_when_its_client_leaves(narrow: Server) -> None:
    """server/sched.go, processPending: pending.ctx.Err()."""
    async with httpx.AsyncClient(timeout=ANSWER_WITHIN_S, trust_env=False) as client:
        async with talking(client, narrow.url):
            for _ in range(3):
                with pytest.raises(httpx.ReadTimeout):
                    await client.post(narrow.url + "/api/chat", json=SAY, timeout=0.3)
            last = asyncio.create_task(client.post(narrow.url + "/api/chat", json=SAY))
            await asyncio.wait([last], timeout=0.3)
        assert (await last).status_code == 200


@pytest.mark.source("ollama: llm/llama_server.go", "ollama: server/routes.go")
async def test_the_wait_for_a_slot_is_in_the_whole_duration_alone(narrow: Server) -> None:
    """llm/llama_server.go, Completion: `sem`; server/routes.go, ChatHandler: the load is measured before that."""
    async with httpx.AsyncClient(timeout=ANSWER_WITHIN_S, trust_env=False) as client:
        async with talking(client, narrow.url):
            asked = asyncio.create_task(client.post(narrow.url + "/api/chat", json=SAY))
            await asyncio.wait([asked], timeout=0.6)
        said: Json = (await asked).json()
    worked = sum(int(said[f"{part}_duration"]) for part in ("load", "prompt_eval", "eval"))
    assert int(said["total_duration"]) - worked >= 300_000_000


@pytest.mark.source("ollama: server/sched.go")
def test_one_model_makes_room_for_another(narrow: Server) -> None:
    """server/sched.go, findRunnerToUnload: OLLAMA_MAX_LOADED_MODELS."""
    narrow.chat("Hi")
    narrow.ok("/api/embed", model=EMBED_MODEL, input="Hi")
    assert [item["name"] for item in narrow.get("/api/ps")["models"]] == [EMBED_MODEL]


def children(process: int) -> list[int]:
    """Processes that a process has started."""
    found = Path(f"/proc/{process}/task/{process}/children")
    return [int(text) for text in found.read_text().split()] if found.exists() else []


@pytest.mark.source("ollama: envconfig/config.go")
def test_the_environment_sets_context_and_keep_alive(own_store: Path) -> None:
    """envconfig/config.go: OLLAMA_CONTEXT_LENGTH, OLLAMA_KEEP_ALIVE."""
    settings = {"OLLAMA_CONTEXT_LENGTH": "1536", "OLLAMA_KEEP_ALIVE": "400ms"}
    with httpx.Client(timeout=ANSWER_WITHIN_S, trust_env=False) as client, node(own_store, **settings) as (url, made):
        server = local_server(url, client)
        server.ok("/api/generate", model=CHAT_MODEL, keep_alive="1m")
        found = server.loaded(CHAT_MODEL)
        assert found is not None
        assert found["context_length"] == 1536
        server.ok("/api/chat", model=CHAT_MODEL, keep_alive=0)
        until(lambda: server.loaded(CHAT_MODEL) is None, "the model is unloaded")
        server.chat("Hi")
        until(lambda: server.loaded(CHAT_MODEL) is None, "the model leaves by itself")
        until(lambda: not children(made.pid), "its process has ended")


@pytest.mark.source("ollama: manifest/manifest.go")
def test_a_model_that_arrives_later_is_there_at_once(own_store: Path, tmp_path: Path) -> None:
    """manifest/manifest.go: manifests are read at each request."""
    with httpx.Client(timeout=ANSWER_WITHIN_S, trust_env=False) as client, node(tmp_path) as (url, _):
        server = local_server(url, client)
        assert server.get("/api/tags") == {"models": []}
        shutil.copytree(own_store, tmp_path, dirs_exist_ok=True, copy_function=os.link)
        assert CHAT_MODEL in {item["name"] for item in server.get("/api/tags")["models"]}
        add_model(tmp_path, "another:1b", like=EMBED_MODEL, template="")
        assert "another:1b" in {item["name"] for item in server.get("/api/tags")["models"]}


@pytest.mark.source("ollama: server/model_list_cache.go")
def test_broken_files_in_the_store_hide_only_themselves(own_store: Path, tmp_path: Path) -> None:
    """server/model_list_cache.go, syncManifests: a bad manifest is left out."""
    shutil.copytree(own_store, tmp_path, dirs_exist_ok=True, copy_function=os.link)
    library = tmp_path / "manifests" / "registry.ollama.ai" / "library"
    (library / "broken").mkdir()
    (library / "broken" / "1b").write_text("{")
    digest = "0" * 64
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}", "size": 1}
    (library / "broken" / "2b").write_text(json.dumps({"layers": [layer]}))
    (tmp_path / "blobs" / f"sha256-{digest}").write_bytes(b"GGUF nonsense")
    with httpx.Client(timeout=ANSWER_WITHIN_S, trust_env=False) as client, node(tmp_path) as (url, _):
        server = local_server(url, client)
        assert CHAT_MODEL in {item["name"] for item in server.get("/api/tags")["models"]}
        for tag in ("1b", "2b"):
            reply = server.post("/api/chat", {"model": f"broken:{tag}", "messages": [user("Hi")]})
            assert reply.status_code == 500
            assert set(reply.json()) == {"error"}
        assert server.chat("Hi", options={**SHORT, "num_predict": 1})["done"] is True


def is_running(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


@pytest.mark.source("ollama: llm/llama_server.go", "ollama: server/sched.go")
async def test_a_crash_of_a_model_ends_its_calls_and_nothing_else(own_store: Path) -> None:
    """llm/llama_server.go, Completion: "model runner has unexpectedly stopped"; server/sched.go, needsReload: Ping."""
    async with httpx.AsyncClient(timeout=ANSWER_WITHIN_S, trust_env=False) as client:
        with node(own_store) as (url, process):
            async with talking(client, url) as stream:
                (model,) = children(process.pid)
                os.kill(model, signal.SIGKILL)
                lines = await stream.rest()
            assert "model runner has unexpectedly stopped" in lines[-1]["error"]
            assert (await client.post(url + "/api/chat", json=SAY)).json()["done"] is True


@pytest.mark.source("ollama: server/routes.go")
async def test_sigterm_cuts_streams_and_leaves_no_process(own_store: Path) -> None:
    """server/routes.go, Serve: srvr.Close() and unloadAllRunners."""
    async with httpx.AsyncClient(timeout=ANSWER_WITHIN_S, trust_env=False) as client:
        with node(own_store) as (url, process):
            async with talking(client, url) as stream:
                (model,) = children(process.pid)
                process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(process.wait, 5) == 0
                with pytest.raises(httpx.HTTPError):
                    await stream.rest()
            assert not is_running(model)


@pytest.mark.source("ollama: llm/llama_server.go")
async def test_a_killed_node_takes_its_models_with_it(own_store: Path) -> None:
    """The model's process lives as long as the node holds its input."""
    async with httpx.AsyncClient(timeout=ANSWER_WITHIN_S, trust_env=False) as client:
        with node(own_store) as (url, process):
            async with talking(client, url):
                (model,) = children(process.pid)
                process.kill()
                process.wait()
                until(lambda: not is_running(model), "the model's process has ended")
