"""What `switchyard routing` is told: the data, the embedder, and where weights go."""

import argparse
import sys
from pathlib import Path

from app import routing_command
from app.console import Console
from app.inference.routing.complexity import SHIPPED

EMBED_MODEL = "all-minilm:22m"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `switchyard routing` takes."""
    acts = parser.add_subparsers(dest="act_name", required=True)
    training = acts.add_parser("train", help="make weights from outcomes and labelled questions")
    _add_outcomes(training)
    training.add_argument("--out", type=Path, default=SHIPPED, help="the weights file to write")
    training.add_argument("--evidence", type=Path, help="the Markdown file to write")
    training.set_defaults(routing=routing_command.train_weights)
    judging = acts.add_parser("evaluate", help="show what weights are worth, beside other ways to choose")
    _add_outcomes(judging)
    _add_weights(judging)
    judging.add_argument("--enable", type=Path, metavar="FILE", help="write the weights there, if they may serve")
    judging.set_defaults(routing=routing_command.evaluate_weights)
    setting = acts.add_parser("calibrate", help="set the thresholds to wanted shares of the prompts")
    _add_outcomes(setting)
    _add_weights(setting)
    setting.add_argument("--simple-share", type=float, required=True, help="part of the prompts that is simple")
    setting.add_argument("--complex-share", type=float, required=True, help="part of the prompts that is complex")
    setting.add_argument("--out", type=Path, help="the weights file to write")
    setting.set_defaults(routing=routing_command.calibrate_weights)
    scoring = acts.add_parser("score", help="read JSON strings, one a line; write the need of each")
    _add_embedder(scoring)
    _add_weights(scoring)
    scoring.set_defaults(routing=None)


def run_routing(given: argparse.Namespace, console: Console, notes: Console) -> int:
    """Do it, and return the exit status. Raises BadInput, OSError."""
    if given.routing is None:
        return routing_command.score(given, sys.stdin, console, notes)
    status: int = given.routing(given, console, notes)
    return status


def _add_outcomes(parser: argparse.ArgumentParser) -> None:
    what = "a directory of csv or csv.gz files, or one: subject,prompt,weak_correct,strong_correct"
    parser.add_argument("--data", type=Path, required=True, help=what)
    _add_embedder(parser)
    parser.add_argument("--vectors", type=Path, metavar="FILE", help="an npz file that keeps the prompts' vectors")
    parser.add_argument("--seed", type=int, default=1, help="of folds, centres, bootstrap and the random order")
    parser.add_argument("--samples", type=int, default=1000, help="bootstrap samples an interval")
    also = "show multiple choice without this subject too; may be repeated"
    parser.add_argument("--without", action="append", default=[], metavar="SUBJECT", help=also)


def _add_embedder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--embedder", metavar="URL", help="an Ollama node that embeds; without it, text alone")
    parser.add_argument("--embed-model", default=EMBED_MODEL, help="the model that it embeds with")
    parser.add_argument("--node-ca", metavar="FILE", help="the authority of the node's certificate")


def _add_weights(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weights", type=Path, default=SHIPPED, help="the weights file to read")
