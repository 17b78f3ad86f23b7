"""Where nobody is likely enough for a question, a model chooses among the likeliest, and a person is offered only."""

import pytest

from app.agents.teams.insurance import OFFER
from app.agents.values import Turn
from tests.fakes.insurance import FakeWork, replied

KNOWN = {"customer_id": "CUST00001", "policy_number": "POL000004"}


@pytest.mark.parametrize("chooses", [None, "claims_agent"])
async def test_where_a_model_names_none_of_the_likeliest_it_goes_to_the_likeliest(chooses: str | None) -> None:
    work = FakeWork("Zzyzx.", says="Well.", chooses=chooses, context=KNOWN)
    # Much alike, and claims the least of all.
    work.meaning = (1.0, 1.1, -3.0, 1.2, 0.0)
    reply = await replied(work)
    assert reply.details == {"agents": ["general_help_agent"], "chosen_by": "exemplar"}


async def test_a_person_who_may_be_wanted_is_offered_and_nobody_waits_before_one_says_yes() -> None:
    guess = FakeWork("Zzyzx.", context=KNOWN)
    guess.meaning = (0.0, 0.0, 0.0, 0.0, 3.0)
    reply = await replied(guess)
    assert (reply.agent, reply.text, reply.requires_clarification) == ("human_escalation", OFFER, True)
    assert (guess.used, guess.asked) == ([], [])
    turns = (Turn("user", "Zzyzx."), Turn("assistant", OFFER))
    agreed = FakeWork("Yes, please.", turns=turns, context=KNOWN)
    assert (await replied(agreed)).details == {"agents": ["human_escalation"], "chosen_by": "rule"}
    assert [request.text for request in agreed.asked] == [
        "A person takes over this request on POL000004, under 1A2B3C4D: Zzyzx."
    ]
    declined = FakeWork("No. How do I file a claim?", says="By phone.", turns=turns, context=KNOWN)
    assert (await replied(declined)).agent == "general_help_agent"
