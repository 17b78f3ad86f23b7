"""What `switchyard chat` is told: the stack's address, the key, and how to ask."""

import argparse
import readline
import sys
from collections.abc import Mapping
from functools import partial

from app.asking_again import WAIT_LIMIT_S
from app.chat_command import ChatCommand
from app.commandline import finite
from app.console import Console
from app.conversation import Stack
from app.inference.words.thinking import Think, ThinkLevel
from app.mistakes import ConfigurationWrong, Mistake
from app.stack_arguments import add_stack_arguments, key_of, url_of

LONGEST_WAIT_LIMIT_S = 86_400
HISTORY_LINES = 1000
HOW: Mapping[str, Think] = {"yes": True, "no": False, **{level.value: level for level in ThinkLevel}}
"""What may follow `--think`."""
PROMPT = "> "


def wait(text: str) -> float:
    """Return the seconds that an argument names. Raises ArgumentTypeError for what is none."""
    seconds = finite(text)
    if not 0 <= seconds <= LONGEST_WAIT_LIMIT_S:
        raise argparse.ArgumentTypeError(f"{text!r} is not from 0 to {LONGEST_WAIT_LIMIT_S} seconds")
    return seconds


def think(text: str) -> Think:
    """Return how an argument says that a model thinks. Raises ArgumentTypeError for what says nothing of it."""
    if text not in HOW:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(HOW)}")
    return HOW[text]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `switchyard chat` takes."""
    parser.add_argument(
        "question",
        nargs="?",
        help="ask this and end; `-` asks what standard input holds; without it, talk",
    )
    add_stack_arguments(parser)
    parser.add_argument("--team", default="assistant", help="who answers")
    parser.add_argument("--session", help="go on with this session; its id stands below an answer")
    parser.add_argument("--temperature", type=finite, help="how freely it answers")
    parser.add_argument(
        "--think",
        type=think,
        metavar="HOW",
        help=f"whether, or how hard, the model thinks first, and show that apart: {', '.join(HOW)}; else as it is set",
    )
    parser.add_argument(
        "--wait",
        type=wait,
        default=WAIT_LIMIT_S,
        metavar="SECONDS",
        help="wait so long in all for a stack that is away, or says that asking again may help (%(default)g)",
    )
    parser.add_argument("--json", action="store_true", help="print the whole answer as JSON at the end")


def run_chat(given: argparse.Namespace, environ: Mapping[str, str], console: Console, notes: Console) -> int:
    """Talk to a running stack. Raises ConfigurationWrong, StackAway."""
    mistakes: list[Mistake] = []
    told = partial(_tell, notes)
    stack = Stack(
        url_of(given, environ, mistakes), key_of(given, environ, mistakes), wait_limit_s=given.wait, told=told
    )
    question = _question(given, mistakes)
    if mistakes:
        raise ConfigurationWrong(*mistakes)
    is_typed = sys.stdin.isatty()
    command = ChatCommand(
        stack,
        console,
        notes,
        options={"team": given.team, "temperature": given.temperature, "think": given.think},
        session_id=given.session,
        as_json=given.json,
        read=_prompted if is_typed else input,
        wait_limit_s=given.wait,
    )
    if question is not None:
        return command.ask(question)
    return command.talk() if is_typed else command.take_lines()


def _tell(notes: Console, line: str) -> None:
    notes.say(f"({line})")


def _prompted() -> str:
    """Return a line that is typed; on a whole terminal there is a history of those before."""
    if sys.stdout.isatty():
        readline.set_history_length(HISTORY_LINES)
        return input(PROMPT)
    # Else it would be written to standard output, which is for answers.
    sys.stderr.write(PROMPT)
    sys.stderr.flush()
    return input()


def _question(given: argparse.Namespace, mistakes: list[Mistake]) -> str | None:
    question: str | None = given.question
    if question == "-":
        try:
            question = sys.stdin.read()
        except UnicodeDecodeError:
            mistakes.append(Mistake("standard input", "is no text"))
            return None
    if question is not None and not question.strip():
        mistakes.append(Mistake("the question", "is empty"))
    return question
