"""A question goes to the specialist that its words, or what it is like, ask for; or nobody can tell."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from app.agents.insurance.choosing import SURE, SURE_OF_PERSON, choose, of_words, ranked, texts_of
from app.agents.insurance.learned import SHIPPED, Fitted, read_questions, shipped
from app.agents.insurance.looking import clarifies
from app.agents.insurance.topics import Choice, ChosenBy, Specialist, agrees, wants_call, wants_person
from app.agents.insurance.wording import piece_places, spoken, words_of
from ops.drill.steps.scenarios import OF_INSURANCE
from ops.specialists import questions_digest

EVALUATION = Path(__file__).parents[4] / "evaluation"
LEARNED = shipped()


def chances(best: Specialist, chance: float) -> dict[Specialist, float]:
    rest = (1 - chance) / (len(Specialist) - 1)
    return {one: chance if one is best else rest for one in Specialist}


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
        ("What is my premium, and where does my claim stand?", (Specialist.CLAIMS, Specialist.BILLING)),
        ("What is my premium under my policy POL000004?", (Specialist.BILLING,)),
        ("deductable POL000001", (Specialist.POLICY,)),
        ("Somebody stole my radio, did you decide on it?", (Specialist.CLAIMS,)),
        ("We are moving to another house, what must I do?", (Specialist.GENERAL,)),
        ("Was POL000001 cancelled?", (Specialist.POLICY,)),
        ("Is hail covered by my policy?", (Specialist.POLICY,)),
        ("Is hail normally insured?", (Specialist.GENERAL,)),
        ("What became of the hail on my car?", (Specialist.CLAIMS,)),
    ],
)
def test_the_wording_of_a_question_chooses(question: str, specialists: tuple[Specialist, ...]) -> None:
    assert of_words(LEARNED, question) == Choice(specialists, ChosenBy.EXEMPLAR)


def test_each_question_of_one_message_has_its_specialist() -> None:
    asked = "Which car is insured, what do I owe, and what about the kitchen fire?"
    assert of_words(LEARNED, asked).specialists == (Specialist.CLAIMS, Specialist.BILLING, Specialist.POLICY)
    assert texts_of("I need my deductible and the due date of my next bill.")[1:] == (
        "I need my deductible",
        "the due date of my next bill.",
    )


@pytest.mark.parametrize(
    ("message", "specialists"),
    [
        (
            "I need the end date of my policy along with the outstanding balance.",
            {Specialist.POLICY, Specialist.BILLING},
        ),
        ("Where is my claim at, also am I up to date with payments?", {Specialist.CLAIMS, Specialist.BILLING}),
        ("When was my claim filed and when is my next bill due?", {Specialist.CLAIMS, Specialist.BILLING}),
        ("When does my policy start and end?", {Specialist.POLICY}),
        ("When was my claim filed and what was decided?", {Specialist.CLAIMS}),
    ],
)
def test_two_wishes_in_one_sentence_have_their_specialists(message: str, specialists: set[Specialist]) -> None:
    assert set(of_words(LEARNED, message).specialists) == specialists


def test_a_message_with_one_question_has_no_parts() -> None:
    assert texts_of("My roof came off and I sent you photos.") == ("My roof came off and I sent you photos.",)


@pytest.mark.parametrize(
    ("question", "is_wanted"),
    [
        ("Let me talk to a person.", True),
        ("Get me a live agent please", True),
        ("Please call me back about my bill", True),
        ("I want to make a complaint.", True),
        ("How do I make a complaint?", False),
        ("I want to make a complaint, how does that go?", False),
        ("When can I speak to someone on the phone?", False),
        ("Call me Ana.", False),
        ("What does a claims agent do?", False),
        ("I spoke to an agent yesterday. Was my claim paid?", False),
    ],
)
def test_only_words_that_mean_nothing_else_ask_for_a_person(question: str, *, is_wanted: bool) -> None:
    assert wants_person(question) is is_wanted


@pytest.mark.parametrize("question", ["Call me Ana.", "How do I make a complaint?", "When can I speak to someone?"])
def test_no_person_is_asked_because_of_a_word(question: str) -> None:
    assert Specialist.PERSON not in of_words(LEARNED, question).specialists


@pytest.mark.parametrize(
    ("text", "is_call"), [("Gimme a ring", True), ("Phone me", True), ("Let me see a boss", False)]
)
def test_who_wants_a_call_need_not_wait(text: str, *, is_call: bool) -> None:
    assert wants_call(text) is is_call


def test_nobody_is_sent_to_a_person_on_a_guess() -> None:
    guessed, sure = chances(Specialist.PERSON, SURE_OF_PERSON - 0.01), chances(Specialist.PERSON, SURE_OF_PERSON)
    assert choose("Hm.", [guessed]) == Choice()
    assert choose("Hm.", [sure]) == Choice((Specialist.PERSON,), ChosenBy.EXEMPLAR)


def test_of_what_is_not_likely_enough_nobody_is_chosen() -> None:
    assert choose("Hm.", [chances(Specialist.CLAIMS, SURE - 0.01)]) == Choice()
    assert choose("Hm.", [chances(Specialist.CLAIMS, SURE)]) == Choice((Specialist.CLAIMS,), ChosenBy.EXEMPLAR)


def test_a_part_for_somebody_who_reads_no_rows_leaves_the_message_whole() -> None:
    whole, billing = chances(Specialist.BILLING, 0.6), chances(Specialist.BILLING, 0.9)
    assert choose("Hm.", [whole, billing, chances(Specialist.GENERAL, 0.9)]).specialists == (Specialist.BILLING,)
    both = choose("Hm.", [whole, billing, chances(Specialist.POLICY, 0.9)])
    assert both.specialists == (Specialist.BILLING, Specialist.POLICY)


def test_meaning_counts_beside_wording() -> None:
    text, index = "What is my premium?", list(Specialist).index(Specialist.CLAIMS)
    meant = tuple(50.0 * (nth == index) for nth in range(len(Specialist)))
    assert ranked(LEARNED.chances(text, meant))[0] is Specialist.CLAIMS
    assert sum(LEARNED.chances(text, meant).values()) == pytest.approx(1.0)


def test_a_vector_of_another_embedder_says_nothing() -> None:
    assert LEARNED.weigh("sha256:another", (1.0, 0.0)) == ()


def test_numbers_of_rows_are_read_as_their_kind() -> None:
    assert words_of("Is POL-000004 paid, 2 times?") == ["is", "polnum", "paid", "0", "times", "?"]
    assert spoken("Is CLM000004-1 paid?") == "Is my claim paid?"
    assert len(piece_places("deductable") & piece_places("deductible")) > 5


def plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()


def test_the_written_questions_are_told_apart_and_are_none_of_those_that_measure() -> None:
    written = [plain(text) for group in read_questions().values() for _, text in group]
    assert len(written) == len(set(written)) > 1_500
    kept = [json.loads(line) for file in EVALUATION.glob("insurance*.jsonl") for line in file.read_text().splitlines()]
    measured = {plain(one["question"]) for one in kept}
    # What everybody says word for word, such as "call me back", may stand in both; a question proper may not.
    assert not {one for one in measured & set(written) if len(one.split()) > 3}


def test_the_weights_are_fitted_to_the_written_questions() -> None:
    assert msgspec.json.decode(SHIPPED.read_bytes(), type=Fitted).questions == questions_digest(), (
        "run python -m ops.specialists"
    )


@pytest.mark.parametrize(("text", "says_yes"), [("Yes, please", True), ("ok", True), ("Yesterday I paid", False)])
def test_who_agrees_says_so_first(text: str, *, says_yes: bool) -> None:
    assert agrees(text) is says_yes


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


def test_of_what_the_drills_have_a_model_choose_nobody_is_sure() -> None:
    question = next(one.question for one in OF_INSURANCE if one.name.startswith("a model chooses"))
    assert of_words(LEARNED, question) == Choice()
    assert Specialist.GENERAL in ranked(LEARNED.chances(question))[:3]
