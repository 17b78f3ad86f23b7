"""`switchyard judge`: has a stack's model judge answers, and says whether judge and labels agree."""

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from app.agents.prompts import load_prompts
from app.commandline import whole
from app.console import Console
from app.conversation import Stack, StackAway, StackRefused
from app.errors import BadInput
from app.evaluation.agreement import Agreement, Judged, agreement, read_judged, read_labels
from app.evaluation.judge import (
    MOST_TOKENS,
    PROMPTS,
    SCHEMA,
    AskJudge,
    Case,
    Criterion,
    Heard,
    Judge,
    JudgeUnclear,
    Saying,
)
from app.question_files import text_of
from app.stack_arguments import add_stack_arguments, stack_of
from app.team_asking import Answer, write_lines

FORM = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": msgspec.json.decode(SCHEMA)}}


class _Choice(msgspec.Struct, frozen=True):
    message: Saying


class _Completion(msgspec.Struct, frozen=True):
    model: str
    choices: tuple[_Choice, ...]
    system_fingerprint: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `switchyard judge` takes."""
    acts = parser.add_subparsers(required=True, metavar="ACT")
    judging = acts.add_parser("answers", help="have a model judge answers that `switchyard evaluate` wrote")
    judging.set_defaults(run=run_answers)
    judging.add_argument("--answers", type=Path, required=True, metavar="FILE", help="answers as JSON lines")
    judging.add_argument("--out", type=Path, required=True, metavar="FILE", help="write the judgements there")
    judging.add_argument("--model", default="complex", help="who judges: a model, a tier or auto (%(default)s)")
    judging.add_argument("--prompts", type=Path, default=Path("prompts"), help="the folder of prompts (%(default)s)")
    judging.add_argument("--at-once", type=whole, default=1, metavar="N", help="judge so many together (%(default)s)")
    add_stack_arguments(judging)
    comparing = acts.add_parser("agreement", help="say how far judgements agree with labels")
    comparing.set_defaults(run=run_agreement)
    comparing.add_argument("--labels", type=Path, required=True, metavar="FILE", help="labels as JSON lines")
    comparing.add_argument("--judgements", type=Path, required=True, metavar="FILE", help="judgements as JSON lines")
    comparing.add_argument("--json", action="store_true", help="answer as JSON")


def run_judge(given: argparse.Namespace, environ: Mapping[str, str], console: Console, notes: Console) -> int:
    """Do what the command line says; return the exit status. Raises what the act raises."""
    status: int = given.run(given, environ, console, notes)
    return status


def run_answers(given: argparse.Namespace, environ: Mapping[str, str], console: Console, notes: Console) -> int:
    """Judge each answer and write what is said. Raises BadInput, ConfigurationWrong, PromptWrong, OSError."""
    answers = read_answers(given.answers)
    prompts = load_prompts(given.prompts, PROMPTS)
    judge = Judge({name: prompts[name].fill for name in PROMPTS}, _ask(stack_of(given, environ), given.model))
    judged = asyncio.run(_judge_all(judge, answers, given.at_once, notes))
    write_lines(given.out, judged)
    unclear = sum(not one.model for one in judged)
    console.say(f"{len(judged) - unclear} of {len(judged)} answers are judged, by prompts {judge.digest[:12]}")
    return 0


def run_agreement(given: argparse.Namespace, _: Mapping[str, str], console: Console, __: Console) -> int:
    """Say how far judgements agree with labels. Raises BadInput."""
    found = agreement(read_labels(given.labels), read_judged(given.judgements))
    if given.json:
        console.show_json(found)
    else:
        console.table(("WHAT", "VALUE"), _lines(found))
    return 0


def read_answers(path: Path) -> list[Answer]:
    """Return the answers of a file of JSON lines. Raises BadInput."""
    try:
        return [msgspec.json.decode(line, type=Answer) for line in text_of(path).split("\n") if line.strip()]
    except msgspec.MsgspecError as error:
        raise BadInput(f"{path}: {error}") from error


async def _judge_all(judge: Judge, answers: list[Answer], at_once: int, notes: Console) -> list[Judged]:
    free = asyncio.Semaphore(at_once)

    async def one(number: int, answer: Answer) -> Judged:
        async with free:
            judged = await _judged(judge, answer, notes)
        if (number + 1) % 5 == 0:
            notes.say(f"about {number + 1} of {len(answers)} answers judged")
        return judged

    return list(await asyncio.gather(*(one(number, answer) for number, answer in enumerate(answers))))


async def _judged(judge: Judge, answer: Answer, notes: Console) -> Judged:
    passages = tuple(passage.quote for passage in answer.passages)
    try:
        said = await judge.judge(Case(question=answer.question, answer=answer.answer, passages=passages))
    except (JudgeUnclear, StackRefused, StackAway) as error:
        notes.say(f"{answer.id} is not judged: {error}")
        return Judged(id=answer.id)
    return Judged(
        id=answer.id,
        groundedness=said.scores.get(Criterion.GROUNDEDNESS),
        relevance=said.scores.get(Criterion.RELEVANCE),
        completeness=said.scores.get(Criterion.COMPLETENESS),
        model=said.model,
        digest=said.digest,
        prompt=judge.digest,
    )


def _ask(stack: Stack, model: str) -> AskJudge:
    async def ask(_: Criterion, said: Sequence[Saying]) -> Heard:
        body = {
            "model": model,
            "messages": [msgspec.to_builtins(one) for one in said],
            "response_format": FORM,
            "max_tokens": MOST_TOKENS,
            "temperature": 0,
        }
        reply = msgspec.convert(await asyncio.to_thread(stack.post, "/v1/chat/completions", body), _Completion)
        text = reply.choices[0].message.content if reply.choices else ""
        return Heard(text, reply.model, reply.system_fingerprint or "")

    return ask


def _lines(found: Agreement) -> list[tuple[str, str]]:
    def number(value: float | None) -> str:
        return "cannot be said" if value is None else f"{value:.3f}"

    sure = "" if found.kappa is None else f" ({number(found.kappa_low)} to {number(found.kappa_high)})"
    return [
        ("answers with both", str(found.answers)),
        ("grounded, by label", number(found.labelled)),
        ("grounded, by judge", number(found.judged)),
        ("of the same level", number(found.same)),
        ("kappa, 95 %", number(found.kappa) + sure),
        ("Spearman", number(found.spearman)),
        ("with one of them only", ", ".join(found.without) or "none"),
    ]
