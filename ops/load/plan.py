"""What a load run does: read from the command line, handed to the process in which Locust runs."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import msgspec

from app.urls import AddressWrong, read_http_address

URL = "SWITCHYARD_LOCAL_URL"
KEY = "SWITCHYARD_LOCAL_KEY"
USERS = 20
PLACES = 200
MINUTES = 2.0
SEED = 20
THINK_S = (2.0, 8.0)
FOLLOW_UPS = (1, 3)
ANSWER_LIMIT_S = 120.0
PROCESSING_LIMIT_S = 120.0
DRAIN_S = 60.0
WEB_PORT, MOST_PORT = 8089, 65_535
HTML_REPORT = "report.html"
MOST_MINUTES, MOST_PER_MINUTE, MOST_S = 7 * 24 * 60, 1_000_000, 86_400


class ArgumentsWrong(Exception):
    """The command line makes no sense."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked for.

    `users` people at once; with `per_minute` arrivals it is the most that may be inside at once. `think_s` and
    `follow_ups` are the least and the most. Without `url` it is the local stack.
    """

    users: int
    minutes: float
    per_minute: float | None
    seed: int
    think_s: tuple[float, float]
    follow_ups: tuple[int, int]
    drain_s: float
    url: str | None
    key: str | None
    metrics: tuple[str, ...]
    targets: Path | None
    out: Path | None
    is_handbook_added: bool
    is_web: bool = False
    web_port: int | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One run, as the process of Locust reads it from its standard input: it holds the api key.

    With a `web_port` people are let in and sent away in Locust's web interface there, until the process is told to end.
    """

    url: str
    key: str
    users: int
    duration_s: float
    per_minute: float | None
    seed: int
    think_s: tuple[float, float]
    follow_ups: tuple[int, int]
    drain_s: float
    answer_limit_s: float = ANSWER_LIMIT_S
    processing_limit_s: float = PROCESSING_LIMIT_S
    out: str
    web_port: int | None = None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ArgumentsWrong(message)


def read_asked(arguments: Sequence[str], environ: Mapping[str, str]) -> Asked:
    """Return what the command line asks for. Raises ArgumentsWrong; `--help` ends the process."""
    given = _parser().parse_args(arguments)
    asked = Asked(
        users=given.users if given.users is not None else USERS if given.rate is None else PLACES,
        minutes=given.minutes,
        per_minute=given.rate,
        seed=given.seed,
        think_s=tuple(given.think_s),
        follow_ups=tuple(given.follow_ups),
        drain_s=given.drain_s,
        url=(given.url or environ.get(URL) or "").strip() or None,
        key=environ.get(KEY, "").strip() or None,
        metrics=tuple(given.metrics),
        targets=given.targets,
        out=given.out,
        is_handbook_added=not given.no_handbook,
        is_web=given.web or given.web_port is not None,
        web_port=given.web_port,
    )
    _check(asked)
    return asked


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m ops.load", description="Load a running stack and judge it against the targets.")
    add = parser.add_argument
    add("--users", type=int, help=f"people at once ({USERS}); with --rate the most at once ({PLACES})")
    add("--minutes", type=float, default=MINUTES, help="how long visitors come (%(default)s)")
    add("--rate", type=float, help="visits a minute, at random times whatever the answers do; else people take turns")
    add("--seed", type=int, default=SEED, help="fixes who comes when and asks what (%(default)s)")
    add("--think-s", type=float, nargs=2, default=THINK_S, metavar=("LEAST", "MOST"), help="before a follow-up (2 8)")
    add("--follow-ups", type=int, nargs=2, default=FOLLOW_UPS, metavar=("LEAST", "MOST"), help="in a session (1 3)")
    add("--drain-s", type=float, default=DRAIN_S, help="how long open answers may take at the end (%(default)s)")
    add("--url", help=f"the stack's address, else ${URL}, else the local stack; the api key comes from ${KEY}")
    add("--metrics", action="append", default=[], metavar="URL", help="/metrics of a replica; repeat for each one")
    add("--targets", type=Path, help="the targets, instead of ops/load/targets.toml")
    add("--out", type=Path, help="folder of the verdict (.local/load)")
    add("--no-handbook", action="store_true", help="do not add samples/handbook first")
    add("--web", action="store_true", help="start Locust's web interface on this machine instead of a run")
    add("--web-port", type=int, help=f"its port (the first that is free from {WEB_PORT})")
    return parser


def _check(asked: Asked) -> None:
    """Raise ArgumentsWrong with everything that is wrong."""
    addresses = {"--url": asked.url, **{f"--metrics {number}": url for number, url in enumerate(asked.metrics, 1)}}
    wrong = [f"{place} {reason}" for place, url in addresses.items() if url and (reason := _address_problem(url))]
    wrong += [
        name
        for name, is_wrong in {
            "--users must be 1 to 10000": not 1 <= asked.users <= 10_000,
            "--minutes must be above 0, and at most a week": not 0 < asked.minutes <= MOST_MINUTES,
            "--rate must be above 0, and at most 1000000": asked.per_minute is not None
            and not 0 < asked.per_minute <= MOST_PER_MINUTE,
            "--think-s must be two numbers from 0, ascending": not 0 <= asked.think_s[0] <= asked.think_s[1] <= MOST_S,
            "--follow-ups must be two numbers from 0, ascending": not 0 <= asked.follow_ups[0] <= asked.follow_ups[1],
            "--drain-s must be 0 or more, and at most a day": not 0 <= asked.drain_s <= MOST_S,
            "--web-port must be a port": asked.web_port is not None and not 1 <= asked.web_port <= MOST_PORT,
            "--web has no --rate: who comes is said in the browser": asked.is_web and asked.per_minute is not None,
            f"--url needs an api key in ${KEY}": asked.url is not None and asked.key is None,
            f"${KEY} is no api key: those are letters, digits and `_`": asked.key is not None
            and not (asked.key.isascii() and asked.key.isprintable() and " " not in asked.key),
        }.items()
        if is_wrong
    ]
    if wrong:
        raise ArgumentsWrong("; ".join(wrong))


def _address_problem(url: str) -> str | None:
    try:
        read_http_address(url)
    except AddressWrong as error:
        return str(error)
    return None
