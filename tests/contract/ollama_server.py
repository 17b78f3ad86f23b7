"""An Ollama server as the contract suite sees it: a real one when told of it, else the local stack's node.

`SWITCHYARD_TEST_OLLAMA_HOST` is the URL of a real server (0.24 to 0.33); `SWITCHYARD_TEST_OLLAMA_MODEL`,
`SWITCHYARD_TEST_OLLAMA_EMBED_MODEL`, `SWITCHYARD_TEST_OLLAMA_TOOL_MODEL` (it is offered tools),
`SWITCHYARD_TEST_OLLAMA_INFILL_MODEL` (it fills in between a prompt and a suffix) and
`SWITCHYARD_TEST_OLLAMA_THINKING_MODEL` (it can think; none by default) name models that it has. Each case names its
sources by the mark `source`: files of github.com/ollama/ollama at v0.33 unless a version is named, of its Python
client, of Go, gin or llama.cpp.
"""

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

CHAT_MODEL = "smollm2:135m"
EMBED_MODEL = "all-minilm:22m"
THINKING_MODEL = "smollm2-thinks:135m"
"""The same weights with a template that can think."""
TOOL_MODEL = "smollm2-tools:135m"
"""The weights of `CHAT_MODEL` with the packaged template that has tools, infill and an open last message."""
START_WITHIN_S = 30.0
STOP_WITHIN_S = 10.0
ANSWER_WITHIN_S = 90.0
GO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")

# A body as it came: what the fields are is what the suite is about.
Json = dict[str, Any]

SHORT: Json = {"temperature": 0, "seed": 7, "num_predict": 6}


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server is, and the models to ask."""

    url: str
    model: str
    embed_model: str
    tool_model: str
    infill_model: str
    thinking_model: str
    client: httpx.Client

    def post(self, path: str, body: Mapping[str, object]) -> httpx.Response:
        """One request with a JSON body, read to its end."""
        return self.client.post(self.url + path, json=body)

    def send(self, path: str, content: bytes, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """One request with a body as it is."""
        return self.client.post(self.url + path, content=content, headers=headers)

    def get(self, path: str) -> Json:
        """The JSON of a route that answers 200."""
        reply = self.client.get(self.url + path)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def ok(self, path: str, **body: object) -> Json:
        """The one JSON object of a request that goes well, not streamed."""
        reply = self.post(path, {"stream": False, **body})
        assert reply.status_code == 200, reply.text
        assert reply.headers["content-type"] == "application/json; charset=utf-8"
        return reply.json()

    def lines(self, path: str, **body: object) -> list[Json]:
        """The JSON lines of a request that goes well, streamed."""
        reply = self.post(path, body)
        assert reply.status_code == 200, reply.text
        assert reply.headers["content-type"] == "application/x-ndjson"
        assert reply.text.endswith("\n")
        return [json.loads(line) for line in reply.text.splitlines()]

    def chat(self, content: str, **body: object) -> Json:
        """A short answer to one user message."""
        return self.ok("/api/chat", **{"model": self.model, "messages": [user(content)], "options": SHORT, **body})

    def loaded(self, model: str) -> Json | None:
        """What `/api/ps` says of a model."""
        return next((item for item in self.get("/api/ps")["models"] if item["name"] == model), None)


def local_server(url: str, client: httpx.Client) -> Server:
    """A node of the local stack with the suite's own store."""
    return Server(url, CHAT_MODEL, EMBED_MODEL, TOOL_MODEL, TOOL_MODEL, THINKING_MODEL, client)


def user(content: str) -> Json:
    return {"role": "user", "content": content}


def assert_error(reply: httpx.Response, status: int, text: str) -> None:
    """An error body has one field (server/routes.go, gin.H{"error": …})."""
    assert (reply.status_code, reply.json()) == (status, {"error": text})
    assert reply.headers["content-type"] == "application/json; charset=utf-8"


def assert_unknown_shown(reply: httpx.Response, name: str) -> None:
    """`/api/show` names the model as it was asked for; from v0.30 on a real server adds the tag (DisplayShortest)."""
    spelled = {name}
    if os.environ.get("SWITCHYARD_TEST_OLLAMA_HOST") and ":" not in name:
        spelled.add(f"{name}:latest")
    assert reply.status_code == 404
    assert reply.json() in [{"error": f"model '{one}' not found"} for one in spelled]


def assert_metrics(last: Mapping[str, object]) -> None:
    """Counts and nanoseconds of a last line (api/types.go, Metrics)."""
    for name in ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration"):
        assert isinstance(last[name], int)
    for name in ("prompt_eval_count", "eval_count"):
        assert isinstance(last[name], int)
    assert int(str(last["total_duration"])) >= int(str(last["load_duration"])) > 0
    assert int(str(last["prompt_eval_count"])) > 0


def assert_time(text: object) -> datetime:
    """Go's RFC 3339 with up to nine digits of a second."""
    assert isinstance(text, str)
    assert GO_TIME.fullmatch(text)
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))


def until(check: Callable[[], bool], what: str, within_s: float = 15.0) -> None:
    """Polls a condition."""
    end_s = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < end_s, f"not within {within_s} s: {what}"
        time.sleep(0.02)


@contextmanager
def node(store: Path, **variables: str) -> Generator[tuple[str, subprocess.Popen[bytes]]]:
    """A node of the local stack on a free port; ended with SIGTERM."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OLLAMA_")}
    environment |= {"OLLAMA_HOST": f"127.0.0.1:{port}", "OLLAMA_MODELS": str(store), **variables}
    process = subprocess.Popen([sys.executable, "-m", "ops.local.ollama_node"], env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(url, process), "the node listens", START_WITHIN_S)
        yield url, process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the node ended"
    try:
        return httpx.get(url, timeout=2.0).status_code == 200
    except httpx.TransportError:
        return False


def add_model(store: Path, name: str, *, like: str, template: str) -> None:
    """A model with the weights of another and a template of its own, as `ollama create` makes one."""
    library = store / "manifests" / "registry.ollama.ai" / "library"
    source, tag = like.split(":")
    manifest = json.loads((library / source / tag).read_text())
    layers = [layer for layer in manifest["layers"] if not layer["mediaType"].endswith(".template")]
    layers.append(_blob(store, "application/vnd.ollama.image.template", template.encode()))
    target = library / name.split(":")[0] / name.split(":")[1]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({**manifest, "layers": layers}))


def _blob(store: Path, kind: str, content: bytes) -> Json:
    digest = hashlib.sha256(content).hexdigest()
    (store / "blobs" / f"sha256-{digest}").write_bytes(content)
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}
