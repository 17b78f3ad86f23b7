"""Calls that the platform makes of itself, each in a slot that nobody waits for; a user may wait for its end."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

from app.inference.fleet.catalogue import Model, Node, full_name
from app.inference.fleet.nodes import Fleet
from app.inference.slots.lease import LeaseFacts
from app.inference.slots.register import LeaseRegister
from app.inference.wire.bodies import chat_body, embed_body
from app.inference.wire.ollama import Ollama, Target, Waits
from app.inference.words.records import ChatCall, Message
from app.inference.words.route import Candidate

CALL_LIMIT_S = 15.0
AGENT = "probe"


class OwnCalls:
    """Asks nodes for what the platform wants to know."""

    def __init__(self, fleet: Fleet, leases: LeaseRegister, ollama: Ollama) -> None:
        self._fleet = fleet
        self._leases = leases
        self._ollama = ollama

    @asynccontextmanager
    async def slot(self, node: Node, model: Model) -> AsyncGenerator[int | None]:
        """Hold a slot for the block; yields the context size to ask with, None if no slot is free."""
        # The size that is loaded, whatever it is: another would make the node load the model anew.
        num_ctx = self._fleet.view(node.name).loaded.get(full_name(model.name)) or model.num_ctx[0]
        candidate = Candidate(
            node=node.name, model=model.name, tier=None, slots=node.slots, num_ctx=num_ctx, resident=True, score=0.0
        )
        granted = await self._leases.acquire([candidate], _facts(node, model), {model.name: model.tokens_per_s})
        if granted is None:
            yield None
            return
        try:
            yield num_ctx
        finally:
            await self._leases.release(granted[1])

    async def say(self, node: Node, model: Model, num_ctx: int, question: str, prefix: str, max_tokens: int) -> str:
        """Return what a chat model answers at temperature 0, after `prefix`. Raises CallBroke."""
        asked = (Message("user", question),)
        call = ChatCall(messages=asked, question="", agent=AGENT, max_tokens=max_tokens, temperature=0.0, seed=7)
        body = chat_body(
            call,
            model=model.name,
            keep_alive=model.keep_alive,
            num_ctx=num_ctx,
            prefix=prefix,
            max_tokens=max_tokens,
        )
        pieces: list[str] = []
        waits = Waits(CALL_LIMIT_S, CALL_LIMIT_S)
        await self._ollama.chat(_target(node, model), body, waits, lambda heard: pieces.append(heard.text))
        return "".join(pieces)

    async def embed(self, node: Node, model: Model, num_ctx: int) -> None:
        """Have a model embed one word. Raises CallBroke."""
        body = embed_body(("hi",), model=model.name, keep_alive=model.keep_alive, num_ctx=num_ctx)
        await self._ollama.embed(_target(node, model), body, CALL_LIMIT_S, 1)

    async def template(self, node: Node, model: Model) -> str | None:
        """Return the template that the node renders the model's prompts with, None if it does not say."""
        return await self._ollama.template(node.url, model.name, limit_s=CALL_LIMIT_S)


def _target(node: Node, model: Model) -> Target:
    return Target(node.name, node.url, model.name)


def _facts(node: Node, model: Model) -> Callable[[Candidate], LeaseFacts]:
    facts = LeaseFacts(
        id=uuid4(),
        kind=model.kind,
        agent=AGENT,
        run_id=None,
        tier=None,
        node=node.name,
        model=model.name,
        digest="",
        input_tokens=1,
        wait_us=0,
        price_usd_micro_per_hour=node.price_usd_micro_per_hour,
        started_at=datetime.now(UTC),
    )
    return lambda _candidate: facts
