"""`python -m ops.verify`: run what is too long for CI, part by part, and write docs/evidence."""

import argparse
import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal, TypeAlias, assert_never

import httpx

from app.finish import finish
from app.mistakes import ConfigurationWrong
from ops.breaks.listed import BreaksWrong
from ops.breaks.tree import NoCheckout
from ops.drill.target import DrillFailed
from ops.local.console import Console
from ops.local.problems import LocalProblem
from ops.local.process import REPOSITORY
from ops.verify import (
    answers,
    breaks,
    clients,
    files,
    ingestion,
    kills,
    outages,
    policies,
    programs,
    retrieval,
    steps,
    suites,
    upgrade,
)  # fmt: skip
from ops.verify.evidence import Outcome, Verdict
from ops.verify.stack import StackFailed

EVIDENCE = REPOSITORY / "docs" / "evidence"
KILLS = 200
MOMENTS = 120
INGESTIONS = 20
SEEDS = 2**31


class Part(StrEnum):
    """What can be verified; a page of the same name holds its evidence."""

    CONTRACTS = "contracts"
    SAMPLES = "samples"
    CLIENTS = "clients"
    BREAKS = "breaks"
    FILES = "files"
    COMPLEXITY = "complexity"
    ANSWERS = "answers"
    RETRIEVAL = "retrieval"
    POLICIES = "policies"
    OUTAGES = "outages"
    KILLS = "kills"
    STEPS = "steps"
    INGESTION = "ingestion"
    UPGRADE = "upgrade"
    BENCH = "bench"


Struck: TypeAlias = Literal[Part.KILLS, Part.STEPS, Part.INGESTION]
Program: TypeAlias = (
    Struck | Literal[Part.COMPLEXITY, Part.ANSWERS, Part.RETRIEVAL, Part.POLICIES, Part.UPGRADE, Part.BENCH]
)


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line asks for."""

    parts: tuple[Part, ...]
    kills: int
    moments: int
    seed: int
    directory: Path
    commit: str | None = None
    questions: int = policies.QUESTIONS
    ingestions: int = INGESTIONS


def read_given(arguments: Sequence[str]) -> Given:
    """Return what the command line asks for. Raises SystemExit for what makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m ops.verify", description=__doc__)
    names = ",".join(Part)
    parser.add_argument("--only", type=_parts, default=tuple(Part), metavar="PARTS", help=f"some of {names}")
    parser.add_argument("--kills", type=_count, default=KILLS, metavar="N", help="how many replicas are killed")
    parser.add_argument(
        "--questions", type=_count, default=policies.QUESTIONS, metavar="N", help="how many `policies` asks"
    )
    parser.add_argument("--moments", type=_count, default=MOMENTS, metavar="N", help="how many are drawn for steps")
    parser.add_argument(
        "--ingestions", type=_count, default=INGESTIONS, metavar="N", help="how many moments are drawn for ingestion"
    )
    parser.add_argument("--from", dest="commit", metavar="COMMIT", help="what is upgraded (the newest other code)")
    parser.add_argument("--seed", type=int, default=None, help="of everything that is drawn; a new one is printed")
    parser.add_argument("--out", type=Path, default=EVIDENCE, metavar="DIR", help="where the pages go")
    given = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(SEEDS) if given.seed is None else given.seed
    return Given(
        given.only, given.kills, given.moments, seed, given.out, given.commit, given.questions, given.ingestions
    )


def _parts(words: str) -> tuple[Part, ...]:
    try:
        return tuple(Part(word.strip()) for word in words.split(",") if word.strip())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _count(word: str) -> int:
    count = int(word)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


def verify(part: Part, given: Given, environ: Mapping[str, str], console: Console) -> Outcome:
    """Run one part and write its page."""
    try:
        return _verify(part, given, environ, console)
    except (
        StackFailed, DrillFailed, LocalProblem, ConfigurationWrong, BreaksWrong, NoCheckout,
        subprocess.TimeoutExpired, OSError, httpx.HTTPError,
    ) as error:  # fmt: skip
        return Outcome(Verdict.FAILED, str(error))


def _verify(part: Part, given: Given, environ: Mapping[str, str], console: Console) -> Outcome:
    match part:
        case Part.CONTRACTS:
            return suites.verify_contracts(environ, given.directory)
        case Part.SAMPLES:
            return suites.verify_samples(environ, given.directory, seed=given.seed)
        case Part.OUTAGES:
            return outages.verify(environ, given.directory, seed=given.seed)
        case Part.CLIENTS:
            return clients.verify(environ, given.directory)
        case Part.FILES:
            return files.verify(environ, given.directory, seed=given.seed)
        case Part.BREAKS:
            return breaks.verify(given.directory, say=console.say)
        case _:
            return _verify_program(part, given, environ, console)


def _verify_program(part: Program, given: Given, environ: Mapping[str, str], console: Console) -> Outcome:
    match part:
        case Part.COMPLEXITY:
            return programs.verify_complexity(environ, given.directory)
        case Part.ANSWERS:
            return answers.verify(environ, given.directory, console.say)
        case Part.RETRIEVAL:
            return retrieval.verify(environ, given.directory, console.say)
        case Part.POLICIES:
            return policies.verify(environ, given.directory, console.say, count=given.questions)
        case Part.UPGRADE:
            return upgrade.verify(given.directory, commit=given.commit, say=console.say)
        case Part.BENCH:
            return programs.verify_bench(environ, given.directory)
        case _:
            return _verify_struck(part, given, environ, console)


def _verify_struck(part: Struck, given: Given, environ: Mapping[str, str], console: Console) -> Outcome:
    seed, say = given.seed, console.say
    match part:
        case Part.KILLS:
            return kills.verify(environ, given.directory, kills=given.kills, seed=seed, say=say)
        case Part.STEPS:
            return steps.verify(environ, given.directory, count=given.moments, seed=seed, say=say)
        case Part.INGESTION:
            return ingestion.verify(environ, given.directory, count=given.ingestions, seed=seed, say=say)
        case _:
            assert_never(part)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts; returns 0 when nothing failed. What was left out is said."""
    given, console = read_given(sys.argv[1:] if arguments is None else arguments), Console(sys.stdout)
    console.say(f"verify: seed {given.seed}")
    outcomes = dict[Part, Outcome]()
    for part in given.parts:
        console.say(f"== {part}")
        outcomes[part] = verify(part, given, os.environ, console)
        console.say(f"{part}: {outcomes[part].verdict}: {outcomes[part].line}")
    console.say("")
    console.table([("part", "verdict"), *((part.value, outcome.verdict.value) for part, outcome in outcomes.items())])
    return 1 if any(outcome.verdict is Verdict.FAILED for outcome in outcomes.values()) else 0


if __name__ == "__main__":
    finish(main)
