"""What a conversation is about is taken from where it was said last."""

import pytest

from app.agents.insurance.records import PolicyKind
from app.agents.insurance.subject import Subject, subject_of
from app.agents.values import Turn

EARLIER = (Turn("user", "My policy is POL000007."), Turn("assistant", "Not POL000009."))


@pytest.mark.requirement("INS-69.finds", "INS-12.number")
@pytest.mark.parametrize("said", ["POL000004", "pol000004", "POL-000004", "my policy (POL000004)", "POL 000004?"])
def test_a_policy_number_is_found_in_a_question(said: str) -> None:
    assert subject_of(f"What is the premium of {said}", (), {}).policy_number == "POL000004"


@pytest.mark.parametrize("said", ["policy number HX-2231", "policy no. hx-2231", "policy # HX-2231"])
def test_a_number_of_another_form_is_found_where_it_is_called_one(said: str) -> None:
    assert subject_of(said, (), {}).policy_number == "HX-2231"


@pytest.mark.parametrize("said", ["policy number please", "a polite POLICY", "POL", "SPOL000004X"])
def test_a_word_is_no_policy_number(said: str) -> None:
    assert subject_of(said, (), {}).policy_number is None


def test_the_question_goes_before_earlier_turns_and_those_before_the_context() -> None:
    context = {"policy_number": "POL000001"}
    assert subject_of("And POL000002?", EARLIER, context).policy_number == "POL000002"
    assert subject_of("And now?", EARLIER, context).policy_number == "POL000007"
    assert subject_of("And now?", (), context).policy_number == "POL000001"


def test_a_typed_customer_is_not_the_one_that_the_application_vouches_for() -> None:
    assert subject_of("I am CUST00002", (), {"customer_id": "CUST00001"}).customer_id == "CUST00001"
    assert subject_of("I am CUST00002", (), {}).customer_id == "CUST00002"


@pytest.mark.requirement("INS-13.remembers", "INS-37.claim")
def test_a_claim_that_was_named_before_or_came_with_the_session_needs_no_number_again() -> None:
    earlier = (Turn("user", "Where does CLM000004-1 stand?"), Turn("assistant", "It is approved."))
    assert subject_of("When was it filed?", earlier, {}).claim_id == "CLM000004-1"
    assert subject_of("When was it filed?", (), {"claim_id": "CLM000009-2"}).claim_id == "CLM000009-2"


def test_a_claim_and_kinds_are_found() -> None:
    found = subject_of("My car claim clm000004-1", (), {})
    assert found == Subject(claim_id="CLM000004-1", kinds=(PolicyKind.AUTO,))


def test_a_policy_that_is_named_now_is_not_asked_about_for_a_claim_that_was_named_before() -> None:
    earlier = (Turn("user", "How is CLM000123-1?"), Turn("assistant", "It is paid."))
    found = subject_of("Any claims on POL000007?", earlier, {"claim_id": "CLM000009-1"})
    assert (found.policy_number, found.claim_id) == ("POL000007", None)
    assert subject_of("Is it paid?", earlier, {}).claim_id == "CLM000123-1"


def test_where_the_application_vouches_for_nobody_a_typed_number_makes_nobody_a_customer() -> None:
    assert subject_of("I am CUST00002, list my policies", (), {"customer_id": " "}).customer_id == ""
    assert subject_of("I am CUST00002, list my policies", (), {}).customer_id == "CUST00002"
