"""Answers in the passages' own words: one for each question that a message asks."""

from collections.abc import Sequence

import msgspec

from app.agents.leaning import points_back
from app.agents.questions import clauses, questions_of
from app.retrieval.support.extracting import Extract

NOT_SAID = 'As to "{question}": I do not know, the documents that were found do not say it.'


class Part(msgspec.Struct, frozen=True):
    """A question of a message, and what stands before the questions: what they are about."""

    question: str
    about: str = ""


class Quoted(msgspec.Struct, frozen=True):
    """An answer of extracts, each with where it begins in `text`; what no passage answers is said there too."""

    text: str
    extracts: tuple[tuple[int, Extract], ...]


def parts_of(message: str) -> tuple[Part, ...]:
    """Return what a message asks: its questions, the message itself where it asks one."""
    questions = questions_of(message)
    if not questions:
        return (Part(message),)
    told = [one for one in clauses(message) if one not in questions]
    before = ("", *questions)
    return tuple(
        Part(question, " ".join((*told, asked) if points_back(question) else told).strip())
        for asked, question in zip(before, questions, strict=False)
    )


def compose(parts: Sequence[Part], found: Sequence[Sequence[Extract]]) -> Quoted | None:
    """Return the answer of what was found for each part; None where nothing was found for any."""
    if not any(found):
        return None
    text, placed = "", list[tuple[int, Extract]]()
    for part, extracts in zip(parts, found, strict=True):
        text += "\n\n" if text and (not extracts or _fresh(extracts, placed)) else ""
        if not extracts:
            text += NOT_SAID.format(question=part.question.strip(" ?.!"))
        for number, extract in enumerate(_fresh(extracts, placed)):
            text += " " if number else ""
            placed.append((len(text), extract))
            text += extract.text
    return Quoted(text, tuple(placed))


def _fresh(extracts: Sequence[Extract], placed: Sequence[tuple[int, Extract]]) -> list[Extract]:
    """Return what was not said yet, once: passages may hold the same sentence."""
    said, fresh = {one.text for _, one in placed}, list[Extract]()
    for one in extracts:
        if one.text not in said:
            said.add(one.text)
            fresh.append(one)
    return fresh
