"""Calls that the platform makes of itself, each in a slot that nobody waits for; a user may wait for its end."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

from app.inference.calls.attempts import Attempts
from app.inference.calls.settling import OnUsage, reported_of_chat, reported_of_embed
from app.inference.fleet.catalogue import Model, Node, full_name
from app.inference.fleet.nodes import Fleet
from app.inference.routing.placement import Need
from app.inference.slots.admission import Asked, Held, facts_of
from app.inference.slots.register import LeaseRegister
from app.inference.wire.bodies import chat_body, embed_body
from app.inference.wire.ollama import Ollama, Waits
from app.inference.wire.stream import Heard
from app.inference.words.account import Account, Purpose
from app.inference.words.records import ChatCall, Message
from app.inference.words.route import Candidate

CALL_LIMIT_S = 15.0
AGENT = "probe"


class OwnCalls:
    """Asks nodes for what the platform wants to know. The installation itself pays."""

    def __init__(
        self,
        fleet: Fleet,
        leases: LeaseRegister,
        ollama: Ollama,
        attempts: Attempts,
        *,
        on_usage: OnUsage,
        clock: Callable[[], float],
    ) -> None:
        self._fleet = fleet
        self._leases = leases
        self._ollama = ollama
        self._attempts = attempts
        self._on_usage = on_usage
        self._clock = clock

    async def say(
        self, node: Node, model: Model, purpose: Purpose, question: str, *, prefix: str = "", max_tokens: int = 1
    ) -> str | None:
        """Return what a chat model answers at temperature 0, after `prefix`; None if no slot is free.

        Raises CallBroke.
        """
        held = await self._hold(node, model, purpose, max_tokens)
        if held is None:
            return None
        pieces = list[str]()
        body = chat_body(
            ChatCall(
                messages=(Message("user", question),),
                question="",
                agent=AGENT,
                account=held.asked.account,
                max_tokens=max_tokens,
                temperature=0.0,
                seed=7,
            ),
            model=model.name,
            keep_alive=model.keep_alive,
            num_ctx=held.candidate.num_ctx,
            prefix=prefix,
            max_tokens=max_tokens,
        )
        attempt = self._attempts.at(held, self._on_usage)

        def on_heard(heard: Heard) -> None:
            attempt.hear(heard)
            pieces.append(heard.text)

        async with attempt:
            target, waits = self._attempts.target(held), Waits(CALL_LIMIT_S, CALL_LIMIT_S)
            line = await self._ollama.chat(target, body, waits, on_heard)
            attempt.seen.reported = reported_of_chat(line, held)
        return "".join(pieces)

    async def embed(self, node: Node, model: Model, purpose: Purpose) -> None:
        """Have a model embed one word, if a slot is free. Raises CallBroke."""
        held = await self._hold(node, model, purpose, 0)
        if held is None:
            return
        body = embed_body(("hi",), model=model.name, keep_alive=model.keep_alive, num_ctx=held.candidate.num_ctx)
        attempt = self._attempts.at(held, self._on_usage)
        async with attempt:
            reply = await self._ollama.embed(self._attempts.target(held), body, CALL_LIMIT_S, 1)
            attempt.seen.reported = reported_of_embed(reply)

    async def template(self, node: Node, model: Model) -> str | None:
        """Return the template that the node renders the model's prompts with, None if it does not say."""
        return await self._ollama.template(node.url, model.name, limit_s=CALL_LIMIT_S)

    async def _hold(self, node: Node, model: Model, purpose: Purpose, max_tokens: int) -> Held | None:
        view, started_at = self._fleet.find(node.name), datetime.now(UTC)
        if view is None:
            return None
        candidate = Candidate(
            node=node.name,
            model=model.name,
            digest=view.holds.get(full_name(model.name), ""),
            tier=None,
            slots=node.slots,
            # The size that is loaded, whatever it is: another would make the node load the model anew.
            num_ctx=view.loaded.get(full_name(model.name)) or model.num_ctx[0],
            resident=True,
            score=0.0,
        )
        need = Need(model.kind, None, prompt_tokens=1, max_tokens=max_tokens, model=model.name)
        # Each is a call of its own: what it asks is known to be answerable.
        asked = Asked(need, str(uuid4()), AGENT, Account(purpose=purpose))
        facts = facts_of(asked, self._fleet.catalogue, 0, started_at)
        granted = await self._leases.acquire([candidate], facts, {model.name: model.tokens_per_s})
        if granted is None:
            return None
        self._fleet.began(node.name, model.name)
        return Held(
            asked=asked,
            model=model,
            candidate=candidate,
            candidates=(candidate,),
            tier=None,
            lease=granted[1],
            wait_us=0,
            began=self._clock(),
            started_at=started_at,
        )
