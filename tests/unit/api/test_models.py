"""The routes under /api/v1/models."""

from tests.fakes.asgi import Client


async def test_the_plan_says_of_each_model_on_each_node_what_is_done_and_why(operator: Client) -> None:
    (planned,) = (await operator.get("/api/v1/models/plan")).json()["plan"]
    assert planned == {
        "node": "c",
        "model": "m",
        "tiers": ["simple"],
        "advice": "load",
        "reason": "asked_for",
        "pinned": False,
        "calls": 3,
        "gpu_s": 1.5,
        "num_ctx": 2048,
        "needed_bytes": 1000,
        "taken_bytes": None,
        "free_bytes": 4000,
        "evicts": ["n"],
    }


async def test_only_a_key_that_may_operate_sees_the_plan(client: Client) -> None:
    refused = await client.get("/api/v1/models/plan")
    assert (refused.status, refused.json()["code"]) == (403, "not_permitted")
    assert (await client.get("/api/v1/models")).status == 200
