"""Answers of a form: the schema that a model is held to, how its answer is read, and how it is told what was wrong."""

import json
from functools import cache
from typing import Any, TypeVar

import msgspec

from app.errors import StructureUnmet
from app.inference.words.messages import Message

T = TypeVar("T")

REPAIR = (
    "That is not of the form that was asked for: {mistake}. Answer again, with the whole JSON object and nothing else."
)


@cache
def schema_of(result_type: type[Any]) -> msgspec.Raw:
    """Return the JSON schema of a struct as a node takes it: the struct itself at the top, what it refers to beneath.

    Ollama turns it into a grammar (llm/server.go, `format`), so that no other token can be said.
    """
    (top,), parts = msgspec.json.schema_components([result_type], ref_template="#/$defs/{name}")
    name = str(top["$ref"]).rsplit("/", 1)[-1]
    schema: dict[str, Any] = parts.pop(name)
    if parts:
        schema["$defs"] = parts
    return msgspec.Raw(json.dumps(schema).encode())


def read_structure(text: str, result_type: type[T]) -> T:
    """Return the structure that an answer holds. Raises msgspec.ValidationError, also for what is no JSON."""
    try:
        return msgspec.json.decode(text, type=result_type)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        raise msgspec.ValidationError(str(error)) from error


def repair_of(messages: tuple[Message, ...], text: str, mistake: str) -> tuple[Message, ...]:
    """Return the messages that ask again for what was asked for, with the answer that was none and why."""
    return (*messages, Message("assistant", text), Message("user", REPAIR.format(mistake=mistake)))


def unmet(agent: str, result_type: type[Any], mistake: msgspec.ValidationError | None) -> StructureUnmet:
    """Return how a step ends whose model does not manage the form."""
    return StructureUnmet(
        "the model gave no answer of the form that was asked for, also when it was told so",
        agent=agent,
        structure=result_type.__name__,
        mistake=str(mistake),
    )
