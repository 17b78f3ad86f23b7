"""What `switchyard retrieval` is told; what it does stands in a module for each few of its acts."""

import argparse
from collections.abc import Mapping

from app import collection_command, edition_command, evaluation_command, fusion_command
from app.console import Console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `switchyard retrieval` takes. Each act sets `run`, which `run_retrieval` calls."""
    acts = parser.add_subparsers(required=True, metavar="ACT")
    collection_command.add_acts(acts.add_parser)
    edition_command.add_acts(acts.add_parser)
    evaluation_command.add_acts(acts.add_parser)
    fusion_command.add_acts(acts.add_parser)


def run_retrieval(given: argparse.Namespace, environ: Mapping[str, str], console: Console, notes: Console) -> int:
    """Do what the command line says; return the exit status. Raises what the act raises."""
    status: int = given.run(given, environ, console, notes)
    return status
