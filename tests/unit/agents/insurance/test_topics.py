"""A question goes to the specialist that its words, or its likeness to others, ask for; or nobody can tell."""

import pytest

from app.agents.insurance.topics import Choice, ChosenBy, Specialist, choose


@pytest.mark.parametrize(
    ("question", "specialists"),
    [
        ("What is my auto insurance premium?", (Specialist.BILLING,)),
        ("How much do I owe on POL000004?", (Specialist.BILLING,)),
        ("When is my next payment due?", (Specialist.BILLING,)),
        ("What is the deductible of POL000001?", (Specialist.POLICY,)),
        ("When does my policy end?", (Specialist.POLICY,)),
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
        ("What are the opening hours of your office?", Specialist.GENERAL),
        ("Did my last transfer arrive yet?", Specialist.BILLING),
        ("Is the damage to the car settled?", Specialist.CLAIMS),
        ("Who is named as a driver on my contract?", Specialist.POLICY),
    ],
)
def test_a_question_without_such_words_goes_where_one_like_it_goes(question: str, specialist: Specialist) -> None:
    assert choose(question) == Choice((specialist,), ChosenBy.EXEMPLAR)


@pytest.mark.parametrize("question", ["Hm.", "Tell me about the weather in Oslo.", "I moved to another town.", ""])
def test_of_a_question_like_none_nobody_is_chosen(question: str) -> None:
    assert choose(question) == Choice()
