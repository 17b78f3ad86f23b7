"""A question goes to the specialist that its words, or its likeness to others, ask for; or nobody can tell."""

import pytest

from app.agents.insurance.exemplars import AHEAD, EXEMPLARS, LIKE, settle
from app.agents.insurance.looking import clarifies
from app.agents.insurance.topics import Choice, ChosenBy, Specialist, choose
from app.agents.likening import Likeness


@pytest.mark.parametrize(
    ("question", "specialists"),
    [
        ("What is my auto insurance premium?", (Specialist.BILLING,)),
        ("How much do I owe on POL000004?", (Specialist.BILLING,)),
        ("When is my next payment due?", (Specialist.BILLING,)),
        ("What is the deductible of POL000001?", (Specialist.POLICY,)),
        ("Until when am I insured?", (Specialist.POLICY,)),
        ("Where does my claim CLM000004-1 stand?", (Specialist.CLAIMS,)),
        ("Was my claim paid?", (Specialist.CLAIMS,)),
        ("How do I file a claim?", (Specialist.GENERAL,)),
        ("What is a deductible?", (Specialist.GENERAL,)),
        ("Can I talk to a real person?", (Specialist.PERSON,)),
        ("Please call me back about my bill", (Specialist.PERSON,)),
        ("What is my premium, and where does my claim stand?", (Specialist.CLAIMS, Specialist.BILLING)),
        ("What is my premium under my policy POL000004?", (Specialist.BILLING,)),
    ],
)
def test_the_words_of_a_question_choose(question: str, specialists: tuple[Specialist, ...]) -> None:
    assert choose(question) == Choice(specialists, ChosenBy.RULE)


@pytest.mark.parametrize(
    ("question", "specialist"),
    [
        ("Get me a live agent please", Specialist.PERSON),
        ("deductable POL000001", Specialist.POLICY),
        ("clam status please", Specialist.CLAIMS),
        ("Somebody stole my radio, did you decide on it?", Specialist.CLAIMS),
        ("My cellar was flooded in May. Will I see any money?", Specialist.CLAIMS),
        ("If my bike were stolen, what would my own share be?", Specialist.POLICY),
        ("Do you insure boats against theft?", Specialist.GENERAL),
        ("We are moving house next month", Specialist.GENERAL),
        ("If I miss a payment, am I still covered?", Specialist.GENERAL),
        ("Am I behind with anything?", Specialist.BILLING),
        ("Was POL000001 cancelled?", Specialist.POLICY),
    ],
)
def test_what_happened_and_what_is_asked_of_it_choose(question: str, specialist: Specialist) -> None:
    assert choose(question) == Choice((specialist,), ChosenBy.RULE)


def test_each_question_of_one_message_has_its_specialist() -> None:
    asked = "Which car is insured, what do I owe, and what about the kitchen fire?"
    assert choose(asked).specialists == (Specialist.CLAIMS, Specialist.BILLING, Specialist.POLICY)


@pytest.mark.parametrize("question", ["Hm.", "Tell me about the weather in Oslo.", "I like this town.", ""])
def test_of_a_question_without_sure_words_nobody_is_chosen(question: str) -> None:
    assert choose(question) == Choice()


def test_exemplars_choose_where_one_specialist_is_far_ahead_or_words_say_the_same() -> None:
    far = Likeness(Specialist.CLAIMS, LIKE, AHEAD)
    near = Likeness(Specialist.BILLING, LIKE, 0.0)
    assert settle("Tell me.", far) == Choice((Specialist.CLAIMS,), ChosenBy.EXEMPLAR)
    assert settle("Tell me.", near) == Choice()
    assert settle("How much is it?", near) == Choice((Specialist.BILLING,), ChosenBy.EXEMPLAR)


def test_words_that_are_not_sure_choose_where_they_are_of_one_specialist_and_no_exemplar_is_like() -> None:
    for unlike in (Likeness(), Likeness(Specialist.CLAIMS, LIKE - 0.01, 0.5)):
        assert settle("How much is it?", unlike) == Choice((Specialist.BILLING,), ChosenBy.RULE)
        assert settle("How much does the policy say?", unlike) == Choice()
        assert settle("Tell me.", unlike) == Choice()


def test_every_sentence_stands_for_one_specialist() -> None:
    assert {Specialist(name) for name in EXEMPLARS} == set(Specialist) - {Specialist.PERSON}
    sentences = [one for group in EXEMPLARS.values() for one in group]
    assert len(sentences) == len(set(sentences))


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Please tell me the policy number, such as POL000004.", True),
        ("Which policy do you mean?", True),
        ("Could you give me its number?", True),
        ("The policy number of your auto policy is POL000004.", False),
        ("You pay $197.88. Anything else?", False),
        (f"{'Your policy number is on each letter. ' * 10} Please look.", False),
    ],
)
def test_a_clarification_is_known_by_what_it_asks(text: str, *, asks: bool) -> None:
    assert clarifies(text) is asks
