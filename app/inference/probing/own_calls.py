"""Calls that the platform makes of itself, each in a slot that nobody waits for; a user may wait for its end."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import msgspec

from app.inference.calls.attempts import Attempts
from app.inference.calls.settling import OnUsage, reported_of_chat, reported_of_embed
from app.inference.estimates import UNKNOWN
from app.inference.fleet.catalogue import Model, Node, full_name
from app.inference.fleet.keep_alive import KeepAlive
from app.inference.fleet.nodes import Fleet
from app.inference.fleet.views import NodeView
from app.inference.routing.placement import Need
from app.inference.slots.admission import Asked, Held, facts_of
from app.inference.slots.register import LeaseRegister
from app.inference.wire.bodies import chat_body, embed_body
from app.inference.wire.exchange import Target
from app.inference.wire.ollama import Ollama, Waits
from app.inference.wire.stream import Heard
from app.inference.words.account import Account, Purpose
from app.inference.words.records import CallKind, ChatCall, Message
from app.inference.words.route import Candidate

CALL_LIMIT_S = 15.0
AGENT = "probe"


@dataclass(frozen=True, slots=True)
class Stay:
    """How long a model is to stay in memory after a call, and the context to load it with where it is not there."""

    keep_alive: KeepAlive
    cold_ctx: int | None = None


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
        self,
        node: Node,
        model: Model,
        purpose: Purpose,
        question: str,
        *,
        prefix: str = "",
        max_tokens: int = 1,
        stay: Stay | None = None,
    ) -> str | None:
        """Return what a chat model answers at temperature 0, after `prefix`; None if no slot is free.

        Raises CallBroke.
        """
        held = await self._hold(node, model, purpose, max_tokens, stay)
        if held is None:
            return None
        pieces = list[str]()
        call = _call(held.asked.account, (Message("user", question),), max_tokens)
        body = chat_body(
            call,
            model=model.name,
            keep_alive=self._keep_alive(held, stay),
            num_ctx=held.candidate.num_ctx,
            prefix=prefix,
            max_tokens=max_tokens,
        )
        attempt = self._attempts.at(held, self._on_usage)

        def on_heard(heard: Heard) -> None:
            attempt.hear(heard)
            pieces.append(heard.text)

        async with attempt:
            line = await self._ollama.chat(self._attempts.target(held), body, self._waits(held), on_heard)
            attempt.seen.reported = reported_of_chat(line, held)
        return "".join(pieces)

    async def embed(self, node: Node, model: Model, purpose: Purpose, *, stay: Stay | None = None) -> bool:
        """Have a model embed one word; return whether a slot was free for that. Raises CallBroke."""
        held = await self._hold(node, model, purpose, 0, stay)
        if held is None:
            return False
        body = embed_body(
            ("hi",), model=model.name, keep_alive=self._keep_alive(held, stay), num_ctx=held.candidate.num_ctx
        )
        attempt = self._attempts.at(held, self._on_usage)
        async with attempt:
            reply = await self._ollama.embed(self._attempts.target(held), body, self._waits(held).first_s, 1)
            attempt.seen.reported = reported_of_embed(reply)
        return True

    async def load(self, node: Node, model: Model, *, num_ctx: int) -> bool:
        """Have a node load a model with that context, and see that it answers; return whether a slot was free for that.

        Raises CallBroke.
        """
        stay = Stay(self._fleet.keep_alive(node.name, model), num_ctx)
        if model.kind is CallKind.EMBED:
            return await self.embed(node, model, Purpose.WARMTH, stay=stay)
        return await self.say(node, model, Purpose.WARMTH, "hi", stay=stay) is not None

    async def unload(self, node: Node, model: Model) -> None:
        """Have a node drop a model from its memory; one that a call uses leaves at the end of that. Raises CallBroke.

        (ollama: server/routes.go, ChatHandler: no messages and `keep_alive` 0; server/sched.go, expireRunner)
        """
        nothing = _call(Account(purpose=Purpose.WARMTH), (), 1)
        body = chat_body(nothing, model=model.name, keep_alive=0, num_ctx=model.num_ctx[0], prefix="", max_tokens=1)
        target, waits = Target(node.name, node.url, model.name), Waits(CALL_LIMIT_S, CALL_LIMIT_S)
        await self._ollama.chat(target, body, waits, lambda _: None)

    async def template(self, node: Node, model: Model) -> str | None:
        """Return the template that the node renders the model's prompts with, None if it does not say."""
        return await self._ollama.template(node.url, model.name, limit_s=CALL_LIMIT_S)

    def _keep_alive(self, held: Held, stay: Stay | None) -> KeepAlive:
        return self._attempts.keep_alive(held) if stay is None else stay.keep_alive

    def _waits(self, held: Held) -> Waits:
        return Waits(CALL_LIMIT_S, CALL_LIMIT_S) if held.candidate.resident else self._attempts.waits(held)

    async def _hold(
        self, node: Node, model: Model, purpose: Purpose, max_tokens: int, stay: Stay | None
    ) -> Held | None:
        view, started_at = self._fleet.find(node.name), datetime.now(UTC)
        key, cold_ctx = full_name(model.name), None if stay is None else stay.cold_ctx
        if view is None or (cold_ctx is None and key in view.loading):
            return None
        candidate = _candidate(view, model, cold_ctx)
        need = Need(model.kind, None, prompt_tokens=1, max_tokens=max_tokens, model=model.name)
        # Each is a call of its own: what it asks is known to be answerable.
        asked = Asked(need, str(uuid4()), AGENT, Account(purpose=purpose))
        facts = facts_of(asked, self._fleet.catalogue, 0, started_at)
        granted = await self._leases.acquire([candidate], facts, {model.name: model.tokens_per_s})
        if granted is None:
            return None
        after = self._fleet.find_loading(node.name)
        if after is not None and cold_ctx is None and key in after.loading:
            await self._leases.release(granted[1])
            return None
        self._fleet.began(node.name, model.name)
        candidate = candidate if after is None else _as_loaded(candidate, after)
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


def _candidate(view: NodeView, model: Model, cold_ctx: int | None) -> Candidate:
    key = full_name(model.name)
    return Candidate(
        node=view.node.name,
        model=model.name,
        digest=view.holds.get(key, ""),
        tier=None,
        slots=view.node.slots,
        # The size that is loaded, whatever it is: another would make the node load the model anew.
        num_ctx=view.loaded.get(key) or cold_ctx or model.num_ctx[0],
        resident=cold_ctx is None,
        load_s=view.speeds.get(key, UNKNOWN).or_else(model.expected_speed).load_s,
        score=0.0,
    )


def _as_loaded(candidate: Candidate, view: NodeView) -> Candidate:
    """Return it with the context of now: another process may have had the model loaded with more."""
    key = full_name(candidate.model)
    loading = view.loading.get(key)
    now = view.loaded.get(key) if loading is None else loading.num_ctx
    return msgspec.structs.replace(candidate, num_ctx=now or candidate.num_ctx)


def _call(account: Account, messages: tuple[Message, ...], max_tokens: int) -> ChatCall:
    return ChatCall(
        messages=messages,
        question="",
        agent=AGENT,
        account=account,
        max_tokens=max_tokens,
        temperature=0.0,
        seed=7,
    )
