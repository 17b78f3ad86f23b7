"""Every closed set that others meet is on the page of words, and every word has a meaning."""

import ast
from enum import StrEnum

import pytest

from ops.docs.words_page import SETS, MeaningMissing, explained, write_words
from tests.architecture.sources import none, sources

# What the code alone uses, and sets that stand on another page: settings, error codes, media types.
ELSEWHERE = {
    "Aspect",
    "Ending",
    "Form",
    "Permission",
    "Place",
    "Pooler",
    "Quantization",
    "MediaType",
    "NothingSaid",
    "Script",
    "Shown",
    "Trouble",
    "TurnKind",
    "Unreadable",
    "Word",
}


class Colour(StrEnum):
    """A set whose second word nobody explained."""

    RED = "red"
    """Like a rose."""
    BLUE = "blue"


def test_no_word_is_without_a_meaning() -> None:
    lines = [line for line in write_words().splitlines() if line.startswith("| `")]
    assert len(lines) > 100
    none([line for line in lines if not line.split("|")[2].strip()])


def test_a_word_without_a_meaning_stops_the_page() -> None:
    with pytest.raises(MeaningMissing, match="Colour: write a docstring below blue"):
        explained(Colour, {"RED": "Like a rose."})


def test_every_closed_set_is_on_the_page() -> None:
    sets = {
        node.name
        for source in sources("app")
        for node in source.nodes
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "StrEnum" for base in node.bases)
    }
    assert sets == {name for _, name in SETS} | ELSEWHERE
