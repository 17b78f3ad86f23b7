"""Conversations with the scheduler: what a turn adds, what it only says, and what is asked without a wish to book."""

from datetime import timedelta

import pytest

from app.agents.scheduler.reading import READ_CHARACTERS
from tests.fakes.bookings import FIELD_1, NOW, booking, rules
from tests.fakes.scheduler import FakeWork, Talk, bookings_of, replied

ASKED = "Schedule soccer practice on Field 2 Saturday at 2pm"
DAY = timedelta(days=1)


async def test_tomorrow_is_the_day_after_the_turn_that_said_it() -> None:
    talk = Talk()
    await talk.say("Lunch on Field 2 tomorrow")
    talk.now = NOW + DAY
    reply = await talk.say("at 3pm")
    assert reply.details["starts_at"] == "2026-11-05T15:00-05:00"


async def test_what_a_later_turn_says_counts_from_that_turn() -> None:
    talk = Talk()
    await talk.say("Lunch on Field 2 at 3pm")
    talk.now = NOW + DAY
    assert (await talk.say("tomorrow")).details["starts_at"] == "2026-11-06T15:00-05:00"


@pytest.mark.parametrize("context", [{}, {"time_zone": "Europe/Berlin"}])
async def test_a_day_and_a_time_are_of_the_first_turns_zone(context: dict[str, str]) -> None:
    talk = Talk()
    await talk.say("Lunch on Field 2 on Saturday")
    reply = await talk.say("at 3pm", context=context)
    assert reply.details["starts_at"] == "2026-11-07T15:00-05:00"
    assert "UTC" not in reply.text


async def test_a_zone_that_comes_later_is_taken() -> None:
    talk = Talk()
    await talk.say("Lunch on Field 2 on Saturday", context={})
    assert (await talk.say("at 3pm")).details["starts_at"] == "2026-11-07T15:00-05:00"


async def test_a_long_talk_keeps_a_short_memory() -> None:
    talk = Talk()
    for _ in range(40):
        await talk.say("Lunch on Field 2 on Saturday with Ana " + "and cake " * 20)
    assert len(talk.state["pending"].asked) <= READ_CHARACTERS


@pytest.mark.parametrize(
    "says", ["thanks", "Thanks a lot!", "Ok, thank you.", "hello", "hm, let me think", "What a pity"]
)
async def test_small_talk_after_a_conflict_books_nothing_and_forgets_nothing(says: str) -> None:
    talk = Talk(rules(booking()))
    await talk.say(ASKED)
    work = FakeWork(says, held=talk.held)
    reply = await talk.say(says)
    assert reply.text.startswith("Nothing is booked yet. Possible instead: (1)")
    assert (bookings_of(talk.held), work.used) == (["a match"], [])
    assert (await talk.say("the first one")).details["place"] == FIELD_1.name


async def test_small_talk_before_a_time_asks_for_it_again() -> None:
    talk = Talk()
    await talk.say("Schedule soccer practice on Field 2 on Saturday")
    assert (await talk.say("thanks")).text == "Nothing is booked yet. At what time is soccer practice?"
    assert (await talk.say("at 2pm")).details["title"] == "soccer practice"


async def test_small_talk_alone_is_asked_what_to_book() -> None:
    assert (await Talk().say("Thanks!")).text == "What shall I book, on which day and at what time?"


@pytest.mark.parametrize("says", ["cancel it", "Never mind, thanks", "forget it"])
async def test_what_is_not_booked_yet_can_be_given_up(says: str) -> None:
    talk = Talk(rules(booking()))
    await talk.say(ASKED)
    assert (await talk.say(says)).text == "Then nothing is booked."
    assert talk.state["pending"] is None


async def test_what_is_not_booked_yet_can_be_moved() -> None:
    talk = Talk(rules(booking()))
    await talk.say(ASKED)
    assert (await talk.say("Move it to 5pm")).details["starts_at"] == "2026-11-07T17:00-05:00"


async def test_another_time_keeps_how_long_it_takes() -> None:
    talk = Talk(rules(booking()))
    await talk.say("Book Field 2 for a bake sale on Saturday from 2 to 3:30pm")
    reply = await talk.say("then at 5pm")
    assert (reply.details["starts_at"], reply.details["ends_at"]) == (
        "2026-11-07T17:00-05:00",
        "2026-11-07T18:30-05:00",
    )


@pytest.mark.parametrize(
    "asked",
    [
        "Is Field 2 free on Saturday at 2pm?",
        "Hi, can you tell me whether Field 2 is available Saturday 2pm?",
        "Will Field 2 be taken on Saturday at 2pm?",
        "I'd like to know if Field 2 is still free on Saturday at 2",
    ],
)
async def test_whether_something_is_free_is_answered_and_not_booked(asked: str) -> None:
    talk = Talk()
    reply = await talk.say(asked)
    assert reply.text == (
        "Yes: Field 2, Saturday, November 7, 2026, 14:00\u201315:00 (America/New_York) is free. Nothing is booked yet. "
        "Shall I book it?"
    )
    assert (reply.details["is_free"], bookings_of(talk.held)) == (True, [])
    assert (await talk.say("Yes, please")).text.startswith("Event confirmed!")
    assert len(talk.held.bookings) == 1


