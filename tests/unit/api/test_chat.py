"""POST /api/v1/chat, its answers."""

from datetime import datetime
from uuid import UUID

import msgspec
import pytest

from app.agents.life import RunState
from app.agents.values import OnDisconnect
from app.api.shapes import ChatResponse
from app.errors import DeadlineExceeded, NodeRefused, NoNodeAvailable, RunCancelled, RunFailed, SessionBusy
from app.inference.words.ends import FinishReason
from tests.fakes.asgi import JSON, Client
from tests.fakes.platform import FakePlatform
from tests.fakes.runner import failed

CHAT = "/api/v1/chat"


@pytest.mark.requirement("INS-01.rest")
@pytest.mark.requirement("INS-21.session", "INS-21.message", "INS-21.agent", "INS-21.metadata", "FIN-03.http")
async def test_an_answer_has_exactly_the_promised_fields(client: Client, platform: FakePlatform) -> None:
    reply = await client.post(CHAT, {"message": "May I return a lamp?"})
    assert reply.status == 200
    assert list(reply.json()) == [
        "session_id",
        "message",
        "finish_reason",
        "agent_used",
        "requires_clarification",
        "conversation_complete",
        "metadata",
        "citations",
        "degraded",
        "thinking",
        "state",
        "interrupts",
        "support",
        "answered_by",
        "withheld",
        "left_out",
        "details",
    ]
    answer = msgspec.json.decode(reply.body, type=ChatResponse)
    assert [answer.session_id] == list(platform.sessions.rows)
    assert answer.message == "Returns are free for 30 days."
    assert answer.agent_used == "guide"
    assert answer.requires_clarification is False
    assert (answer.conversation_complete, answer.finish_reason, answer.thinking) == (True, FinishReason.STOP, None)
    assert answer.metadata.tokens_used == 128
    assert answer.metadata.processing_time_ms == 42
    assert answer.citations[0].quote == "Returns are free."


@pytest.mark.requirement("INS-21.clarification", "INS-21.complete")
@pytest.mark.parametrize(("asks", "complete"), [(False, True), (True, False)])
async def test_an_answer_says_whether_it_is_a_question_and_whether_the_conversation_is_complete(
    client: Client, platform: FakePlatform, *, asks: bool, complete: bool
) -> None:
    platform.runner.ending = lambda result: msgspec.structs.replace(
        result, requires_clarification=asks, conversation_complete=complete
    )
    reply = (await client.post(CHAT, {"message": "hello"})).json()
    assert (reply["requires_clarification"], reply["conversation_complete"]) == (asks, complete)


async def test_an_answer_says_how_it_ended_and_shows_the_thinking_that_was_asked_for(
    client: Client, platform: FakePlatform
) -> None:
    platform.runner.ending = lambda result: msgspec.structs.replace(
        result, finish_reason=FinishReason.LENGTH, thinking="30, or 60?"
    )
    reply = (await client.post(CHAT, {"message": "hello", "think": True})).json()
    assert (reply["finish_reason"], reply["thinking"]) == ("length", "30, or 60?")


