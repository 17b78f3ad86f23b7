"""Callers see which teams there are, and what each takes."""

from tests.fakes.asgi import Client


async def test_every_team_is_listed_with_what_it_takes_and_what_its_agents_may_call(client: Client) -> None:
    reply = await client.get("/api/v1/teams")
    assert reply.status == 200
    (team,) = reply.json()["teams"]
    assert (team["name"], team["agents"]) == ("assistant", ["assistant"])
    assert team["takes"] == {"customer_id": "Whom it is about."}
    assert [(tool["name"], tool["does"]) for tool in team["tools"]] == [("premium", "read")]
    assert team["prompts"] == [{"name": "assistant/answer", "version": 2}]
