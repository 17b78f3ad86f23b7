"""/api/v1/routes: a stored route in words, and a dry run."""

from app.inference.words.abilities import Ability
from app.inference.words.contract import Contract
from app.inference.words.tiers import Tier
from tests.fakes.asgi import Client
from tests.fakes.platform import FakePlatform
from tests.fakes.runner import ROUTE

ROUTES = "/api/v1/routes"


async def test_a_stored_route_says_in_words_what_was_chosen_and_why(client: Client) -> None:
    told = (await client.get(f"{ROUTES}/{ROUTE.id}")).json()
    assert (told["model"], told["reason"]) == ("smollm2:135m", "warm_and_free")
    assert told["explanation"]["chosen"] == "smollm2:135m on a (simple)"
    assert told["explanation"]["why"].startswith("The tier simple was needed: the question was rated 0.12 of 1.")
    assert told["explanation"]["runner_up"] is None


async def test_a_dry_run_says_where_a_question_would_go_and_asks_nobody(client: Client, platform: FakePlatform) -> None:
    body = {"message": "Why?", "model": "medium", "contract": {"no_degrade": True}}
    reply = await client.post(ROUTES, body, ("x-route-min-tier", "medium"))
    told = reply.json()
    assert (reply.status, told["model"], told["node"], told["unmet"]) == (200, "smollm2:135m", "a", None)
    assert told["explanation"]["chosen"] == "smollm2:135m on a (simple)"
    (call,) = platform.dispatcher.calls
    assert (call.tier, call.model, call.question) == (Tier.MEDIUM, None, "Why?")
    assert call.contract == Contract(min_tier=Tier.MEDIUM, no_degrade=True)
    assert platform.runner.started == []


async def test_a_dry_run_takes_what_the_call_would_have_beside_its_text(client: Client, platform: FakePlatform) -> None:
    for abilities in ({Ability.VISION}, set(Ability), set[Ability]()):
        told = await client.post(ROUTES, {"message": "Why?", "needs": [one.value for one in abilities]})
        assert (told.status, told.json()["lacking"]) == (200, None)
        assert platform.dispatcher.calls[-1].abilities == abilities


async def test_a_team_cannot_be_tried_dry(client: Client) -> None:
    reply = await client.post(ROUTES, {"message": "Why?", "model": "team:assistant"})
    assert (reply.status, reply.json()["field"]) == (422, "model")
