"""Each path says what went wrong in the words of its dialect, also where no route of ours is."""

from typing import Any

import msgspec
import pytest

from app.api.direct.dialects import Dialect, dialect_of, status_in, write_in
from app.api.problems import STATUSES, describe
from app.errors import (
    BadInput,
    BodyTooLarge,
    ContextTooLong,
    KeyUnknown,
    ModelUnknown,
    NodeRefused,
    NoNodeAvailable,
    SwitchyardError,
)
from tests.fakes.asgi import Client


def told(dialect: Dialect, error: SwitchyardError) -> tuple[int, Any, dict[str, str]]:
    """Return status, value and headers of what a path of the dialect says of `error`."""
    written = write_in(dialect, describe(error), "r-1")
    headers = {name.decode(): value.decode() for name, value in written.encode_headers()}
    return written.status_code, msgspec.json.decode(written.body), headers


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/ollama", Dialect.OLLAMA),
        ("/ollama/", Dialect.OLLAMA),
        ("/ollama/api/chat", Dialect.OLLAMA),
        ("/ollamas", Dialect.OWN),
        ("/v1", Dialect.OPENAI),
        ("/v1/chat/completions", Dialect.OPENAI),
        ("/v10/x", Dialect.OWN),
        ("/api/v1/chat", Dialect.OWN),
        ("/", Dialect.OWN),
    ],
)
def test_a_path_has_the_dialect_that_it_begins_with(path: str, dialect: Dialect) -> None:
    assert dialect_of(path) is dialect


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (BadInput("`messages` is missing", field="messages"), 400, "`messages` is missing"),
        # ollama, server/routes.go, ChatHandler
        (ModelUnknown("no such model", model="llama9"), 404, "model 'llama9' not found"),
        (ContextTooLong("the prompt has 9000 tokens"), 400, "the prompt has 9000 tokens"),
        (NodeRefused("invalid format"), 400, "invalid format"),
        (KeyUnknown("the api key is missing"), 401, "the api key is missing"),
        (BodyTooLarge("the body may have 9 bytes"), 413, "the body may have 9 bytes"),
        (NoNodeAvailable("no node serves the call"), 503, "no node serves the call"),
    ],
)
def test_ollama_clients_get_the_error_as_one_text(error: SwitchyardError, status: int, text: str) -> None:
    found, value, headers = told(Dialect.OLLAMA, error)
    assert (found, value) == (status, {"error": text})
    assert headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (BadInput("`n` is 2", field="n"), 400, ("invalid_request_error", "n", "bad_input")),
        (ModelUnknown("no such model", model="x"), 404, ("invalid_request_error", None, "model_not_found")),
        (ContextTooLong("too long"), 400, ("invalid_request_error", None, "context_length_exceeded")),
        (KeyUnknown("the api key is missing"), 401, ("authentication_error", None, "invalid_api_key")),
        (NoNodeAvailable("nothing"), 503, ("server_error", None, "no_node_available")),
    ],
)
def test_openai_clients_get_message_type_param_and_code(
    error: SwitchyardError, status: int, said: tuple[str, str | None, str]
) -> None:
    found, value, _ = told(Dialect.OPENAI, error)
    kind, param, code = said
    assert found == status
    assert value == {"error": {"message": error.detail, "type": kind, "param": param, "code": code}}


@pytest.mark.parametrize("dialect", Dialect)
def test_whatever_is_unavailable_says_when_to_come_back_in_each_dialect(dialect: Dialect) -> None:
    assert told(dialect, NoNodeAvailable("nothing"))[2]["retry-after"] == "5"


@pytest.mark.parametrize("kind", STATUSES)
def test_only_what_is_wrong_with_a_request_has_another_status_in_a_clients_dialect(kind: type[SwitchyardError]) -> None:
    own = status_in(Dialect.OWN, kind)
    for dialect in (Dialect.OPENAI, Dialect.OLLAMA):
        assert status_in(dialect, kind) == (own if own != 422 else 404 if kind is ModelUnknown else 400)


async def test_a_path_without_a_route_answers_in_its_dialect(client: Client) -> None:
    own = await client.get("/nothing")
    ollama = await client.get("/ollama/nothing")
    openai = await client.get("/v1/nothing")
    assert [reply.status for reply in (own, ollama, openai)] == [404, 404, 404]
    assert own.json()["code"] == "not_found"
    assert ollama.json() == {"error": "There is nothing at this path."}
    assert openai.json()["error"]["message"] == "There is nothing at this path."
