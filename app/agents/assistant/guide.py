"""The guide that the assistant is shipped with: which section of it answers a question about the assistant."""

import re
from collections.abc import Sequence

import msgspec

_HEADING = re.compile(r"^## +(.+)$", re.MULTILINE)
_WORD = re.compile(r"[a-z]+")
_NOTHING_SAID = """
    a an and are as at be can could do does for from get have how i in is it me my of on or our that the this to was we
    what when where which who will with you your
"""
STEM = 5
"""Words that begin with the same letters are taken for one."""
HEADING_COUNTS = 3
"""What a section is called says so much more than a word in it."""


class Section(msgspec.Struct, frozen=True):
    """A part of the guide under a heading."""

    heading: str
    text: str


def sections_of(guide: str) -> tuple[Section, ...]:
    """Return the sections of a guide in their order. The first says what the assistant is."""
    found = list(_HEADING.finditer(guide))
    ends = [*(heading.start() for heading in found[1:]), len(guide)]
    return tuple(
        Section(heading.group(1).strip(), guide[heading.end() : end].strip())
        for heading, end in zip(found, ends, strict=True)
    )


def section_for(question: str, sections: Sequence[Section]) -> Section:
    """Return the section that shares most words with a question; the first, where none does."""
    asked = _stems(question)
    return max(
        sections, key=lambda one: len(asked & _stems(one.heading)) * HEADING_COUNTS + len(asked & _stems(one.text))
    )


def _stems(text: str) -> set[str]:
    return {word[:STEM] for word in _WORD.findall(text.lower()) if word not in _NOTHING_SAID.split()}
