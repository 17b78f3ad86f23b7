"""Requests are read by rules: days and times seen from a now in the asker's zone, and what is left is the subject."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agents.scheduler.reading import read_request
from app.agents.scheduler.said import Lack, Trouble, Wanted

NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")
WEDNESDAY = datetime(2026, 11, 4, 15, tzinfo=UTC)
"""Ten in the morning in New York."""


def read(text: str, *places: str, now: datetime = WEDNESDAY, zone: ZoneInfo = NEW_YORK) -> Wanted:
    """Return what is read of a request in New York, on a Wednesday."""
    return read_request(text, now, zone, places)


def local(wanted: Wanted, zone: ZoneInfo = NEW_YORK) -> str:
    """Return when something begins, by the asker's clock."""
    return "" if wanted.starts_at is None else f"{wanted.starts_at.astimezone(zone):%a %d %b %Y %H:%M}"


def test_a_plain_request_is_read_whole() -> None:
    wanted = read("Schedule soccer practice Saturday at 2pm")
    assert (wanted.title, wanted.place, wanted.attendees, wanted.lacks) == ("soccer practice", "", (), ())
    assert wanted.starts_at == datetime(2026, 11, 7, 19, tzinfo=UTC)
    assert (wanted.duration_minutes, wanted.ends_at) == (60, datetime(2026, 11, 7, 20, tzinfo=UTC))


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("today", "Wed 04 Nov"),
        ("tomorrow", "Thu 05 Nov"),
        ("the day after tomorrow", "Fri 06 Nov"),
        ("Thursday", "Thu 05 Nov"),
        ("this Friday", "Fri 06 Nov"),
        ("next Friday", "Fri 13 Nov"),
        ("next Monday", "Mon 09 Nov"),
        ("Monday of next week", "Mon 09 Nov"),
        ("next week on Tuesday", "Tue 10 Nov"),
        ("in two weeks", "Wed 18 Nov"),
        ("in ten days", "Sat 14 Nov"),
        ("a week from Friday", "Fri 13 Nov"),
        ("Tuesday week", "Tue 17 Nov"),
        ("two weeks from Sunday", "Sun 22 Nov"),
        ("Nov 7", "Sat 07 Nov"),
        ("November 7th", "Sat 07 Nov"),
        ("the 7th of November", "Sat 07 Nov"),
        ("7 November 2026", "Sat 07 Nov"),
        ("Saturday, November 7, 2026,", "Sat 07 Nov"),
        ("11/7/2026", "Sat 07 Nov"),
        ("11/7", "Sat 07 Nov"),
        ("20/11/2026", "Fri 20 Nov"),
        ("2026-11-20", "Fri 20 Nov"),
        ("20.11.2026", "Fri 20 Nov"),
        ("on the 20th", "Fri 20 Nov"),
        ("on the 2nd of next month", "Wed 02 Dec"),
        ("Thrusday", "Thu 05 Nov"),
    ],
)
def test_a_day_is_the_one_that_is_meant(words: str, day: str) -> None:
    wanted = read(f"Schedule a haircut {words} at 11am")
    assert (wanted.title, local(wanted)) == ("haircut", f"{day} 2026 11:00")


@pytest.mark.parametrize(
    ("words", "begins", "minutes"),
    [
        ("at 2pm", "14:00", 60),
        ("at 2:15 p.m.", "14:15", 60),
        ("at 14:00", "14:00", 60),
        ("at 0930", "09:30", 60),
        ("at 5", "17:00", 60),
        ("at 7", "07:00", 60),
        ("at 11", "11:00", 60),
        ("at 12", "12:00", 60),
        ("at noon", "12:00", 60),
        ("at half past three", "15:30", 60),
        ("at a quarter to nine", "08:45", 60),
        ("at quarter to one", "12:45", 60),
        ("at ten past four", "16:10", 60),
        ("at six o'clock", "18:00", 60),
        ("at 8 in the evening", "20:00", 60),
        ("evening at 7", "19:00", 60),
        ("at 6 in the morning", "06:00", 60),
        ("from 2 to 3:30pm", "14:00", 90),
        ("between 2 and 4", "14:00", 120),
        ("10am to noon", "10:00", 120),
        ("11-1pm", "11:00", 120),
        ("from 10 until 11:15", "10:00", 75),
        ("from 11 to 2", "11:00", 180),
        ("9-5", "09:00", 480),
        ("22:00 to 1:00", "22:00", 180),
        ("at 3pm for 90 minutes", "15:00", 90),
        ("at 3pm for an hour and a half", "15:00", 90),
        ("at 3pm for 1.5 hours", "15:00", 90),
        ("at 3pm for 1h30", "15:00", 90),
        ("at 3pm for half an hour", "15:00", 30),
        ("at 3pm for two hours", "15:00", 120),
        ("at 3pm for 2 hours and 20 minutes", "15:00", 140),
        ("at 10 am in Room 4", "10:00", 60),
    ],
)
def test_a_time_is_the_one_that_is_meant(words: str, begins: str, minutes: int) -> None:
    wanted = read(f"Schedule a haircut Saturday {words}")
    assert (local(wanted), wanted.duration_minutes) == (f"Sat 07 Nov 2026 {begins}", minutes)
    assert wanted.title == "haircut"


