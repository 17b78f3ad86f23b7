"""The scheduler team: what it books, what it asks, and what it proposes instead."""

from datetime import timedelta

import pytest

from app.agents.scheduler.records import Constraint, ConstraintKind
from app.agents.scheduler.tools import BookingAsked
from app.agents.teams.scheduler import TEAM, orchestrator_graph
from tests.fakes.bookings import CONSTRAINTS, FIELD_2, HOUR, NOW, TWO_PM, booking, room, rules
from tests.fakes.scheduler import GRAPH, FakeWork, Talk, bookings_of, replied

ASKED = "Schedule soccer practice on Field 2 Saturday at 2pm"


@pytest.mark.requirement("FAM-04.message", "FAM-04.result", "FAM-03.takes")
async def test_what_is_free_is_booked_and_confirmed() -> None:
    work = FakeWork(ASKED)
    reply = await replied(work)
    assert reply.text == (
        "Event confirmed! Soccer practice, Saturday, November 7, 2026, 14:00\u201315:00 (America/New_York), Field 2."
    )
    assert (reply.agent, reply.requires_clarification) == ("event_agent", False)
    (made,) = work.held.bookings
    assert reply.details == {
        "event_id": str(made.id),
        "title": "soccer practice",
        "starts_at": "2026-11-07T14:00-05:00",
        "ends_at": "2026-11-07T15:00-05:00",
        "time_zone": "America/New_York",
        "place": "Field 2",
        "attendees": [],
    }
    assert (made.starts_at, made.resource_id) == (TWO_PM, FIELD_2.resource_id)
    assert [(agent, name) for agent, name, _ in work.used] == [
        ("resource_agent", "list_resources"),
        ("event_agent", "book_event"),
    ]
    assert work.named == []


@pytest.mark.requirement("FAM-06.request")
async def test_the_state_holds_the_users_request() -> None:
    assert TEAM.build is orchestrator_graph
    talk = Talk()
    await talk.say(ASKED)
    assert talk.state["user_request"] == ASKED


async def test_attendees_and_a_place_that_is_no_resource_are_told() -> None:
    reply = await replied(FakeWork("Lunch with Maria and Ben tomorrow at noon at Casa Rosa"))
    assert "Casa Rosa, with Maria and Ben." in reply.text
    assert reply.details["attendees"] == ["Maria", "Ben"]


async def test_without_a_zone_times_are_utc_and_that_is_said() -> None:
    reply = await replied(FakeWork("Yoga Saturday at 9am", context={}))
    assert "09:00\u201310:00 (UTC)" in reply.text
    assert reply.text.endswith("No time zone was given, so times are UTC.")


async def test_now_may_be_the_askers_own() -> None:
    context = {"time_zone": "America/New_York", "now": "2026-12-01T12:00:00-05:00"}
    reply = await replied(FakeWork("Yoga Saturday at 9am", context=context))
    assert reply.details["starts_at"] == "2026-12-05T09:00-05:00"


@pytest.mark.parametrize(
    ("context", "says"),
    [
        ({"time_zone": "Mars/Olympus"}, "I know no time zone 'Mars/Olympus'"),
        ({"time_zone": "UTC", "now": "yesterday"}, "I cannot read `now`"),
        ({"time_zone": "UTC", "now": "2026-12-01T12:00:00"}, "I cannot read `now`"),
    ],
)
async def test_a_clock_that_cannot_be_read_is_asked_for(context: dict[str, str], says: str) -> None:
    work = FakeWork(ASKED, context=context)
    reply = await replied(work)
    assert reply.text.startswith(says)
    assert (reply.requires_clarification, work.used) == (True, [])


async def test_what_is_lacking_is_asked_for_and_the_next_turn_adds_it() -> None:
    talk = Talk()
    reply = await talk.say("Schedule soccer practice on Field 2")
    assert (reply.text, reply.requires_clarification) == ("On which day and at what time is soccer practice?", True)
    assert reply.details["lacks"] == ["date", "time"]
    reply = await talk.say("Saturday")
    assert reply.text == "At what time is soccer practice?"
    reply = await talk.say("at 2pm")
    assert reply.details["starts_at"] == "2026-11-07T14:00-05:00"
    assert bookings_of(talk.held) == ["soccer practice"]


async def test_a_new_request_is_not_added_to_an_old_one() -> None:
    talk = Talk()
    await talk.say("Schedule soccer practice")
    reply = await talk.say("Book Field 2 for a bake sale on Sunday at 3pm")
    assert (reply.details["title"], reply.details["starts_at"]) == ("bake sale", "2026-11-08T15:00-05:00")


async def test_a_time_that_the_clocks_skip_is_told() -> None:
    reply = await replied(FakeWork("Call on March 14, 2027 at 2:30am"))
    assert reply.text == ("The clocks in America/New_York go forward over that time on that day. At what time is it?")


async def test_what_is_taken_is_not_booked_and_others_are_proposed() -> None:
    talk = Talk(rules(booking()))
    reply = await talk.say(ASKED)
    assert (reply.agent, reply.requires_clarification) == ("conflict_agent", True)
    assert reply.text.startswith("I cannot book this: Soccer practice, Saturday, November 7, 2026, 14:00")
    assert "Field 2 is taken from 14:00 to 15:00 (a match)." in reply.text
    assert reply.details["conflicts"] == [{"kind": "overlap", "text": "Field 2 is taken from 14:00 to 15:00 (a match)"}]
    assert [(one["starts_at"], one["place"]) for one in reply.details["alternatives"]] == [
        ("2026-11-07T14:00-05:00", "Field 1"),
        ("2026-11-07T15:00-05:00", "Field 2"),
        ("2026-11-07T13:00-05:00", "Field 2"),
    ]
    assert bookings_of(talk.held) == ["a match"]


