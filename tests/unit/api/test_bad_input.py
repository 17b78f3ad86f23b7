"""What is refused, how it is said, and that nothing was begun."""

import asyncio
from codecs import BOM_UTF8

import msgspec
import pytest

from app.api import bodies
from app.api.app import create_app
from app.api.openapi import describe_api
from app.api.problems import MEDIA_TYPE, ProblemDocument
from tests.fakes.asgi import JSON, LIMIT_S, Client, Reply
from tests.fakes.platform import KEY_A, FakePlatform

CHAT = "/api/v1/chat"
LONG = "x" * 2001
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def check(reply: Reply, status: int, code: str) -> ProblemDocument:
    """Check that a reply is a whole problem document."""
    problem = msgspec.json.decode(reply.body, type=ProblemDocument)
    assert (reply.status, problem.status, problem.code) == (status, status, code)
    assert reply.headers["content-type"] == MEDIA_TYPE
    assert problem.type == f"/docs/errors#{code}"
    assert problem.request_id == reply.headers["x-request-id"]
    assert problem.title
    assert problem.detail
    return problem


@pytest.mark.requirement("INS-20.shortest", "INS-20.session", "INS-20.text-values")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"message":""}', "message"),
        (b'{"message":" \\n "}', "message"),
        (b'{"message":"%b"}' % LONG.encode(), "message"),
        (b'{"message":"a\\u0000b"}', "message"),
        (b'{"message":7}', "message"),
        (b'{"message":null}', "message"),
        (b'{"message":["a"]}', "message"),
        (b"{}", "message"),
        (b'{"message":"a","mesage":"b"}', "mesage"),
        (b'{"message":"a","tenant_id":"b"}', "tenant_id"),
        (b'{"message":"a","session_id":"nope"}', "session_id"),
        (b'{"message":"a","session_id":7}', "session_id"),
        (b'{"message":"a","context":{"a":1}}', "context[...]"),
        (b'{"message":"a","context":{"a":"\\u0000"}}', "context"),
        (b'{"message":"a","context":{"a\\u0000":"b"}}', "context"),
        (b'{"message":"a","context":["a"]}', "context"),
        (b'{"message":"a","context":{"a":"%b"}}' % (b"v" * 501), "context[...]"),
        (b'{"message":"a","stream":"yes"}', "stream"),
        (b'{"message":"a","stream":1}', "stream"),
        (b'{"message":"a","team":"../x"}', "team"),
        (b'{"message":"a","priority":"urgent"}', "priority"),
        (b'{"message":"a","deadline_s":0}', "deadline_s"),
        (b'{"message":"a","deadline_s":-1}', "deadline_s"),
        (b'{"message":"a","temperature":2.1}', "temperature"),
        (b'{"message":"a","temperature":"0.5"}', "temperature"),
        (b'{"message":"a","max_tokens":0}', "max_tokens"),
        (b'{"message":"a","max_tokens":1.5}', "max_tokens"),
        (b'{"message":"a","seed":-1}', "seed"),
        (b'{"message":"a","on_disconnect":"stop"}', "on_disconnect"),
    ],
)
async def test_a_field_that_is_wrong_is_named_and_nothing_is_begun(
    client: Client, platform: FakePlatform, body: bytes, field: str
) -> None:
    reply = await client.send("POST", CHAT, body=body, headers=[JSON])
    check(reply, 422, "bad_input")
    assert reply.json()["field"] == field
    assert platform.runner.started == []
    assert platform.sessions.rows == {}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the body is empty"),
        (b"hello", "the body is not JSON"),
        (b'{"message":"a"', "the body is not JSON"),
        (b'{"message":"a"} x', "the body is not JSON"),
        (b'"hello"', "the body must be an object, not text"),
        (b'["hello"]', "the body must be an object, not a list"),
        (b'{"message":"\\ud800"}', "half of a surrogate pair"),
        (b'{"message":"ab\\udc00cd"}', "half of a surrogate pair"),
        (b'{"message":"\\ud83d\\u0041"}', "half of a surrogate pair"),
        (b'{"message":"\xff\xfe"}', "not UTF-8"),
        (b'{"message":"\xed\xa0\x80"}', "not UTF-8"),
        (b"[" * 100_000, "the body must be an object, not a list"),
        (b'{"message":' + b"[" * 100_000, "`message` must be text, not a list"),
        (b"{}", "`message` is missing"),
        (b'{"message":""}', "`message` is empty"),
        (b'{"message":null}', "`message` must be text, not null"),
        (b'{"message":"a","mesage":"b"}', "`mesage` is not a field that is known here"),
        (b'{"message":"a","a b\xe2\x80\xa8":1}', "a field of the body is not a field that is known here"),
        (b'{"message":"a","session_id":"x"}', "`session_id` must be a UUID"),
        (b'{"message":"a","seed":1.0}', "`seed` must be a whole number or null, not a number"),
        (b'{"message":"a","deadline_s":1e999}', "`deadline_s` is a number out of range"),
        (b'{"message":"a","deadline_s":9999}', "`deadline_s` must be at most 3600"),
        (b'{"message":"a","team":"../x"}', "`team` must have the form ^[a-z]"),
        (b'{"message":"a","priority":"soon"}', "`priority` is none of its choices"),
        (b'{"message":"a","context":{"":"b"}}', "`context` is empty"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(client: Client, body: bytes, words: str) -> None:
    reply = await client.send("POST", CHAT, body=body, headers=[JSON])
    assert words in check(reply, 422, "bad_input").detail


async def test_characters_outside_the_basic_plane_are_welcome(client: Client, platform: FakePlatform) -> None:
    escaped = b'{"message":"\\ud83d\\ude00 ' + "\u00e9".encode() + b'"}'
    assert (await client.send("POST", CHAT, body=escaped, headers=[JSON])).status == 200
    assert platform.runner.started[0].question == "\U0001f600 \u00e9"


@pytest.mark.parametrize("path", [CHAT, "/v1/chat/completions", "/ollama/api/chat"])
async def test_a_byte_order_mark_before_a_body_is_no_fault(client: Client, path: str) -> None:
    body = b'{"model":"auto","messages":[{"role":"user","content":"a"}]}' if path != CHAT else b'{"message":"a"}'
    assert (await client.send("POST", path, body=BOM_UTF8 + body, headers=[JSON])).status == 200
    assert (await client.send("POST", path, body=BOM_UTF8 * 2 + body, headers=[JSON])).status in {400, 422}


@pytest.mark.requirement("INS-20.shortest", "INS-20.longest")
async def test_two_thousand_characters_are_welcome_however_many_bytes(client: Client) -> None:
    assert (await client.post(CHAT, {"message": "\U0001f600" * 2000})).status == 200
    assert (await client.post(CHAT, {"message": "x"})).status == 200


@pytest.mark.requirement("INS-20.longest")
async def test_a_message_over_its_limit_is_told_both_numbers(client: Client, platform: FakePlatform) -> None:
    for message in (LONG, "\U0001f600" * 2001):
        reply = await client.post(CHAT, {"message": message})
        check(reply, 422, "bad_input")
        assert reply.json()["detail"] == "a message may have 2000 characters; this one has 2001"
        assert (reply.json()["limit_characters"], reply.json()["characters"]) == (2000, 2001)
    assert platform.runner.started == []


async def test_the_limit_of_a_message_is_a_setting() -> None:
    app = create_app(FakePlatform(max_message_characters=5))
    client = Client(app, KEY_A)
    assert (await client.post(CHAT, {"message": "12345"})).status == 200
    reply = await client.post(CHAT, {"message": "123456"})
    assert reply.json()["detail"] == "a message may have 5 characters; this one has 6"
    schema = describe_api(app)["components"]["schemas"]["ChatRequest"]["properties"]["message"]
    assert (schema["minLength"], schema["maxLength"]) == (1, 5)


async def test_a_body_of_ten_megabytes_is_refused_by_its_declared_length(
    client: Client, platform: FakePlatform
) -> None:
    headers = [JSON, ("content-length", "10000000")]
    reply = await client.send("POST", CHAT, chunks=[b"x" * 1000], headers=headers)
    problem = check(reply, 413, "body_too_large")
    assert "1000000 bytes" in problem.detail
    assert reply.json()["limit_bytes"] == 1_000_000
    assert reply.headers["connection"] == "close"
    assert platform.runner.started == []


async def test_a_chunked_body_of_ten_megabytes_is_refused_as_it_passes_the_limit(
    client: Client, platform: FakePlatform
) -> None:
    reply = await client.send("POST", CHAT, chunks=[b"x" * 100_000] * 100, headers=[JSON])
    check(reply, 413, "body_too_large")
    assert platform.runner.started == []


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"])
async def test_a_body_that_is_not_declared_as_json_is_a_415(client: Client, media_type: str) -> None:
    reply = await client.send("POST", CHAT, body=b'{"message":"a"}', headers=[("content-type", media_type)])
    check(reply, 415, "media_type_unknown")


async def test_json_with_a_charset_is_json(client: Client) -> None:
    headers = [("content-type", "Application/JSON; charset=utf-8")]
    assert (await client.send("POST", CHAT, body=b'{"message":"a"}', headers=headers)).status == 200


@pytest.mark.parametrize("key", ["", "a b", "\u00e9", "x" * 256, "a\tb"])
async def test_an_idempotency_key_is_visible_ascii(client: Client, platform: FakePlatform, key: str) -> None:
    reply = await client.post(CHAT, {"message": "a"}, ("idempotency-key", key))
    check(reply, 422, "bad_input")
    assert reply.json()["field"] == "Idempotency-Key"
    assert platform.runner.started == []


async def test_two_idempotency_keys_are_refused(client: Client) -> None:
    reply = await client.post(CHAT, {"message": "a"}, ("idempotency-key", "a"), ("idempotency-key", "b"))
    check(reply, 422, "bad_input")


async def test_an_unknown_session_is_a_404_and_nothing_is_begun(client: Client, platform: FakePlatform) -> None:
    reply = await client.post(CHAT, {"message": "a", "session_id": UNKNOWN})
    check(reply, 404, "session_unknown")
    assert platform.runner.started == []


async def test_another_tenants_things_are_as_unknown_as_what_never_was(client: Client, other: Client) -> None:
    answer = (await client.post(CHAT, {"message": "a"})).json()
    session_id, run_id = answer["session_id"], answer["metadata"]["run_id"]
    for method, path in [
        ("GET", f"/api/v1/sessions/{session_id}"),
        ("DELETE", f"/api/v1/sessions/{session_id}"),
        ("GET", f"/api/v1/runs/{run_id}"),
        ("GET", f"/api/v1/runs/{run_id}/events"),
        ("POST", f"/api/v1/runs/{run_id}/cancel"),
        ("GET", "/api/v1/routes/00000000-0000-4000-8000-0000000000aa"),
    ]:
        own_id = path.split("/")[4]
        foreign = await other.send(method, path, headers=[("x-request-id", "same")])
        absent = await other.send(method, path.replace(own_id, UNKNOWN), headers=[("x-request-id", "same")])
        malformed = await other.send(method, path.replace(own_id, "no-uuid"), headers=[("x-request-id", "same")])
        assert foreign.status == 404, path
        assert foreign.body == absent.body, path
        assert foreign.json()["code"] == malformed.json()["code"], path
    chat = await other.post(CHAT, {"message": "a", "session_id": session_id})
    check(chat, 404, "session_unknown")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/v1/sessions/%s", "session_unknown"),
        ("/api/v1/runs/%s", "run_unknown"),
        ("/api/v1/routes/%s", "route_unknown"),
        ("/api/v2/jobs/%s", "job_unknown"),
    ],
)
@pytest.mark.parametrize("name", ["x", UNKNOWN, UNKNOWN.replace("-", ""), f"{{{UNKNOWN}}}", "\u0661" * 36, "0" * 36])
async def test_an_id_that_names_nothing_is_a_404_of_its_kind(client: Client, path: str, code: str, name: str) -> None:
    check(await client.get(path % name), 404, code)


