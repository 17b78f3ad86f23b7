"""A tool that acts outside PostgreSQL: under one key in every attempt, and not twice where that does harm."""

from dataclasses import replace
from typing import cast

import msgspec
import pytest
from langgraph.errors import GraphInterrupt

from app.agents.acting import DID_NOT_HAPPEN, HAPPENED
from app.agents.tools import Acting
from app.agents.values import Answered
from app.errors import ToolFailed, ToolRefused
from app.ids import TenantId
from app.postgres import Database
from tests.fakes.runs import CLAIM, KeptEffects
from tests.fakes.work import Attempt, attempt
from tests.unit.agents.test_using import Ledger, Named


class Sent(msgspec.Struct, frozen=True):
    """What the other side said."""

    receipt: str | None = None


class Died(Exception):
    """The process ended here."""


class Post:
    """The other side: notes under which keys it was called, and dies as often as it is told to."""

    def __init__(self, *, dies: int = 0) -> None:
        self.keys: list[str] = []
        self.dies = dies

    async def send(self, key: str, tenant_id: TenantId, named: Named) -> Sent:
        """Do it."""
        assert tenant_id == CLAIM.tenant_id
        if named.number == "none":
            raise ToolRefused("nobody lives there")
        self.keys.append(key)
        if self.dies:
            self.dies -= 1
            raise Died
        return Sent(f"R{len(self.keys)}")

    def tool(self, *, is_idempotent: bool) -> Acting[Named, Sent]:
        """Return it as a tool."""
        return Acting(
            name="send",
            description="",
            arguments=Named,
            result=Sent,
            act=self.send,
            is_idempotent=is_idempotent,
            confirmed=Sent(),
            limit_bytes=100,
        )


def began(effects: KeptEffects) -> Attempt:
    return attempt(effects=effects, database=Ledger())


def kept() -> KeptEffects:
    return KeptEffects(cast("Database", Ledger()))


async def use(effects: KeptEffects, tool: Acting[Named, Sent], number: str = "1") -> Sent:
    return await began(effects).work().use(tool, Named(number), agent="clerk")


@pytest.mark.parametrize("is_idempotent", [True, False])
async def test_what_was_sent_is_sent_once(*, is_idempotent: bool) -> None:
    post, effects = Post(), kept()
    tool = post.tool(is_idempotent=is_idempotent)
    assert await use(effects, tool) == await use(effects.again(), tool) == Sent("R1")
    assert post.keys == [f"{CLAIM.run_id}/respond/use:0"]


async def test_a_call_whose_outcome_nobody_knows_is_made_again_under_its_key_where_that_does_no_harm() -> None:
    post, effects = Post(dies=1), kept()
    with pytest.raises(Died):
        await use(effects, post.tool(is_idempotent=True))
    assert await use(effects.again(), post.tool(is_idempotent=True)) == Sent("R2")
    assert post.keys == [f"{CLAIM.run_id}/respond/use:0"] * 2


async def waits(effects: KeptEffects, tool: Acting[Named, Sent], answer: str) -> KeptEffects:
    """Return the effects of the attempt after a person answered what this one asks."""
    later = effects.again()
    asks = began(later)
    with pytest.raises(GraphInterrupt):
        await asks.work().use(tool, Named("1"), agent="clerk")
    (asked,) = asks.means.interrupting.open.values()
    assert asked.request.options == (HAPPENED, DID_NOT_HAPPEN)
    again = later.again()
    again.put(asked.id, bytes.fromhex(asked.input_sha256), msgspec.msgpack.encode(Answered(answer, answer)))
    return again


async def test_one_that_cannot_be_made_twice_waits_for_a_person_who_says_that_it_happened() -> None:
    post, effects = Post(dies=1), kept()
    tool = post.tool(is_idempotent=False)
    with pytest.raises(Died):
        await use(effects, tool)
    assert await use(await waits(effects, tool, HAPPENED), tool) == Sent()
    assert len(post.keys) == 1


async def test_one_that_did_not_happen_is_made_again_and_asked_about_again() -> None:
    post, effects = Post(dies=2), kept()
    tool = post.tool(is_idempotent=False)
    with pytest.raises(Died):
        await use(effects, tool)
    answered = await waits(effects, tool, DID_NOT_HAPPEN)
    with pytest.raises(Died):
        await use(answered, tool)
    assert await use(await waits(answered, tool, DID_NOT_HAPPEN), tool) == Sent("R3")
    assert len(post.keys) == 3


async def test_what_it_refuses_is_refused_in_every_attempt() -> None:
    post, effects = Post(), kept()
    for each in (effects, effects.again()):
        with pytest.raises(ToolRefused, match="nobody lives there"):
            await use(each, post.tool(is_idempotent=False), "none")
        effects = each
    assert post.keys == []


async def test_a_tool_that_the_tenant_is_denied_is_refused_and_not_called() -> None:
    post, effects, ledger = Post(), kept(), Ledger()
    ledger.denied = ["send"]
    with pytest.raises(ToolRefused, match="may not use it"):
        await (
            attempt(effects=effects, database=ledger)
            .work()
            .use(post.tool(is_idempotent=True), Named("1"), agent="clerk")
        )
    assert post.keys == []


async def test_what_is_too_large_is_not_sent_and_what_comes_back_too_large_is_not_kept() -> None:
    post, effects = Post(), kept()
    with pytest.raises(ToolRefused, match="100 bytes at most"):
        await use(effects, post.tool(is_idempotent=True), "1" * 100)

    async def much(*_: object) -> Sent:
        return Sent("r" * 100)

    with pytest.raises(ToolFailed, match="more than 100 bytes"):
        await use(kept(), replace(post.tool(is_idempotent=True), act=much))


async def test_one_that_was_made_before_its_tool_was_denied_is_asked_about_all_the_same() -> None:
    post, effects, ledger = Post(dies=1), kept(), Ledger()
    tool = post.tool(is_idempotent=False)
    with pytest.raises(Died):
        await use(effects, tool)
    ledger.denied = ["send"]
    for answer, brought in ((HAPPENED, Sent()), (DID_NOT_HAPPEN, None)):
        later = attempt(effects=await waits(effects, tool, answer), database=ledger).work()
        if brought is None:
            with pytest.raises(ToolRefused, match="may not use it"):
                await later.use(tool, Named("1"), agent="clerk")
        else:
            assert await later.use(tool, Named("1"), agent="clerk") == brought
    assert len(post.keys) == 1


async def test_of_two_calls_of_a_step_the_note_of_one_is_not_taken_for_the_others() -> None:
    post, effects = Post(), kept()
    tool = post.tool(is_idempotent=False)
    work = began(effects).work()
    assert await work.use(tool, Named("1"), agent="clerk") == Sent("R1")
    post.dies = 1
    with pytest.raises(Died):
        await work.use(tool, Named("2"), agent="clerk")
    asks = began(effects.again())
    assert await asks.work().use(tool, Named("1"), agent="clerk") == Sent("R1")
    with pytest.raises(GraphInterrupt):
        await asks.work().use(tool, Named("2"), agent="clerk")
    assert len(post.keys) == 2