async def test_an_answer_tells_its_route_and_cost_in_headers(client: Client) -> None:
    reply = await client.post(CHAT, {"message": "hello"}, ("x-request-id", "my-id-7"))
    assert reply.headers["x-request-id"] == "my-id-7"
    assert reply.headers["x-route-id"] == "00000000-0000-4000-8000-0000000000aa"
    assert reply.headers["x-route-tier"] == "simple"
    assert reply.headers["x-route-model"] == "smollm2:135m"
    assert reply.headers["x-route-node"] == "a"
    assert reply.headers["x-route-reason"] == "warm_and_free"
    assert reply.headers["x-cost-usd"] == "0.000025"
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.requirement("INS-20.context")
async def test_all_options_reach_the_run(client: Client, platform: FakePlatform) -> None:
    body = {
        "message": "hello",
        "context": {"customer_id": "CUST00001", "policy_number": "POL000004"},
        "team": "assistant",
        "priority": "interactive",
        "deadline_s": 12.5,
        "temperature": 0.8,
        "max_tokens": 64,
        "seed": 7,
        "think": "low",
        "on_disconnect": "continue",
    }
    assert (await client.post(CHAT, body, ("idempotency-key", "order-1"))).status == 200
    ask = platform.runner.started[0]
    assert ask.question == "hello"
    assert ask.context == body["context"]
    assert ask.idempotency_key == "order-1"
    assert ask.on_disconnect is OnDisconnect.CONTINUE
    options = ask.options
    assert (options.temperature, options.max_tokens, options.seed, options.deadline_s) == (0.8, 64, 7, 12.5)
    assert options.think == "low"


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        ({}, (), OnDisconnect.CANCEL),
        ({}, (("idempotency-key", "k"),), OnDisconnect.CONTINUE),
        ({"on_disconnect": "cancel"}, (("idempotency-key", "k"),), OnDisconnect.CANCEL),
        ({"on_disconnect": "continue"}, (), OnDisconnect.CONTINUE),
    ],
)
async def test_a_run_goes_on_without_its_reader_only_if_promised(
    client: Client,
    platform: FakePlatform,
    body: dict[str, str],
    headers: tuple[tuple[str, str], ...],
    expected: OnDisconnect,
) -> None:
    await client.post(CHAT, {"message": "hello", **body}, *headers)
    assert platform.runner.started[0].on_disconnect is expected


@pytest.mark.requirement("INS-20.session")
async def test_a_session_goes_on_in_the_next_question(client: Client) -> None:
    first = (await client.post(CHAT, {"message": "hello"})).json()
    second = (await client.post(CHAT, {"message": "and then?", "session_id": first["session_id"]})).json()
    assert second["session_id"] == first["session_id"]
    assert UUID(first["session_id"]).version == 4


async def test_a_repeated_idempotency_key_gives_the_same_run_and_says_so(
    client: Client, platform: FakePlatform
) -> None:
    first = await client.post(CHAT, {"message": "hello"}, ("idempotency-key", "k1"))
    again = await client.post(CHAT, {"message": "hello"}, ("idempotency-key", "k1"))
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert len(platform.runner.started) == 1


async def test_another_body_under_a_used_idempotency_key_is_refused(client: Client) -> None:
    await client.post(CHAT, {"message": "hello"}, ("idempotency-key", "k1"))
    reply = await client.post(CHAT, {"message": "something else"}, ("idempotency-key", "k1"))
    assert (reply.status, reply.json()["code"]) == (422, "idempotency_mismatch")


async def test_no_node_is_a_503_with_retry_after_and_a_later_try_with_the_key_succeeds(
    client: Client, platform: FakePlatform
) -> None:
    platform.runner.refusal = NoNodeAvailable("no routable node serves the tier simple", tier="simple")
    refused = await client.post(CHAT, {"message": "hello"}, ("idempotency-key", "k1"))
    assert refused.status == 503
    assert refused.headers["retry-after"] == "5"
    assert refused.json() | {"request_id": ""} == {
        "type": "/docs/errors#no_node_available",
        "title": "No routable node serves what the call needs",
        "status": 503,
        "detail": "no routable node serves the tier simple",
        "code": "no_node_available",
        "request_id": "",
        "retryable": True,
        "tier": "simple",
    }
    platform.runner.refusal = None
    assert (await client.post(CHAT, {"message": "hello"}, ("idempotency-key", "k1"))).status == 200


async def test_a_run_that_failed_becomes_its_problem_with_its_ids(client: Client, platform: FakePlatform) -> None:
    platform.runner.ending = lambda result: failed(result, NoNodeAvailable("every node is down"))
    reply = await client.post(CHAT, {"message": "hello"})
    assert reply.status == 503
    assert reply.json()["code"] == "no_node_available"
    assert UUID(reply.json()["run_id"])
    assert UUID(reply.json()["session_id"])


async def test_a_run_that_broke_inside_is_a_500_that_names_the_reason(client: Client, platform: FakePlatform) -> None:
    platform.runner.ending = lambda result: failed(result, RunFailed("the run failed", reason="run_diverged"))
    reply = await client.post(CHAT, {"message": "hello"})
    assert (reply.status, reply.json()["code"], reply.json()["reason"]) == (500, "run_failed", "run_diverged")


