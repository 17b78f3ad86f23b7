"""Keys: who gets in, who does not, and that no route forgets to ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar, get
from litestar.routes import HTTPRoute

from app.api.app import check_permissions
from app.api.auth import PERMISSION, Permission, PermissionMissing, key_text
from app.errors import KeyUnknown, StoreUnavailable
from tests.fakes.asgi import Client
from tests.fakes.platform import KEY_A, KEY_B, KEY_OPERATE, FakePlatform

SESSIONS = "/api/v1/sessions"
PUBLIC = {
    "/health",
    "/livez",
    "/readyz",
    "/metrics",
    "/",
    "/docs",
    "/docs/openapi.json",
    "/docs/errors",
    "/docs/assets/{name}",
    "/ollama",
    "/ollama/api/version",
}


@pytest.mark.parametrize(
    "header",
    [
        ("authorization", f"Bearer {KEY_A}"),
        ("authorization", f"bearer  {KEY_A} "),
        ("x-api-key", KEY_A),
        ("X-API-Key", f" {KEY_A}"),
    ],
)
async def test_a_key_may_come_in_either_header(stranger: Client, header: tuple[str, str]) -> None:
    assert (await stranger.get(SESSIONS, header)).status == 200


@pytest.mark.requirement("UPL-41.keys")
@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("authorization", ""),),
        (("authorization", "Bearer"),),
        (("authorization", "Bearer "),),
        (("authorization", KEY_A),),
        (("authorization", f"Basic {KEY_A}"),),
        (("authorization", f"Bearer {KEY_A}x"),),
        (("authorization", f"Bearer {KEY_A[:-1]}"),),
        (("authorization", f"Bearer {KEY_A.upper()}"),),
        (("authorization", f"Bearer {KEY_A},{KEY_B}"),),
        (("authorization", f"Bearer {KEY_A}"), ("x-api-key", KEY_B)),
        (("authorization", f"Bearer {KEY_A}"), ("authorization", f"Bearer {KEY_B}")),
        (("x-api-key", "' OR 1=1 --"),),
        (("x-api-key", "\u00ff\u00fe"),),
        (("x-api-key", "x" * 60_000),),
        (("cookie", f"key={KEY_A}"),),
    ],
)
async def test_without_one_good_key_there_is_a_401_that_tells_nothing(
    stranger: Client, headers: tuple[tuple[str, str], ...]
) -> None:
    reply = await stranger.get(SESSIONS, ("x-request-id", "same"), *headers)
    missing = await stranger.get(SESSIONS, ("x-request-id", "same"))
    assert reply.status == 401
    assert reply.headers["www-authenticate"] == 'Bearer realm="switchyard"'
    assert reply.body == missing.body
    assert reply.json()["code"] == "key_unknown"


async def test_a_wrong_key_is_refused_before_the_body_is_read(stranger: Client, platform: FakePlatform) -> None:
    reply = await stranger.post("/api/v1/chat", {"nonsense": True}, ("x-api-key", "wrong"))
    assert reply.status == 401
    assert platform.runner.started == []


async def test_a_store_that_is_away_is_a_503_not_a_401(stranger: Client, platform: FakePlatform) -> None:
    platform.keys.error = StoreUnavailable("PostgreSQL does not answer", store="postgres")
    reply = await stranger.get(SESSIONS, ("x-api-key", KEY_A))
    assert (reply.status, reply.json()["code"], reply.json()["store"]) == (503, "store_unavailable", "postgres")
    assert reply.headers["retry-after"] == "2"


@given(st.lists(st.tuples(st.sampled_from([b"authorization", b"x-api-key", b"accept"]), st.binary(max_size=80))))
def test_no_header_breaks_the_reading_of_keys(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        text = key_text(headers)
    except KeyUnknown:
        text = ""
    assert isinstance(text, str)


def test_every_route_but_the_listed_ones_needs_a_key(app: Litestar) -> None:
    public: set[str] = set()
    for route in app.routes:
        assert isinstance(route, HTTPRoute)
        for handler in route.route_handlers:
            if handler.http_methods != {"OPTIONS"} and handler.opt[PERMISSION] is Permission.PUBLIC:
                public.add(route.path_format)
    assert public == PUBLIC


@pytest.mark.requirement("UPL-41.keys")
async def test_every_route_that_needs_a_key_refuses_without_one(app: Litestar, stranger: Client) -> None:
    asked = 0
    for route in app.routes:
        if not isinstance(route, HTTPRoute) or route.path_format in PUBLIC:
            continue
        for method in route.methods - {"OPTIONS"}:
            reply = await stranger.send(method, route.path_format)
            assert reply.status == 401, (method, route.path_format)
            asked += 1
    assert asked >= 12


def test_an_application_with_a_route_that_declares_no_permission_does_not_start() -> None:
    @get("/forgotten")
    async def forgotten() -> str:
        return ""

    with pytest.raises(PermissionMissing, match="/forgotten"):
        check_permissions(Litestar([forgotten], openapi_config=None))


async def test_what_operators_do_is_for_keys_that_may_operate(app: Litestar) -> None:
    @get("/only-operators", opt={PERMISSION: Permission.OPERATE})
    async def only_operators() -> str:
        return "done"

    app.register(only_operators)
    assert (await Client(app, KEY_OPERATE).get("/only-operators")).status == 200
    refused = await Client(app, KEY_A).get("/only-operators")
    assert (refused.status, refused.json()["code"]) == (403, "not_permitted")


def test_a_key_of_one_tenant_is_never_taken_for_another() -> None:
    with pytest.raises(KeyUnknown):
        key_text([(b"authorization", f"Bearer {KEY_A}".encode()), (b"x-api-key", KEY_B.encode())])
    assert key_text([(b"authorization", f"Bearer {KEY_A}".encode()), (b"x-api-key", KEY_A.encode())]) == KEY_A


async def test_options_tells_the_methods_without_a_key(stranger: Client) -> None:
    reply = await stranger.send("OPTIONS", "/api/v1/chat")
    assert (reply.status, reply.headers["allow"]) == (204, "OPTIONS, POST")