@pytest.mark.parametrize(
    ("says", "starts_at", "place"),
    [
        ("the first one", "2026-11-07T14:00-05:00", "Field 1"),
        ("2", "2026-11-07T15:00-05:00", "Field 2"),
        ("I'll take the third, please", "2026-11-07T13:00-05:00", "Field 2"),
        ("then at 5pm", "2026-11-07T17:00-05:00", "Field 2"),
        ("in the Gym", "2026-11-07T14:00-05:00", "Gym"),
        ("Sunday", "2026-11-08T14:00-05:00", "Field 2"),
    ],
)
async def test_one_of_the_proposals_or_another_wish_is_taken_next(says: str, starts_at: str, place: str) -> None:
    talk = Talk(rules(booking()))
    await talk.say(ASKED)
    reply = await talk.say(says)
    assert reply.text.startswith("Event confirmed! Soccer practice")
    assert (reply.details["starts_at"], reply.details["place"]) == (starts_at, place)


async def test_who_wants_none_of_them_gets_none() -> None:
    talk = Talk(rules(booking()))
    await talk.say(ASKED)
    assert (await talk.say("No, thanks")).text == "Then nothing is booked."
    reply = await talk.say("the first one")
    assert reply.requires_clarification
    assert bookings_of(talk.held) == ["a match"]


@pytest.mark.parametrize(
    ("held", "kind"),
    [
        (rules(resources=(room(2, "Field 2", closes_minute=14 * 60),)), "closed"),
        (rules(constraints=(*CONSTRAINTS, Constraint(kind=ConstraintKind.LENGTH, minutes=30))), "length"),
        (rules(constraints=(Constraint(kind=ConstraintKind.NOTICE, minutes=7 * 24 * 60),)), "notice"),
    ],
)
async def test_another_row_makes_another_answer(held: object, kind: str) -> None:
    assert (await Talk().say(ASKED)).text.startswith("Event confirmed!")
    reply = await Talk(held).say(ASKED)  # pyright: ignore[reportArgumentType]
    assert [one["kind"] for one in reply.details["conflicts"]] == [kind]


async def test_a_series_is_booked_once_and_that_is_said() -> None:
    talk = Talk()
    reply = await talk.say("Book Field 2 for team training every Saturday at 2pm")
    assert reply.text.endswith("It is booked once: I book no series.")
    assert len(talk.held.bookings) == 1


LONG = (
    "Saturday at 2pm we want to run the yearly friendly soccer tournament that my cousin keeps asking all of us about"
)


@pytest.mark.parametrize(
    ("names", "title"),
    [
        ("yearly friendly soccer tournament", "yearly friendly soccer tournament"),
        ("cricket cup", None),
        ("run the yearly friendly soccer tournament that my cousin keeps asking", None),
        (None, None),
    ],
)
async def test_a_model_may_shorten_a_title_and_add_nothing(names: str | None, title: str | None) -> None:
    work = FakeWork(LONG, names=names)
    reply = await replied(work)
    assert work.named == ["scheduler/title"]
    assert reply.details["starts_at"] == "2026-11-07T14:00-05:00"
    if title is not None:
        assert reply.details["title"] == title
    else:
        assert len(reply.details["title"].split()) > 8
        assert "yearly friendly soccer tournament" in reply.details["title"]


async def test_the_moment_that_counts_is_when_the_run_was_accepted() -> None:
    talk = Talk(now=NOW + timedelta(days=7))
    reply = await talk.say(ASKED)
    assert reply.details["starts_at"] == "2026-11-14T14:00-05:00"


async def test_what_is_booked_is_asked_for_with_its_conversation() -> None:
    work = FakeWork(ASKED)
    await replied(work)
    _, _, asked = work.used[-1]
    assert isinstance(asked, BookingAsked)
    assert (asked.session_id, asked.asked_at) == (work.claim.session_id, NOW)
    assert asked.draft.ends_at - asked.draft.starts_at == HOUR
    assert set(GRAPH.get_graph().nodes) >= {"read", "book"}


@pytest.mark.parametrize(
    "asked",
    [
        "Cancel soccer practice on Field 2 Saturday at 2pm",
        "Don't book Field 2 Saturday at 2pm",
        "Please move the 2pm on Saturday to 4pm",
        "Could you postpone the review on Friday at 3pm?",
        "What is on Field 2 Saturday at 2pm?",
        "Which events are on Saturday at 2pm?",
    ],
)
async def test_who_does_not_ask_to_book_gets_no_booking(asked: str) -> None:
    work = FakeWork(asked)
    before = list(work.held.bookings)
    reply = await replied(work)
    assert (reply.requires_clarification, reply.text.startswith("I only book events")) == (True, True)
    assert list(work.held.bookings) == before


async def test_a_word_that_only_begins_like_another_wish_is_booked() -> None:
    reply = await replied(FakeWork("Move-in meeting tomorrow at 3pm"))
    assert reply.text.startswith("Event confirmed!")