@pytest.mark.parametrize(
    ("now", "day"),
    [(datetime(2026, 11, 7, 18, 59, tzinfo=UTC), "Sat 07 Nov"), (datetime(2026, 11, 7, 19, tzinfo=UTC), "Sat 14 Nov")],
)
def test_a_weekday_is_today_as_long_as_the_time_is_to_come(now: datetime, day: str) -> None:
    assert local(read("Soccer Saturday at 2pm", now=now)) == f"{day} 2026 14:00"


def test_a_date_that_has_passed_this_year_is_next_years() -> None:
    assert local(read("Haircut on March 3 at 9am")) == "Wed 03 Mar 2027 09:00"
    assert local(read("Haircut on November 4 at 9am")) == "Thu 04 Nov 2027 09:00"
    assert local(read("Haircut on November 4 at 11am")) == "Wed 04 Nov 2026 11:00"


def test_a_day_counts_where_the_asker_is() -> None:
    late = datetime(2026, 11, 4, 23, 30, tzinfo=UTC)
    assert local(read("Call tomorrow at 9am", now=late)) == "Thu 05 Nov 2026 09:00"
    assert local(read("Call tomorrow at 9am", now=late, zone=BERLIN), BERLIN) == "Fri 06 Nov 2026 09:00"


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        ("Schedule a haircut", (Lack.DATE, Lack.TIME)),
        ("Schedule a haircut next week", (Lack.DATE, Lack.TIME)),
        ("Schedule a haircut on Saturday morning", (Lack.TIME,)),
        ("Schedule a haircut tonight", (Lack.TIME,)),
        ("Schedule a haircut Saturday before noon", (Lack.TIME,)),
        ("Schedule a haircut at 5", (Lack.DATE,)),
        ("Schedule a haircut in Room 4 tomorrow", (Lack.TIME,)),
        ("Schedule a haircut Room 4 Saturday", (Lack.TIME,)),
    ],
)
def test_what_is_not_said_is_lacking(text: str, lacks: tuple[Lack, ...]) -> None:
    wanted = read(text)
    assert (wanted.lacks, wanted.starts_at, wanted.title) == (lacks, None, wanted.title)
    assert wanted.title.startswith("haircut")


@pytest.mark.parametrize(
    ("text", "title", "place", "attendees"),
    [
        ("Book Field 2 for soccer practice {}", "soccer practice", "Field 2", ()),
        ("Lunch with Maria and Ben {}", "Lunch", "", ("Maria", "Ben")),
        ("Meet the design team, Ana & Bo Li about Q3 {}", "Meet the design team, Ana & Bo Li about Q3", "", ()),
        ("Please set up a call with Dr. Lee, Ana and the sales team {}", "call", "", ("Dr. Lee", "Ana", "sales team")),
        ("Could you put a dentist appointment on my calendar for {}?", "dentist appointment", "", ()),
        ('Add "Board review, part 2" {} in the Main Hall', "Board review, part 2", "Main Hall", ()),
        ('Add "Sunday roast at 5" {}', "Sunday roast at 5", "", ()),
        ("I need the gym {} for basketball training", "basketball training", "gym", ()),
        ("Kickoff at the town library {}, invite Ana and Joe", "Kickoff", "town library", ("Ana", "Joe")),
        ("Is the gym free {}? It's for a picnic", "picnic", "gym", ()),
        ("The kids have a swimming lesson {} at the pool", "swimming lesson", "pool", ()),
        ("I'm meeting Sofia for coffee {}", "coffee", "", ("Sofia",)),
        ("Would it be possible to squeeze in a code review {}?", "code review", "", ()),
        ("Give me Room B {} because of the audit", "audit", "Room B", ()),
        ("{}, birthday party for 30 people, Room 12", "birthday party", "Room 12", ()),
        ("We'd like to hold a budget review {} on Zoom", "budget review", "Zoom", ()),
    ],
)
def test_what_is_left_is_the_subject(text: str, title: str, place: str, attendees: tuple[str, ...]) -> None:
    wanted = read(text.format("Saturday at 2pm"))
    assert (wanted.title, wanted.place, wanted.attendees) == (title, place, attendees)
    assert local(wanted) == "Sat 07 Nov 2026 14:00"


