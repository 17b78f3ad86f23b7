"""What the command line asks for."""

import pytest

from ops.load.plan import KEY, PLACES, URL, USERS, ArgumentsWrong, read_asked


def test_without_words_twenty_people_take_turns_for_two_minutes() -> None:
    asked = read_asked([], {})
    assert (asked.users, asked.minutes, asked.per_minute, asked.url) == (USERS, 2.0, None, None)


def test_a_rate_makes_arrivals_and_users_their_bound() -> None:
    assert read_asked(["--rate", "60"], {}).users == PLACES
    assert read_asked(["--rate", "60", "--users", "5"], {}).users == 5


def test_the_key_comes_from_the_environment_alone() -> None:
    asked = read_asked([], {URL: "http://stack", KEY: "sy_k"})
    assert (asked.url, asked.key) == ("http://stack", "sy_k")
    with pytest.raises(ArgumentsWrong, match="unrecognized"):
        read_asked(["--key", "sy_k"], {})


@pytest.mark.parametrize(
    "words",
    [
        ["--users", "0"],
        ["--users", "-1"],
        ["--users", "many"],
        ["--minutes", "0"],
        ["--minutes", "nan"],
        ["--rate", "0"],
        ["--think-s", "3", "1"],
        ["--follow-ups", "-1", "1"],
        ["--drain-s", "-1"],
        ["--url", "http://stack"],
        ["surplus"],
        ["--web", "--rate", "60"],
        ["--web-port", "0"],
        ["--web-port", "65536"],
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str]) -> None:
    with pytest.raises(ArgumentsWrong):
        read_asked(words, {})


def test_a_port_of_the_web_interface_asks_for_it() -> None:
    assert not read_asked([], {}).is_web
    assert (read_asked(["--web"], {}).is_web, read_asked(["--web"], {}).web_port) == (True, None)
    assert (read_asked(["--web-port", "9000"], {}).is_web, read_asked(["--web-port", "9000"], {}).web_port) == (
        True,
        9000,
    )
