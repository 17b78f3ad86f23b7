"""What is right of an answer."""

import pytest

from app.evaluation.marks import EventBooked, Mark, Told, marks_of
from app.evaluation.questions import EventWanted, Question

WANTED = EventWanted(title="budget review", starts_at="2026-12-01T14:00", duration_minutes=90, place="Blue Room")
BOOKED = EventBooked(
    title="The Budget  review", starts_at="2026-12-01T14:00:00", duration_minutes=90, place="the blue room"
)


def request(**more: object) -> Question:
    return Question(id="s", request="Book it", **more)  # pyright: ignore[reportArgumentType]


def test_what_a_question_says_nothing_of_is_not_counted() -> None:
    assert marks_of(Question(id="a", question="?"), Told(message="!")) == {Mark.ANSWERED: 1.0}


def test_agent_facts_and_what_it_does_are_each_right_or_wrong() -> None:
    asked = Question(
        id="a", question="?", agent="billing_agent", facts=(("$5",),), clarifies=False, waits=False, mode="rag"
    )
    told = Told(message="It is $6.", agent="billing_agent", clarifies=True, mode="rag")
    assert marks_of(asked, told) == {
        Mark.ANSWERED: 1, Mark.AGENT: 1, Mark.FACTS: 0, Mark.CLARIFIES: 0, Mark.WAITS: 1, Mark.MODE: 1,
    }  # fmt: skip


def test_without_an_answer_everything_that_counts_is_wrong() -> None:
    asked = Question(id="a", question="?", agent="x", lacks=("$1",), clarifies=False)
    assert set(marks_of(asked, Told(problem="bad_input: no")).values()) == {0.0}
    assert marks_of(asked, Told(problem="bad_input: no")).keys() == marks_of(asked, Told(message="ok")).keys()


def test_one_document_or_all_are_cited_with_or_without_their_ending() -> None:
    asked = Question(id="a", question="?", kind="compare", documents=("A_10K", "B_10K"))
    one = marks_of(asked, Told(message="!", cited=("A_10K.pdf", "C.pdf")))
    assert (one[Mark.CITES_ONE], one[Mark.CITES_ALL]) == (1, 0)
    assert marks_of(asked, Told(message="!", cited=("A_10K.pdf", "B_10K.pdf")))[Mark.CITES_ALL] == 1


def test_an_event_is_as_right_as_its_fields() -> None:
    assert marks_of(request(event=WANTED), Told(event=BOOKED)) == {
        Mark.ANSWERED: 1, Mark.EVENT_FIELDS: 1, Mark.EVENT: 1,
    }  # fmt: skip
    later = EventBooked(title="budget review", starts_at="2026-12-02T14:00", duration_minutes=60, place="Blue Room")
    assert marks_of(request(event=WANTED), Told(event=later))[Mark.EVENT_FIELDS] == pytest.approx(3 / 5)
    assert marks_of(request(event=WANTED), Told(message="done"))[Mark.EVENT_FIELDS] == 0


def test_attendees_are_compared_without_order_and_other_titles_are_right_too() -> None:
    wanted = EventWanted(title="lunch", starts_at="2026-12-01T12:00", duration_minutes=60, attendees=("Ana", "Bo"))
    booked = EventBooked(
        title="our team lunch", starts_at="2026-12-01T12:00", duration_minutes=60, attendees=("bo", "ana")
    )
    assert marks_of(request(event=wanted), Told(event=booked))[Mark.EVENT] == 0
    assert marks_of(request(event=wanted, titles=("team lunch",)), Told(event=booked))[Mark.EVENT] == 1


def test_where_something_lacks_it_is_asked_for_and_nothing_is_booked() -> None:
    asked = request(lacks=("date", "time"))
    assert marks_of(asked, Told(asks_for=("time", "date")))[Mark.EVENT] == 1
    assert marks_of(asked, Told(asks_for=("time",)))[Mark.EVENT] == 0
    assert marks_of(asked, Told(asks_for=("date", "time"), event=BOOKED))[Mark.EVENT] == 0


def test_groundedness_is_the_share_of_sentences_that_passages_say() -> None:
    assert Told(supported=3, sentences=4).groundedness == 0.75
    assert Told(message="hello").groundedness is None
