"""Which web pages and host names reach a node."""

import pytest
from aiohttp.test_utils import make_mocked_request

from ops.local.ollama.origins import allowed_origins, cross_origin, is_allowed_host


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("localhost", True),
        ("localhost:11434", True),
        ("127.0.0.1:11434", True),
        ("[::1]:11434", True),
        ("[::1]", True),
        ("192.168.1.7", True),
        ("node.internal:80", True),
        ("example.com", False),
        ("8.8.8.8", False),
        ("localhost.example.com", False),
    ],
)
def test_only_names_of_this_machine_are_allowed(host: str, is_allowed: bool) -> None:  # noqa: FBT001
    assert is_allowed_host(host) is is_allowed


def headers(origin: str, *, method: str = "GET", configured: tuple[str, ...] = ()) -> dict[str, str] | None:
    request = make_mocked_request(method, "/api/tags", headers={"Host": "127.0.0.1:1", "Origin": origin})
    return cross_origin(request, allowed_origins(configured))


@pytest.mark.parametrize("origin", ["http://localhost", "https://127.0.0.1:9", "app://x", "vscode-webview://a"])
def test_local_pages_may_call(origin: str) -> None:
    found = headers(origin)
    assert found is not None
    assert found["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize("origin", ["https://example.com", "http://localhost.example.com", "null"])
def test_other_pages_may_not(origin: str) -> None:
    assert headers(origin) is None


def test_a_page_of_the_node_itself_needs_no_headers() -> None:
    assert headers("http://127.0.0.1:1") == {}


def test_a_configured_origin_may_call() -> None:
    assert headers("https://example.com", configured=("https://example.com",)) is not None


def test_every_origin_may_call_when_all_are_configured() -> None:
    found = headers("https://example.com", configured=("*",))
    assert found == {"Access-Control-Allow-Origin": "*"}


def test_a_preflight_is_told_methods_and_headers() -> None:
    found = headers("http://localhost", method="OPTIONS")
    assert found is not None
    assert {"Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Max-Age"} <= set(found)
