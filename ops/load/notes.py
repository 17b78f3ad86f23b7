"""The documents of the upload persona: each says one thing that no other says."""

import random

import msgspec

COLOURS = ("amber", "cobalt", "crimson", "ivory", "jade", "ochre", "silver", "teal", "umber", "violet")
BIRDS = ("heron", "kestrel", "lapwing", "magpie", "osprey", "plover", "robin", "siskin", "thrush", "wagtail")
PARAGRAPHS = (
    "The warehouse keeps a note for each locker. A note is written when a locker is handed over, and thrown away when "
    "it is given back. Nobody keeps two notes for one locker.",
    "Lockers are opened at the counter beside the loading bay. The counter is staffed from six in the morning until "
    "ten at night, and on public holidays from nine until five.",
    "A locker that was not opened for thirty days is emptied. What was in it is kept at the counter for another "
    "thirty days, with the number of the locker on it.",
)


class Note(msgspec.Struct, frozen=True):
    """A document, and the question that only it answers."""

    name: str
    content: bytes
    question: str


def write_note(source: random.Random, mark: str) -> Note:
    """Return a note about a locker of its own; `mark` tells this run's visitors apart."""
    locker = f"L-{source.randrange(10_000, 100_000)}-{mark}"
    phrase = f"{source.choice(COLOURS)} {source.choice(BIRDS)} {source.randrange(100, 1000)}"
    first, *others = PARAGRAPHS
    fact = f"The pass phrase of locker {locker} is {phrase}. It was set when locker {locker} was handed over."
    text = "\n\n".join([f"# Note about locker {locker}", first, fact, *others])
    return Note(f"locker-{locker.lower()}.md", f"{text}\n".encode(), f"What is the pass phrase of locker {locker}?")
