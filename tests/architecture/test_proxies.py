"""What a setting names is asked directly: no client of ours reads proxy variables or `.netrc`."""

import ast

from tests.architecture.sources import dotted, none, sources

CLIENTS = {"Client", "AsyncClient", "AsyncQdrantClient", "QdrantClient", "ClientSession"}
# httpx.get and the like make a client that reads the environment, and so do these.
READS_ENVIRONMENT = {
    *(f"httpx.{word}" for word in ("get", "post", "put", "patch", "delete", "head", "options", "request", "stream")),
    "urllib.request.urlopen",
    "urlopen",
    "aiohttp.request",
}
# Weights come from outside, by the proxy that the user's network asks for.
DOWNLOADS = {"ops/local/models/publisher.py"}


def test_every_client_of_a_server_says_that_it_trusts_no_environment() -> None:
    found = [
        source.at(node)
        for source in sources("app", "ops")
        if source.path not in DOWNLOADS
        for node in source.nodes
        if isinstance(node, ast.Call)
        and dotted(node.func).rpartition(".")[2] in CLIENTS
        and not any(word.arg == "trust_env" and ast.unparse(word.value) == "False" for word in node.keywords)
    ]
    none(found)


def test_nothing_is_asked_by_a_function_that_makes_its_own_client() -> None:
    found = [
        source.at(node)
        for source in sources("app", "ops")
        for node in source.nodes
        if isinstance(node, ast.Call) and dotted(node.func) in READS_ENVIRONMENT
    ]
    none(found)
