"""The node's parts together: its settings, its store and its loaded models."""

import asyncio

import msgspec

from ops.local.ollama import options
from ops.local.ollama.environment import Environment
from ops.local.ollama.faults import Refused, bad_request
from ops.local.ollama.gojson import Object
from ops.local.ollama.names import ModelName
from ops.local.ollama.options import Options
from ops.local.ollama.scheduler import Scheduler
from ops.local.ollama.store import BadStore, Model, ModelMissing, Store
from ops.local.ollama.wire import Inference, Message, Think


class Node(msgspec.Struct, frozen=True):
    """What the routes need."""

    environment: Environment
    store: Store
    scheduler: Scheduler

    async def model(self, name: ModelName, when_missing: Refused) -> Model:
        """The stored model; raises `when_missing`, or Refused(500) when the store is broken."""
        try:
            return await asyncio.to_thread(self.store.get, name)
        except ModelMissing as error:
            raise when_missing from error
        except BadStore as error:
            raise Refused(500, str(error)) from error

    def options(self, model: Model, asked: Object) -> Options:
        """The options of a call on this model. Raises Refused."""
        return options.choose(
            (model.options, asked),
            context_length=self.environment.context_length,
            is_embedding=model.header.is_embedder,
        )


def thinking_of(model: Model, call: Inference) -> Think:
    """How the model thinks in this call: one that can does, unless it is told not to (server/routes.go, ChatHandler).

    Raises Refused for a model that cannot and is told to; None is a request that says nothing to one that cannot.
    """
    if "thinking" in model.capabilities:
        return True if call.think is None else call.think
    if call.think:
        raise bad_request(f'"{call.model}" does not support thinking')
    return call.think


def conversation(model: Model, messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The messages with what the model's author put before them (server/routes.go, ChatHandler)."""
    before = tuple(Message(item.role, item.content) for item in model.messages)
    if model.system and (not messages or messages[0].role != "system"):
        return (Message("system", model.system), *before, *messages)
    return (*before, *messages)
