"""Ollama's plain routes: root, version, tags, ps and show; unknown paths and methods."""

import re

import pytest

from tests.contract.ollama_server import Json, Server, assert_error, assert_time, assert_unknown_shown

pytest_plugins = ("tests.contract.ollama_fixtures",)
pytestmark = pytest.mark.integration


@pytest.mark.source("ollama: server/routes.go")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_root_says_that_ollama_runs(ollama: Server, method: str) -> None:
    """server/routes.go, GenerateRoutes: r.GET("/"), r.HEAD("/")."""
    reply = ollama.client.request(method, ollama.url + "/")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert reply.text == ("Ollama is running" if method == "GET" else "")


@pytest.mark.source("go: net/http/server.go")
def test_no_server_header_is_sent(ollama: Server) -> None:
    """Go's net/http sends none."""
    assert "server" not in ollama.client.get(ollama.url + "/").headers


@pytest.mark.source("ollama: server/routes.go")
@pytest.mark.parametrize("path", ["/api/version", "/api/tags"])
def test_version_and_tags_answer_head_requests(ollama: Server, path: str) -> None:
    """server/routes.go, GenerateRoutes: r.HEAD."""
    reply = ollama.client.head(ollama.url + path)
    assert (reply.status_code, reply.content) == (200, b"")
    assert reply.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.source("ollama: docs/api.md")
def test_the_version_is_one_that_the_suite_is_written_for(ollama: Server) -> None:
    """docs/api.md, Version."""
    body = ollama.get("/api/version")
    assert set(body) == {"version"}
    found = re.match(r"0\.(\d+)\.\d+", body["version"])
    assert found
    assert int(found[1]) >= 24


@pytest.mark.source("gin: gin.go")
@pytest.mark.parametrize("path", ["/api/nothing", "/api", "/nothing"])
def test_an_unknown_path_is_404_in_plain_text(ollama: Server, path: str) -> None:
    """gin, Engine.handleHTTPRequest: default404Body."""
    reply = ollama.client.get(ollama.url + path)
    assert (reply.status_code, reply.text) == (404, "404 page not found")
    assert reply.headers["content-type"] == "text/plain"


@pytest.mark.source("ollama: server/routes.go")
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/chat"), ("GET", "/api/generate"), ("PUT", "/api/embed"), ("POST", "/api/tags"), ("HEAD", "/api/ps")],
)
def test_a_known_path_with_another_method_is_405_in_plain_text(ollama: Server, method: str, path: str) -> None:
    """server/routes.go: HandleMethodNotAllowed; gin: default405Body."""
    reply = ollama.client.request(method, ollama.url + path)
    assert reply.status_code == 405
    assert reply.headers["content-type"] == "text/plain"
    assert reply.text == ("" if method == "HEAD" else "405 method not allowed")


@pytest.mark.source("gin: gin.go")
def test_a_slash_at_the_end_is_redirected(ollama: Server) -> None:
    """gin: RedirectTrailingSlash is on by default; 301 for GET, 307 else."""
    reply = ollama.client.get(ollama.url + "/api/tags/")
    assert (reply.status_code, reply.headers["location"]) == (301, "/api/tags")
    reply = ollama.client.post(ollama.url + "/api/show/", json={})
    assert (reply.status_code, reply.headers["location"]) == (307, "/api/show")


@pytest.mark.source("ollama: envconfig/config.go")
def test_another_sites_page_may_not_call(ollama: Server) -> None:
    """envconfig/config.go, AllowedOrigins; gin-contrib/cors: 403."""
    reply = ollama.client.get(ollama.url + "/api/tags", headers={"Origin": "https://example.com"})
    assert (reply.status_code, reply.content) == (403, b"")


@pytest.mark.source("ollama: envconfig/config.go")
def test_a_local_page_may_call(ollama: Server) -> None:
    """envconfig/config.go, AllowedOrigins: http://localhost:*."""
    reply = ollama.client.get(ollama.url + "/api/tags", headers={"Origin": "http://localhost:3000"})
    assert reply.status_code == 200
    assert reply.headers["access-control-allow-origin"] == "http://localhost:3000"


def entry(ollama: Server, name: str) -> Json:
    return next(item for item in ollama.get("/api/tags")["models"] if item["name"] == name)


@pytest.mark.source("ollama: api/types.go", "ollama: docs/api.md")
def test_tags_lists_models_with_manifest_digest_and_details(ollama: Server) -> None:
    """api/types.go, ListModelResponse; docs/api.md, List Local Models. Some fields came with 0.30."""
    found = entry(ollama, ollama.model)
    newer = {"capabilities"}
    assert set(found) - newer == {"name", "model", "modified_at", "size", "digest", "details"}
    assert found["model"] == ollama.model
    assert_time(found["modified_at"])
    assert isinstance(found["size"], int)
    assert re.fullmatch(r"[0-9a-f]{64}", found["digest"])
    assert set(found["details"]) - {"context_length", "embedding_length"} == {
        "parent_model",
        "format",
        "family",
        "families",
        "parameter_size",
        "quantization_level",
    }
    assert found["details"]["format"] == "gguf"
    assert isinstance(found["details"]["families"], list)


@pytest.mark.source("ollama: server/routes.go")
def test_tags_names_the_model_changed_last_first(ollama: Server) -> None:
    """server/routes.go, ListHandler: sorted by modified_at, to the second."""
    times = [int(assert_time(item["modified_at"]).timestamp()) for item in ollama.get("/api/tags")["models"]]
    assert times == sorted(times, reverse=True)