async def test_an_unknown_path_and_a_wrong_method_are_problems_too(client: Client) -> None:
    check(await client.get("/api/v1/nothing"), 404, "not_found")
    wrong = await client.send("PUT", CHAT)
    check(wrong, 405, "method_not_allowed")
    assert "POST" in wrong.headers["allow"]


@pytest.mark.parametrize("path", [f"//{CHAT}", "/api/v1/chat/", "/api//v1/chat", "/api/v1/%63hat", "/./api/v1/chat"])
async def test_no_spelling_of_a_path_goes_around_the_key(stranger: Client, path: str) -> None:
    reply = await stranger.post(path, {"message": "a"})
    assert reply.status in {401, 404}


async def test_a_client_that_leaves_in_the_middle_of_its_body_begins_nothing(
    client: Client, platform: FakePlatform
) -> None:
    sending = client.open("POST", CHAT, chunks=[b'{"message":'], headers=[JSON], leaves_while_sending=True)
    async with sending as (reply, _, task):
        await task
    assert reply.status == 499
    assert platform.runner.started == []


async def test_a_body_that_stops_coming_is_given_up(
    client: Client, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_GAP_S", 0.01)
    headers = [JSON, ("content-length", "100")]
    async with client.open("POST", CHAT, chunks=[b'{"message":'], headers=headers, stalls=True) as (reply, _, task):
        async with asyncio.timeout(LIMIT_S):
            await asyncio.wait({task})
    check(reply, 408, "body_too_slow")
    assert platform.runner.started == []


async def test_a_good_key_is_still_good_beside_all_that(client: Client, platform: FakePlatform) -> None:
    assert (await client.post(CHAT, {"message": "a"})).status == 200
    assert platform.keys.asked == [KEY_A]