def test_a_name_that_is_known_is_a_place_wherever_it_stands() -> None:
    wanted = read("soccer practice field two Saturday 2pm", "Field Two", "Field 2")
    assert (wanted.title, wanted.place) == ("soccer practice", "Field Two")


def test_how_many_come_is_no_attendee() -> None:
    wanted = read("Yoga Saturday at 9 with 12 people")
    assert (wanted.headcount, wanted.attendees, wanted.title, local(wanted)[-5:]) == (12, (), "Yoga", "09:00")


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("Haircut Saturday at 2pm, no, at 3pm", "Sat 07 Nov 2026 15:00"),
        ("Haircut Saturday, sorry, Sunday at 2pm", "Sun 08 Nov 2026 14:00"),
        ("Haircut tomorrow at 2. Actually, make it 4", "Thu 05 Nov 2026 16:00"),
    ],
)
def test_the_last_word_of_a_correction_counts(text: str, begins: str) -> None:
    wanted = read(text)
    assert (local(wanted), wanted.title) == (begins, "Haircut")


def test_so_many_hours_from_now_are_real_ones_over_a_change_of_the_clocks() -> None:
    before = datetime(2026, 11, 1, 4, 30, tzinfo=UTC)
    wanted = read("Call mom in three hours", now=before)
    assert wanted.starts_at == before + timedelta(hours=3)
    assert local(wanted) == "Sun 01 Nov 2026 02:30"


def test_a_time_that_the_clocks_skip_is_asked_for() -> None:
    wanted = read("Call on March 14, 2027 at 2:30am")
    assert (wanted.starts_at, wanted.lacks, wanted.trouble) == (None, (Lack.TIME,), Trouble.SKIPPED)


def test_of_an_hour_that_comes_twice_it_is_the_first() -> None:
    wanted = read("Call on October 31, 2027 at 2:30am", zone=BERLIN)
    assert wanted.starts_at == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("words", ["at 25:00", "at 2 or 3pm"])
def test_what_is_no_time_is_no_place(words: str) -> None:
    assert read(f"Haircut Saturday {words}").place == ""


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Asia/Kathmandu", "+0545"),
        ("Australia/Lord_Howe", "+1100"),
        ("Pacific/Chatham", "+1345"),
        ("America/St_Johns", "-0330"),
    ],
)
def test_a_zone_may_be_off_by_parts_of_an_hour(zone: str, shown: str) -> None:
    wanted = read("Call tomorrow at 7:45", zone=ZoneInfo(zone))
    assert wanted.starts_at is not None
    assert f"{wanted.starts_at.astimezone(ZoneInfo(zone)):%H:%M%z}" == f"07:45{shown}"


def test_a_leap_day_is_the_next_one_that_there_is() -> None:
    assert local(read("Call Feb 29 at 3pm")) == "Tue 29 Feb 2028 15:00"


def test_a_range_lasts_as_long_as_it_really_does() -> None:
    assert read("Watch on November 1, 2027 from 0:00 to 3:00").duration_minutes == 180
    assert read("Watch on November 7, 2027 from 0:00 to 3:00").duration_minutes == 240


@pytest.mark.requirement("FAM-03.takes")
def test_a_series_is_noticed() -> None:
    assert read("Team lunch every Friday at noon").repeats
    assert not read("Team lunch Friday at noon").repeats


ZONES = st.sampled_from(
    ["UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe"]
)
NOWS = st.datetimes(datetime(2024, 1, 1), datetime(2034, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds


@given(NOWS, ZONES, st.integers(0, 23), st.integers(0, 59))
def test_the_clock_shows_in_the_askers_zone_what_was_said(now: datetime, name: str, hour: int, minute: int) -> None:
    zone = ZoneInfo(name)
    wanted = read(f"Call tomorrow at {hour:02}:{minute:02}", now=now, zone=zone)
    if wanted.starts_at is None:
        assert wanted.trouble is Trouble.SKIPPED
        return
    shown = wanted.starts_at.astimezone(zone)
    assert (shown.hour, shown.minute) == (hour, minute)
    assert shown.date() == now.astimezone(zone).date() + timedelta(days=1)


@given(NOWS, ZONES, st.sampled_from(["Monday", "Wednesday", "Saturday", "Sunday"]))
def test_a_weekday_is_within_a_week_and_to_come(now: datetime, name: str, day: str) -> None:
    zone = ZoneInfo(name)
    wanted = read(f"Call {day} at 3pm", now=now, zone=zone)
    if wanted.starts_at is not None:
        assert f"{wanted.starts_at.astimezone(zone):%A}" == day
        assert timedelta() < wanted.starts_at - now <= timedelta(days=7, hours=2)


@given(st.text(max_size=120))
def test_any_text_is_read_to_an_end(text: str) -> None:
    wanted = read(text)
    assert bool(wanted.lacks) == (wanted.starts_at is None)
    assert wanted.duration_minutes > 0