@pytest.mark.source("ollama: api/types.go")
def test_ps_tells_what_is_loaded_and_for_how_long(ollama: Server) -> None:
    """api/types.go, ProcessModelResponse."""
    ollama.chat("Hello")
    found = ollama.loaded(ollama.model)
    assert found is not None
    assert set(found) == {
        "name", "model", "size", "digest", "details", "expires_at", "size_vram", "context_length",
    }  # fmt: skip
    assert found["digest"] == entry(ollama, ollama.model)["digest"]
    assert_time(found["expires_at"])
    assert found["size"] > 0
    assert found["size_vram"] >= 0
    assert found["context_length"] > 0
    assert found["details"]["family"] == entry(ollama, ollama.model)["details"]["family"]


@pytest.mark.source("ollama: api/types.go", "ollama: server/routes.go")
def test_show_tells_template_details_and_model_info(ollama: Server) -> None:
    """api/types.go, ShowResponse; server/routes.go, GetModelInfo."""
    found = ollama.ok("/api/show", model=ollama.model)
    assert {"modelfile", "template", "details", "model_info", "capabilities", "modified_at"} <= set(found)
    assert found["modelfile"].startswith('# Modelfile generated by "ollama show"\n# To build a new Modelfile')
    assert f"\n# FROM {ollama.model}\n\nFROM " in found["modelfile"]
    info = found["model_info"]
    architecture = info["general.architecture"]
    assert isinstance(info["general.parameter_count"], int)
    assert isinstance(info[f"{architecture}.context_length"], int)
    assert "completion" in found["capabilities"]
    assert found["details"] == {
        name: value
        for name, value in entry(ollama, ollama.model)["details"].items()
        if name not in ("context_length", "embedding_length")
    }
    assert_time(found["modified_at"])


@pytest.mark.source("ollama: server/routes.go")
def test_show_leaves_out_name_template_and_long_lists(ollama: Server) -> None:
    """server/routes.go, GetModelInfo and getModelData."""
    info = ollama.ok("/api/show", model=ollama.model)["model_info"]
    assert "general.name" not in info
    assert "tokenizer.chat_template" not in info
    assert not info["tokenizer.ggml.tokens"]


@pytest.mark.source("ollama: api/types.go")
def test_show_lists_tensors_with_name_type_and_shape(ollama: Server) -> None:
    """api/types.go, Tensor."""
    tensors = ollama.ok("/api/show", model=ollama.model)["tensors"]
    assert {"name", "type", "shape"} == set(tensors[0])
    assert all(isinstance(size, int) for size in tensors[0]["shape"])


@pytest.mark.source("ollama: docs/api.md")
def test_verbose_show_has_the_long_lists(ollama: Server) -> None:
    """docs/api.md, Show Model Information: verbose."""
    info = ollama.ok("/api/show", model=ollama.embed_model, verbose=True)["model_info"]
    assert len(info["tokenizer.ggml.tokens"]) > 1000


@pytest.mark.source("ollama: api/types.go")
def test_show_takes_the_older_field_name(ollama: Server) -> None:
    """api/types.go, ShowRequest: Name is deprecated, Model instead."""
    assert ollama.ok("/api/show", name=ollama.model)["details"]["format"] == "gguf"


@pytest.mark.source("ollama: server/images.go")
def test_show_knows_an_embedding_model(ollama: Server) -> None:
    """server/images.go, ggufCapabilities: a pooling type means embedding."""
    assert ollama.ok("/api/show", model=ollama.embed_model)["capabilities"] == ["embedding"]


@pytest.mark.source("ollama: server/routes.go")
def test_show_names_an_unknown_model_as_asked(ollama: Server) -> None:
    """server/routes.go, ShowHandler, measured at v0.24."""
    for name in ("no-such-model", "no-such-model:1b", "someone/no-such-model"):
        assert_unknown_shown(ollama.post("/api/show", {"model": name}), name)


@pytest.mark.source("ollama: server/routes.go", "ollama: server/images.go")
def test_show_tells_the_template_that_prompts_are_written_with(ollama: Server) -> None:
    """server/routes.go, selectedModelTemplate: a Go template's text, or that of the weights where it is preferred."""
    shown = ollama.ok("/api/show", model=ollama.model)
    assert f'TEMPLATE """{shown["template"]}' in shown["modelfile"]


@pytest.mark.source("ollama: server/routes.go")
def test_show_needs_a_model(ollama: Server) -> None:
    """server/routes.go, ShowHandler."""
    assert_error(ollama.post("/api/show", {}), 400, "model is required")


@pytest.mark.source("ollama: server/routes.go")
def test_names_do_not_mind_letter_case(ollama: Server) -> None:
    """server/routes.go, getExistingName."""
    upper = ollama.model.upper()
    assert ollama.ok("/api/show", model=upper)["details"] == ollama.ok("/api/show", model=ollama.model)["details"]


@pytest.mark.source("ollama: types/model/name.go")
def test_names_may_say_host_and_namespace(ollama: Server) -> None:
    """types/model/name.go, ParseName."""
    for prefix in ("library/", "registry.ollama.ai/library/"):
        assert ollama.ok("/api/show", model=prefix + ollama.model)["details"]["format"] == "gguf"