async def test_a_cancelled_run_is_a_409(client: Client, platform: FakePlatform) -> None:
    cancelled = RunCancelled("the run was cancelled")
    platform.runner.ending = lambda result: failed(result, cancelled, RunState.CANCELLED)
    reply = await client.post(CHAT, {"message": "hello"})
    assert (reply.status, reply.json()["code"], reply.json()["retryable"]) == (409, "cancelled", False)


async def test_a_deadline_of_the_client_is_a_504_that_may_be_tried_again(
    client: Client, platform: FakePlatform
) -> None:
    platform.runner.ending = lambda result: failed(result, DeadlineExceeded("too late", deadline_s=0.5))
    reply = await client.post(CHAT, {"message": "hello"})
    problem = reply.json()
    assert (reply.status, problem["code"], problem["retryable"]) == (504, "deadline_exceeded", True)
    assert (problem["deadline_s"], reply.headers["retry-after"]) == (0.5, "2")


async def test_an_input_that_a_node_refuses_is_the_callers_to_change(client: Client, platform: FakePlatform) -> None:
    platform.runner.ending = lambda result: failed(result, NodeRefused("invalid format", node="a"))
    reply = await client.post(CHAT, {"message": "hello"})
    problem = reply.json()
    assert (reply.status, problem["code"], problem["retryable"]) == (422, "node_refused", False)
    assert (problem["detail"], problem["node"], "retry-after" in reply.headers) == ("invalid format", "a", False)


async def test_a_busy_session_may_be_tried_again(client: Client, platform: FakePlatform) -> None:
    platform.runner.refusal = SessionBusy("another run of this session has not ended")
    reply = await client.post(CHAT, {"message": "hello"})
    assert (reply.status, reply.json()["retryable"]) == (409, True)


async def test_a_run_that_takes_too_long_for_json_can_be_read_later(client: Client, platform: FakePlatform) -> None:
    platform.runner.breaks = TimeoutError()
    reply = await client.post(CHAT, {"message": "hello"})
    assert (reply.status, reply.json()["code"]) == (504, "still_running")
    run = await client.get(f"/api/v1/runs/{reply.json()['run_id']}")
    assert run.status == 200
    assert platform.runner.waits_s == [platform.settings.run_limit_s + 15]


async def test_a_json_client_that_leaves_frees_its_run(client: Client, platform: FakePlatform) -> None:
    platform.runner.holds = True
    body = msgspec.json.encode({"message": "hello"})
    async with client.open("POST", CHAT, chunks=[body], headers=[JSON]) as (reply, gone, task):
        gone.set()
        await task
    assert platform.runner.gone == list(platform.runner.runs)
    assert reply.status == 499
    counted = platform.metrics.http_requests.labels("POST", CHAT, "499")
    assert counted._value.get() >= 1.0  # pyright: ignore[reportPrivateUsage]


async def test_a_replay_that_leaves_does_not_end_the_run_of_another_request(
    client: Client, platform: FakePlatform
) -> None:
    platform.runner.holds = True
    body = msgspec.json.encode({"message": "hello"})
    headers = [JSON, ("idempotency-key", "k1")]
    async with client.open("POST", CHAT, chunks=[body], headers=headers) as (first, _, task):
        async with client.open("POST", CHAT, chunks=[body], headers=headers) as (_, gone, replay):
            gone.set()
            await replay
        assert platform.runner.gone == []
        next(iter(platform.runner.runs.values())).release.set()
        await task
    assert first.status == 200


@pytest.mark.requirement("INS-22.times")
async def test_times_are_utc_with_a_z(client: Client) -> None:
    session_id = (await client.post(CHAT, {"message": "hello"})).json()["session_id"]
    session = (await client.get(f"/api/v1/sessions/{session_id}")).json()
    assert session["created_at"].endswith("Z")
    assert datetime.fromisoformat(session["created_at"]).tzinfo is not None
