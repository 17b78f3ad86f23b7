"""The routes under /api/v1/nodes."""

import pytest

from app.api.nodes import EXAMPLE
from tests.fakes.asgi import Client
from tests.fakes.platform import FakePlatform

PATH = "/api/v1/nodes"
NODE = EXAMPLE | {"models": ["m", "n"]}


async def change(client: Client, name: str, value: str) -> tuple[int, dict[str, object]]:
    """Send a change; return the status and the body."""
    headers = [("content-type", "application/json")]
    answered = await client.send("PATCH", f"{PATH}/{name}", chunks=[value.encode()], headers=headers)
    return answered.status, answered.json()


async def test_a_node_is_added_read_changed_drained_and_removed(operator: Client) -> None:
    added = await operator.post(PATH, NODE)
    assert (added.status, added.headers["location"]) == (201, f"{PATH}/c")
    node = (await operator.get(f"{PATH}/c")).json()
    assert node == added.json()
    assert {key: node[key] for key in NODE if key != "models"} == {key: NODE[key] for key in NODE if key != "models"}
    assert [model["model"] for model in node["models"]] == ["m", "n"]
    assert (node["state"], node["wanted"], node["revision"]) == ("warming", "active", 1)
    assert (node["calls"], node["overdue_calls"], node["calls_end_in_s"]) == (3, 1, 12.5)
    status, changed = await change(operator, "c", '{"slots": 8, "watts": null}')
    assert (status, changed["slots"], changed["watts"], changed["gpu"]) == (200, 8, None, "NVIDIA L4")
    assert (await operator.post(f"{PATH}/c/drain", None)).json()["wanted"] == "drained"
    assert (await operator.post(f"{PATH}/c/undrain", None)).json()["wanted"] == "active"
    assert [one["name"] for one in (await operator.get(PATH)).json()["nodes"]] == ["c"]
    assert (await operator.send("DELETE", f"{PATH}/c")).status == 204
    assert (await operator.get(PATH)).json() == {"nodes": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/x"),
        ("DELETE", "/x"),
        ("POST", "/x/drain"),
        ("POST", "/x/undrain"),
    ],
)
async def test_a_name_that_no_node_has_is_404(operator: Client, method: str, path: str) -> None:
    refused = await operator.send(method, PATH + path)
    assert (refused.status, refused.json()["code"]) == (404, "node_unknown")


async def test_what_cannot_be_is_refused_with_the_field(operator: Client) -> None:
    refused = await operator.post(PATH, NODE | {"slots": 0})
    assert (refused.status, refused.json()["code"], refused.json()["field"]) == (422, "bad_input", "slots")
    refused = await operator.post(PATH, NODE | {"token": "c4nary"})
    assert (refused.status, refused.json()["field"], "c4nary" in refused.body.decode()) == (422, "token", False)
    refused = await operator.post(PATH, NODE | {"url": "http://user:c4nary@host"})
    assert (refused.status, refused.json()["field"], "c4nary" in refused.body.decode()) == (422, "url", False)
    assert (await operator.post(PATH, NODE)).status == 201
    refused = await operator.post(PATH, NODE)
    assert (refused.status, refused.json()["code"]) == (409, "node_exists")
    status, problem = await change(operator, "x", "{}")
    assert (status, problem["code"]) == (404, "node_unknown")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("POST", ""),
        ("GET", "/c"),
        ("PATCH", "/c"),
        ("DELETE", "/c"),
        ("POST", "/c/drain"),
        ("POST", "/c/undrain"),
        ("POST", "/c/pin"),
        ("POST", "/c/unpin"),
    ],
)
async def test_only_a_key_that_may_operate_sees_or_changes_nodes(client: Client, method: str, path: str) -> None:
    refused = await client.send(method, PATH + path)
    assert (refused.status, refused.json()["code"]) == (403, "not_permitted")


async def test_a_model_is_pinned_on_a_node_that_is_declared_to_hold_it(
    operator: Client, platform: FakePlatform
) -> None:
    assert (await operator.post(PATH, NODE)).status == 201
    assert (await operator.post(f"{PATH}/c/pin", {"model": "M"})).status == 200
    assert platform.nodes.pins == {("c", "m:latest")}
    assert (await operator.post(f"{PATH}/c/unpin", {"model": "m:latest"})).status == 200
    assert platform.nodes.pins == set()
    for node, model, status, code in (("c", "x", 422, "bad_input"), ("x", "m", 404, "node_unknown")):
        refused = await operator.post(f"{PATH}/{node}/pin", {"model": model})
        assert (refused.status, refused.json()["code"]) == (status, code)
