"""The Ollama server of the contract suite, for the whole test session."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ops.local.models.store import TEMPLATES
from ops.local.weights import ensure_store
from tests.contract.ollama_server import (
    ANSWER_WITHIN_S,
    CHAT_MODEL,
    EMBED_MODEL,
    THINKING_MODEL,
    TOOL_MODEL,
    Server,
    add_model,
    local_server,
    node,
)


@pytest.fixture(scope="session")
def ollama_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a small chat model, the same with tools and with thinking, and an embedding model."""
    store = tmp_path_factory.mktemp("ollama-models")
    ensure_store([CHAT_MODEL, EMBED_MODEL], store, progress=lambda _: None)
    template = (TEMPLATES / "qwen2.5-coder").read_text().rstrip("\n")
    add_model(store, TOOL_MODEL, like=CHAT_MODEL, template=template)
    template = (TEMPLATES / "chatml-thinking").read_text().rstrip("\n")
    add_model(store, THINKING_MODEL, like=CHAT_MODEL, template=template)
    return store


@pytest.fixture(scope="session")
def ollama(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server under test."""
    real = os.environ.get("SWITCHYARD_TEST_OLLAMA_HOST")
    with httpx.Client(timeout=ANSWER_WITHIN_S, trust_env=False) as client:
        if real:
            model = os.environ.get("SWITCHYARD_TEST_OLLAMA_MODEL", CHAT_MODEL)
            embed_model = os.environ.get("SWITCHYARD_TEST_OLLAMA_EMBED_MODEL", EMBED_MODEL)
            tool_model = os.environ.get("SWITCHYARD_TEST_OLLAMA_TOOL_MODEL", model)
            infill_model = os.environ.get("SWITCHYARD_TEST_OLLAMA_INFILL_MODEL", tool_model)
            thinking_model = os.environ.get("SWITCHYARD_TEST_OLLAMA_THINKING_MODEL", "")
            yield Server(real.rstrip("/"), model, embed_model, tool_model, infill_model, thinking_model, client)
            return
        store: Path = request.getfixturevalue("ollama_store")
        with node(store, OLLAMA_NUM_PARALLEL="2") as (url, _process):
            yield local_server(url, client)


@pytest.fixture(scope="session")
def own_store(request: pytest.FixtureRequest) -> Path:
    """The store for a node with settings of the test's own; there is none when a real server is tested."""
    if os.environ.get("SWITCHYARD_TEST_OLLAMA_HOST"):
        pytest.skip("needs a server with settings of its own")
    store: Path = request.getfixturevalue("ollama_store")
    return store