async def test_what_is_taken_is_told_with_what_is_free() -> None:
    talk = Talk(rules(booking()))
    reply = await talk.say("Is Field 2 free on Saturday at 2pm?")
    assert reply.text.startswith("No: Field 2, Saturday, November 7, 2026, 14:00")
    assert "Field 2 is taken from 14:00 to 15:00 (a match). Possible instead: (1)" in reply.text
    assert (reply.details["is_free"], bookings_of(talk.held)) == (False, ["a match"])


async def test_whether_somebody_is_free_is_answered_without_a_rule_for_attendees() -> None:
    held = rules(booking(attendees=("Ana",)), constraints=())
    assert (await Talk(held).say("Is Ana free on Saturday at 2pm?")).text.startswith("No: Ana, Saturday")
    assert (await Talk(held).say("Is Ana free on Saturday at 5pm?")).text.startswith("Yes: Ana, Saturday")


async def test_what_is_no_resource_is_not_said_to_be_free() -> None:
    reply = await Talk().say("Is the Blue Room free on Saturday at 2pm?")
    assert reply.text.startswith("I know no resource 'Blue Room', so I cannot say whether it is free.")


async def test_a_question_without_a_time_is_asked_for_one_and_stays_a_question() -> None:
    talk = Talk()
    assert (await talk.say("Is Field 2 free on Saturday?")).requires_clarification
    assert (await talk.say("at 2pm")).text.startswith("Yes: Field 2")
    assert bookings_of(talk.held) == []
    assert (await talk.say("Book it at 4pm for soccer practice")).text.startswith("Event confirmed! Soccer practice")


async def test_a_place_that_is_no_resource_is_booked_and_that_it_was_not_checked_is_said() -> None:
    reply = await replied(FakeWork("Lunch with Maria tomorrow at noon at Casa Rosa"))
    assert reply.text.endswith("Casa Rosa is none of your resources, so whether it is free was not checked.")
    assert "checked" not in (await replied(FakeWork("Lunch with Maria tomorrow at noon on Zoom"))).text
    assert "checked" not in (await replied(FakeWork("Lunch tomorrow at noon in the Gym"))).text


@pytest.mark.parametrize(
    "asked",
    [
        "Party on January 1, 9999 at 3pm",
        "Party on 9999-12-31 at 23:30",
        "Party on 12/31/9999 at 23:30",
        "Party on 1/1/1000 at 3pm",
    ],
)
async def test_a_day_that_is_far_away_is_refused(asked: str) -> None:
    reply = await replied(FakeWork(asked))
    assert reply.text == "I book events that are at most 10 years away. On which day is it?"


@pytest.mark.parametrize("day", ["February 29, 2027", "Feb 30", "2027-02-29"])
async def test_a_date_that_there_is_none_of_is_asked_for(day: str) -> None:
    talk = Talk()
    reply = await talk.say(f"Book Field 2 for soccer on {day} at 3pm")
    assert (reply.text, reply.details["title"]) == ("There is no such date. On which day is it?", "soccer")
    assert (await talk.say("Saturday")).details["starts_at"] == "2026-11-07T15:00-05:00"


@pytest.mark.parametrize("now", ["9999-12-31T23:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00"])
async def test_a_now_at_the_end_of_days_cannot_be_read(now: str) -> None:
    reply = await replied(FakeWork("Party tomorrow at 3pm", context={"time_zone": "Europe/Berlin", "now": now}))
    assert reply.text.startswith("I cannot read `now`")


async def test_an_end_that_the_clocks_skip_is_asked_for() -> None:
    reply = await replied(FakeWork("Watch on March 14, 2027 from 1:15am to 2:30am"))
    assert reply.text == (
        "The clocks in America/New_York go forward over the time at which it ends on that day. From when to when is it?"
    )


async def test_two_events_at_once_are_asked_for_one_after_the_other() -> None:
    talk = Talk()
    reply = await talk.say("Book Field 1 on Saturday at 2pm for soccer and Field 2 on Sunday at 3pm for rugby")
    assert reply.text.startswith("I book one event at a time, and have booked nothing.")
    assert bookings_of(talk.held) == []


@pytest.mark.parametrize(
    "asked",
    [
        "I have to cancel my dentist appointment on Friday",
        "Sorry, we need to reschedule the review to Friday at 3pm",
        "My son is sick, please cancel his lesson on Friday at 4pm",
        "Move my dentist appointment to Friday at 3pm",
        "Can you change the time of the call to 5pm tomorrow?",
        "Push the standup back to 10am tomorrow",
        "When is Field 2 free on Friday?",
        "What do I have on Friday at 3?",
    ],
)
async def test_who_asks_for_something_else_is_told_so(asked: str) -> None:
    talk = Talk()
    assert (await talk.say(asked)).text.startswith("I only book events, and have booked and changed nothing.")
    assert bookings_of(talk.held) == []


@pytest.mark.parametrize(
    "asked",
    [
        "Change the tires tomorrow at 3pm",
        "Dinner tomorrow at 7pm, which is our anniversary",
        "Move house tomorrow at 10am",
        "If Field 2 is free tomorrow at 3pm, book it for soccer",
    ],
)
async def test_words_that_only_look_like_another_wish_are_booked(asked: str) -> None:
    assert (await Talk().say(asked)).text.startswith("Event confirmed!")


async def test_who_is_told_that_only_a_part_was_read_knows_why_something_is_missing() -> None:
    reply = await replied(FakeWork("Lunch tomorrow at noon. " + "More words. " * 300))
    assert reply.text.endswith("Only the first 2,000 characters were read.")
