"""`POST /api/embed`: shapes, order, length, dimensions, long texts."""

import math
from collections.abc import Sequence

import pytest

from tests.contract.ollama_server import Server, assert_error

pytest_plugins = ("tests.contract.ollama_fixtures",)
pytestmark = pytest.mark.integration

LONG = "The quick brown fox jumps over the lazy dog. " * 200


def cosine(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


@pytest.mark.source("ollama: docs/api.md", "ollama: server/routes.go")
def test_one_text_gives_one_vector_of_length_one(ollama: Server) -> None:
    """docs/api.md, Generate Embeddings; server/routes.go, normalize."""
    found = ollama.ok("/api/embed", model=ollama.embed_model, input="Why is the sky blue?")
    assert set(found) == {"model", "embeddings", "total_duration", "load_duration", "prompt_eval_count"}
    assert found["model"] == ollama.embed_model
    assert len(found["embeddings"]) == 1
    assert math.isclose(cosine(found["embeddings"][0], found["embeddings"][0]), 1.0, abs_tol=1e-4)
    assert found["total_duration"] >= found["load_duration"] > 0
    assert found["prompt_eval_count"] >= 6


@pytest.mark.source("ollama: docs/api.md")
def test_several_texts_give_vectors_in_their_order(ollama: Server) -> None:
    """docs/api.md, Request (Multiple input)."""
    texts = ["Cats sleep all day.", "The stock market fell.", "A kitten naps on the sofa."]
    together = ollama.ok("/api/embed", model=ollama.embed_model, input=texts)["embeddings"]
    alone = [ollama.ok("/api/embed", model=ollama.embed_model, input=text)["embeddings"][0] for text in texts]
    for left, right in zip(together, alone, strict=True):
        assert cosine(left, right) > 0.999
    assert cosine(together[0], together[2]) > cosine(together[0], together[1])


@pytest.mark.source("ollama: server/routes.go")
def test_more_texts_than_a_batch_all_come_back(ollama: Server) -> None:
    """server/routes.go, EmbedHandler: one vector a text."""
    found = ollama.ok("/api/embed", model=ollama.embed_model, input=[f"text {number}" for number in range(70)])
    assert len(found["embeddings"]) == 70
    assert found["prompt_eval_count"] >= 70 * 2


@pytest.mark.source("ollama: api/types.go", "ollama: server/routes.go")
def test_dimensions_cut_and_normalise_again(ollama: Server) -> None:
    """api/types.go, Dimensions; server/routes.go, EmbedHandler."""
    body = {"model": ollama.embed_model, "input": "Hello"}
    whole = ollama.ok("/api/embed", **body)["embeddings"][0]
    cut = ollama.ok("/api/embed", **body, dimensions=8)["embeddings"][0]
    assert len(cut) == 8
    assert math.isclose(cosine(cut, cut), 1.0, abs_tol=1e-4)
    assert math.isclose(cut[0] / cut[1], whole[0] / whole[1], rel_tol=1e-3)


@pytest.mark.source("ollama: server/routes.go")
def test_dimensions_beyond_the_vector_change_nothing(ollama: Server) -> None:
    """server/routes.go, EmbedHandler."""
    body = {"model": ollama.embed_model, "input": "Hello"}
    whole = ollama.ok("/api/embed", **body)["embeddings"]
    assert len(ollama.ok("/api/embed", **body, dimensions=100_000)["embeddings"][0]) == len(whole[0])


@pytest.mark.source("ollama: server/routes.go")
@pytest.mark.parametrize("nothing", ["", [], None])
def test_no_text_loads_the_model_and_gives_no_vectors(ollama: Server, nothing: object) -> None:
    """server/routes.go, EmbedHandler: len(input) == 0."""
    found = ollama.ok("/api/embed", model=ollama.embed_model, input=nothing)
    assert found == {"model": ollama.embed_model, "embeddings": []}
    assert ollama.loaded(ollama.embed_model) is not None


@pytest.mark.source("ollama: server/routes.go")
@pytest.mark.parametrize("wrong", [7, {"a": 1}, ["a", 1], [["a"]], True])
def test_input_of_another_type_is_refused(ollama: Server, wrong: object) -> None:
    """server/routes.go, EmbedHandler."""
    assert_error(ollama.post("/api/embed", {"model": ollama.embed_model, "input": wrong}), 400, "invalid input type")


@pytest.mark.source("ollama: docs/api.md")
def test_a_long_text_is_cut_to_the_context(ollama: Server) -> None:
    """docs/api.md, truncate: defaults to true."""
    context = ollama.ok("/api/embed", model=ollama.embed_model, input=[])
    assert context["embeddings"] == []
    found = ollama.ok("/api/embed", model=ollama.embed_model, input=LONG)
    loaded = ollama.loaded(ollama.embed_model)
    assert loaded is not None
    assert 100 < found["prompt_eval_count"] <= loaded["context_length"]


@pytest.mark.source("ollama: server/routes.go")
def test_without_truncate_a_long_text_is_refused(ollama: Server) -> None:
    """server/routes.go, EmbedHandler."""
    body = {"model": ollama.embed_model, "input": [LONG, "short"], "truncate": False}
    assert_error(ollama.post("/api/embed", body), 400, "the input length exceeds the context length")


@pytest.mark.source("ollama: server/routes.go")
def test_an_unknown_model_is_named_in_the_schedulers_words(ollama: Server) -> None:
    """server/routes.go, handleScheduleError."""
    reply = ollama.post("/api/embed", {"model": "no-such-model", "input": "x"})
    assert_error(reply, 404, 'model "no-such-model" not found, try pulling it first')


@pytest.mark.source("ollama: server/routes.go")
def test_a_missing_model_is_not_found(ollama: Server) -> None:
    """server/routes.go, EmbedHandler: writeModelRefParseError with 404."""
    assert_error(ollama.post("/api/embed", {"input": "x"}), 404, "model '' not found")


@pytest.mark.source("ollama: server/routes.go")
def test_an_embedding_model_does_not_chat(ollama: Server) -> None:
    """server/routes.go, ChatHandler and GenerateHandler: errCapabilityCompletion."""
    name = ollama.embed_model
    reply = ollama.post("/api/chat", {"model": name, "messages": [{"role": "user", "content": "Hi"}]})
    assert_error(reply, 400, f'"{name}" does not support chat')
    reply = ollama.post("/api/generate", {"model": name, "prompt": "Hi"})
    assert_error(reply, 400, f'"{name}" does not support generate')
