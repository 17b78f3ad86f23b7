"""Whose words a path speaks: our own, OpenAI's or Ollama's, and how each of them says what went wrong."""

from enum import StrEnum
from typing import Any, assert_never

import msgspec
from litestar.response.base import ASGIResponse

from app import errors
from app.api.problems import MEDIA_TYPE, Problem, ProblemDocument, status_of
from app.errors import SwitchyardError

JSON = "application/json"


class Dialect(StrEnum):
    """In whose shapes a path is asked and answers."""

    OWN = "own"
    """Problem documents and server-sent events, under every other path."""
    OPENAI = "openai"
    """OpenAI's, under /v1/."""
    OLLAMA = "ollama"
    """Ollama's, under /ollama/."""


class OllamaError(msgspec.Struct, frozen=True):
    """What went wrong, as Ollama says it (ollama, api/types.go, StatusError)."""

    error: str


class OpenAIFault(msgspec.Struct, frozen=True):
    """What went wrong, as OpenAI says it (openai-openapi, components/schemas/Error)."""

    message: str
    type: str
    param: str | None
    code: str


class OpenAIError(msgspec.Struct, frozen=True):
    """OpenAI's envelope of an error (openai-openapi, components/schemas/ErrorResponse)."""

    error: OpenAIFault


def dialect_of(path: str) -> Dialect:
    """Return the dialect of a path, whether or not anything is there."""
    if path == "/ollama" or path.startswith("/ollama/"):
        return Dialect.OLLAMA
    if path == "/v1" or path.startswith("/v1/"):
        return Dialect.OPENAI
    return Dialect.OWN


def status_in(dialect: Dialect, kind: type[SwitchyardError]) -> int:
    """Return the status that a path of the dialect answers with."""
    return _status(dialect, status_of(kind), kind.code)


def _status(dialect: Dialect, status: int, code: str) -> int:
    """Clients of both dialects know 400 for a request that is wrong, and 404 for a model that is not there."""
    if dialect is Dialect.OWN or status != 422:
        return status
    return 404 if code == errors.ModelUnknown.code else 400


def schema_of(dialect: Dialect) -> tuple[type[msgspec.Struct], str]:
    """Return the type of an error's body, and its media type."""
    match dialect:
        case Dialect.OWN:
            return ProblemDocument, MEDIA_TYPE
        case Dialect.OPENAI:
            return OpenAIError, JSON
        case Dialect.OLLAMA:
            return OllamaError, JSON
        case _:
            assert_never(dialect)


def tell(dialect: Dialect, problem: Problem, request_id: str) -> object:
    """Return the value of the JSON that says `problem`."""
    match dialect:
        case Dialect.OWN:
            return problem.document(request_id)
        case Dialect.OPENAI:
            return OpenAIError(
                OpenAIFault(problem.detail, _openai_type(problem.status), _param(problem), _openai_code(problem))
            )
        case Dialect.OLLAMA:
            return OllamaError(_in_ollamas_words(problem))
        case _:
            assert_never(dialect)


def write_in(dialect: Dialect, problem: Problem, request_id: str) -> ASGIResponse:
    """Return the response that carries `problem`."""
    return ASGIResponse(
        body=msgspec.json.encode(tell(dialect, problem, request_id)),
        status_code=_status(dialect, problem.status, problem.code),
        media_type=schema_of(dialect)[1],
        headers={**problem.headers, "cache-control": "no-store"},
    )


def _in_ollamas_words(problem: Problem) -> str:
    """Return the text of Ollama's that clients look for, else ours (ollama, server/routes.go, ChatHandler)."""
    model = _fact(problem, "model")
    if problem.code == errors.ModelUnknown.code and isinstance(model, str):
        return f"model '{model}' not found"
    return problem.detail


def _openai_type(status: int) -> str:
    """Return OpenAI's word for the kind of an error; the rest of its clients' behaviour hangs on the status."""
    if status == 401:
        return "authentication_error"
    if status == 403:
        return "permission_error"
    if status == 429:
        return "rate_limit_error"
    return "invalid_request_error" if status < 500 else "server_error"


def _openai_code(problem: Problem) -> str:
    """Return the code: OpenAI's own where its clients look for it, else ours."""
    match problem.code:
        case errors.ModelUnknown.code:
            return "model_not_found"
        case errors.ContextTooLong.code:
            return "context_length_exceeded"
        case errors.KeyUnknown.code:
            return "invalid_api_key"
        case _:
            return problem.code


def _param(problem: Problem) -> str | None:
    field = _fact(problem, "field")
    return field if isinstance(field, str) else None


def _fact(problem: Problem, name: str) -> Any:  # noqa: ANN401 - a fact is a plain value
    return problem.facts.get(name)
