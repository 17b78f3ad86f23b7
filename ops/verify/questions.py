"""Questions with known answers, and what counts as an answer."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from app.inference.words.tiers import Tier
from ops.local.process import REPOSITORY

QUESTIONS = REPOSITORY / "samples" / "questions.toml"
LIBRARY_QUESTIONS = REPOSITORY / "samples" / "library.toml"
PAIRS = REPOSITORY / "samples" / "support.toml"

REFUSALS = (
    "do not know",
    "don't know",
    "don’t know",  # noqa: RUF001 - models write it this way too
    "not mention",
    "not specif",
    "not provide",
    "not state",
    "not contain",
    "not include",
    "not hold",
    "not give",
    "not have",
    "not available",
    "no information",
    "no mention",
    "cannot find",
    "unable to",
)


class Half(StrEnum):
    """What a question may be used for."""

    DEVELOP = "develop"
    """To be looked at while answering is worked on."""
    KEPT = "kept"
    """Kept aside: only counted."""


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A question; `facts` are groups of wordings of which the answer needs one each. No documents: no answer."""

    id: str
    tier: Tier
    ask: str
    documents: tuple[str, ...]
    facts: tuple[tuple[str, ...], ...]
    half: Half = Half.DEVELOP
    paraphrases: tuple[str, ...] = ()
    """The same in other words; its tier may be another."""

    @property
    def is_answerable(self) -> bool:
        """Whether some document holds the answer."""
        return bool(self.documents)


def read_questions(path: Path = QUESTIONS) -> list[Question]:
    """Return the questions of a file. Raises OSError, msgspec.ValidationError, tomllib.TOMLDecodeError."""
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8"))["questions"], list[Question])


def paraphrased(questions: Iterable[Question]) -> list[Question]:
    """Return each paraphrase as a question of its own, named after the one that it says in other words."""
    return [
        msgspec.structs.replace(question, id=f"{question.id}/{n}", ask=words, paraphrases=())
        for question in questions
        for n, words in enumerate(question.paraphrases, start=1)
    ]


class Pair(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A passage, sentences that it supports, and five that it does not, each wrong in one way."""

    half: Half
    passage: str
    supported: tuple[str, ...]
    number: str
    name: str
    negated: str
    unit: str
    unrelated: str


def read_pairs(path: Path = PAIRS) -> list[Pair]:
    """Return the pairs of a file. Raises OSError, msgspec.ValidationError, tomllib.TOMLDecodeError."""
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8"))["pairs"], list[Pair])


def has_facts(text: str, facts: Sequence[Sequence[str]]) -> bool:
    """Say whether the text has a wording of every group, as words of their own: 15 is not found in 150 or in 1.15."""
    return all(any(_stands_in(wording, text) for wording in group) for group in facts)


def _stands_in(wording: str, text: str) -> bool:
    words = r"\s+".join(re.escape(word) for word in wording.split())
    return re.search(rf"(?<![\w])(?<!\d[.,]){words}(?!\w)(?![.,]\d)", text, re.IGNORECASE) is not None


def is_refusal(text: str) -> bool:
    """Say whether the text admits that it has no answer: by a list of phrases, so an estimate."""
    lowered = " ".join(text.lower().split())
    return any(phrase in lowered for phrase in REFUSALS)


def is_verbatim(citation: Mapping[str, Any], texts: Mapping[str, str]) -> bool:
    """Say whether a citation's quote stands in its document, between the offsets that it names."""
    text, quote = texts.get(str(citation["document"]), ""), str(citation["quote"])
    start, end = int(citation["start_offset"]), int(citation["end_offset"])
    return bool(quote) and quote in text[start:end]


def cites(citations: Sequence[Mapping[str, Any]], documents: Sequence[str]) -> bool:
    """Say whether every one of the documents is cited."""
    return set(documents) <= {str(citation["document"]) for citation in citations}
