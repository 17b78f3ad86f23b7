"""Asks the real models questions with known answers, and counts what they got right and what it cost."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from app.inference.words.tiers import Tier
from ops.drill.client import Reader, ask
from ops.drill.target import Target
from ops.local.models.catalogue import Size
from ops.verify.evidence import Outcome, Page, Verdict, share, table, write
from ops.verify.questions import (
    LIBRARY_QUESTIONS,
    Half,
    Question,
    cites,
    has_facts,
    is_refusal,
    is_verbatim,
    paraphrased,
    read_questions,
)
from ops.verify.stack import handbook, library, open_stack, upload, upload_handbook
from ops.verify.support import support_section, text_of

MAX_TOKENS = 256
SEED = 1
NOBODY = "no model"
SETTINGS = {"SWITCHYARD_EXTRACTIVE_UP_TO": "medium"}
"""As the how-to on supported answers advises for the packaged models."""

INTRODUCTION = f"""\
Questions about the sample handbook, each asked in a session of its own, one after another, at temperature 0 with at
most {MAX_TOKENS} tokens, to the local stack with all its models. They and what counts as right stand in
[samples/questions.toml](../../samples/questions.toml). The chat models are the smallest of their kind, which run on a
processor: what they get wrong is theirs, and larger models on GPUs are what the platform is for. What the platform
itself promises is in the columns on documents and quotes. A repeated run can differ in a few answers, also
at temperature 0."""

GOALS = """\
Goals: the fact in 85 % of the answers, 80 % of the unanswerable admitted, in both halves. The questions and their
documents ([samples/library.toml](../../samples/library.toml)) were written before answering was worked on; those of the
half *kept* have documents of their own and were only counted."""

NOTES = """\
*Fact*: the answer holds a wording of every fact that was asked for, found by a list of wordings, so a fact may stand in
a sentence that is wrong. *Document*: the citations name the right document. *Quotes*: those that stand verbatim at the
place that their citation names; anything but all of them fails this part. *Said it does not know*: by a list of
phrases. Tokens, GPU-seconds and cost are those of the stored calls (embedding included) at the node's configured price;
without GPUs a GPU-second is a second of a node's share of the processor."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and what came back; `error` instead of an answer."""

    question: Question
    tier: str
    reason: str
    model: str
    answer: str
    citations: tuple[dict[str, Any], ...]
    input_tokens: int
    output_tokens: int
    gpu_seconds: float
    cost_usd: float
    error: str = ""
    answered_by: str = "model"
    withheld: int = 0

    @property
    def has_fact(self) -> bool:
        """Whether the answer holds what was asked for."""
        return self.question.is_answerable and has_facts(self.answer, self.question.facts)

    @property
    def has_document(self) -> bool:
        """Whether the right documents are cited."""
        return self.question.is_answerable and cites(self.citations, self.question.documents)

    def verbatim(self, texts: Mapping[str, str]) -> int:
        """Return how many quotes stand in their documents."""
        return sum(is_verbatim(citation, texts) for citation in self.citations)


def ask_one(
    url: str, key: str, question: Question, *, digest: str | None = None, max_tokens: int = MAX_TOKENS
) -> Asked:
    """Ask one question over the stream, as a user does; `digest` pins the model that answers."""
    reader = Reader()
    body = {"message": question.ask, "temperature": 0, "max_tokens": max_tokens, "seed": SEED}
    if digest is not None:
        body |= {"contract": {"digest": digest}}
    try:
        ask(url, key, body, reader)
    except httpx.HTTPError as error:
        return Asked(question, "", "", "", "", (), 0, 0, 0.0, 0.0, repr(error))
    if reader.end != "done":
        problem = str(reader.final.get("code", "the stream broke"))
        return Asked(question, "", "", "", reader.text, (), 0, 0, 0.0, 0.0, problem)
    took = reader.final["metadata"]
    chats = [route for route in took["routes"] if route["kind"] == "chat" and route["outcome"] == "done"]
    answering = chats[-1] if chats else {"tier": question.tier.value, "reason": "", "model": NOBODY}
    return Asked(
        question=question,
        tier=answering["tier"],
        reason=answering["reason"],
        model=answering["model"],
        answered_by=reader.final["answered_by"],
        withheld=reader.final["withheld"],
        answer=reader.final["message"],
        citations=tuple(reader.final["citations"]),
        input_tokens=took["input_tokens"],
        output_tokens=took["output_tokens"],
        gpu_seconds=took["gpu_seconds"],
        cost_usd=took["cost_usd"],
    )


def ask_all(target: Target, questions: Sequence[Question], say: Callable[[str], None]) -> list[Asked]:
    """Ask all questions, one at a time."""
    found = list[Asked]()
    for question in questions:
        asked = ask_one(target.url, target.key, question)
        found.append(asked)
        what = asked.error or _word(asked)
        say(f"{len(found)} of {len(questions)}: {question.id}: {asked.model} {what}, {asked.gpu_seconds:.1f} GPU-s")
    return found


def verify(environ: Mapping[str, str], directory: Path, say: Callable[[str], None]) -> Outcome:
    """Ask all questions on a stack with all models and write answers.md. Raises StackFailed."""
    further = read_questions(LIBRARY_QUESTIONS)
    texts = handbook() | {path.name: text_of(path) for path in library()}
    with open_stack(environ, Size.ALL, SETTINGS) as target:
        upload_handbook(target)
        upload(target.url, target.key, library())
        found = ask_all(target, read_questions() + further + paraphrased(further), say)
    page = Page(
        "Questions to the real models",
        INTRODUCTION,
        "python -m ops.verify --only answers",
        tuple(sections(found, texts)),
    )
    write(directory, "answers", page, seed=SEED)
    return _outcome(found, texts)


def _outcome(found: Sequence[Asked], texts: Mapping[str, str]) -> Outcome:
    quotes = sum(len(asked.citations) for asked in found)
    wrong = quotes - sum(asked.verbatim(texts) for asked in found)
    errors = sum(bool(asked.error) for asked in found)
    facts = sum(asked.has_fact for asked in found)
    verdict = Verdict.HELD if found and wrong == 0 and errors == 0 else Verdict.FAILED
    return Outcome(verdict, f"{facts} answers with the fact, {wrong} of {quotes} quotes not verbatim, {errors} errors")


def sections(found: Sequence[Asked], texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the page's sections."""
    halves = [_half_row(name, group) for name, group in _halves(found)]
    groups = sorted({(asked.tier, asked.model) for asked in found}, key=_by_tier)
    named = [
        (tier, model, [asked for asked in found if (asked.tier, asked.model) == (tier, model)])
        for tier, model in groups
    ]
    right = [_right_row(tier, model, group, texts) for tier, model, group in named]
    right.append(_right_row("all", "", found, texts))
    costs = [_cost_row(tier, model, group) for tier, model, group in named]
    costs.append(_cost_row("all", "", found))
    heads = ("tier", "model", "fact", "document", "quotes verbatim", "unanswerable: said it does not know",
             "answerable: said it does not know")  # fmt: skip
    cost_heads = ("tier", "model", "questions", "input tokens", "output tokens", "GPU-seconds", "each", "cost USD")
    misses = [
        (asked.question.id, asked.tier, _word(asked), asked.error or asked.answer)
        for asked in found
        if asked.error or not is_right(asked)
    ]
    moved = [f"{asked.question.id} (`{asked.reason}`)" for asked in found if asked.tier != asked.question.tier]
    tiers = f"The tier is the one that answered; answered by another than the rated one: {', '.join(moved) or 'none'}."
    half_heads = ("questions", "fact", "by extract", "by a model", "unanswerable: admitted", "wrongly admitted")
    by = [_by_row(name, group) for name, group in _answerers(found)]
    by_heads = ("answered by", "questions", "fact", "unanswerable: admitted", "sentences withheld")
    return [
        ("Goals", f"{table(half_heads, halves)}\n\n{GOALS}"),
        ("By who answered", table(by_heads, by)),
        ("The check of support", support_section()),
        ("Right and wrong", f"{table(heads, right)}\n\n{tiers}\n\n{NOTES}"),
        ("What it took", table(cost_heads, costs)),
        ("What went wrong", table(("question", "tier", "verdict", "the answer's beginning"), misses)),
    ]


def _halves(found: Sequence[Asked]) -> Iterator[tuple[str, list[Asked]]]:
    first = {question.id for question in read_questions()}
    for half in Half:
        new = [asked for asked in found if asked.question.half is half and asked.question.id not in first]
        yield f"{half.value}, new", [asked for asked in new if "/" not in asked.question.id]
        yield f"{half.value}, in other words", [asked for asked in new if "/" in asked.question.id]
    yield "the first 28", [asked for asked in found if asked.question.id in first]
    yield "all", list(found)


def _half_row(name: str, group: Sequence[Asked]) -> tuple[object, ...]:
    answerable = [asked for asked in group if asked.question.is_answerable]
    others = [asked for asked in group if not asked.question.is_answerable]
    right = [asked for asked in answerable if asked.has_fact]
    by = [sum(asked.answered_by == who for asked in right) for who in ("extract", "model")]
    admitted = share(sum(is_refusal(asked.answer) for asked in others), len(others))
    return (name, share(len(right), len(answerable)), *by, admitted, sum(is_refusal(one.answer) for one in answerable))


def _answerers(found: Sequence[Asked]) -> Iterator[tuple[str, list[Asked]]]:
    for who in sorted({(asked.answered_by, asked.model) for asked in found}):
        yield " by ".join(who), [asked for asked in found if (asked.answered_by, asked.model) == who]


def _by_row(name: str, group: Sequence[Asked]) -> tuple[object, ...]:
    answerable = [asked for asked in group if asked.question.is_answerable]
    others = [asked for asked in group if not asked.question.is_answerable]
    return (
        name,
        len(group),
        share(sum(asked.has_fact for asked in answerable), len(answerable)),
        share(sum(is_refusal(asked.answer) for asked in others), len(others)),
        sum(asked.withheld for asked in group),
    )


def _by_tier(group: tuple[str, str]) -> tuple[int, str]:
    tiers = [tier.value for tier in Tier]
    return (tiers.index(group[0]) if group[0] in tiers else len(tiers), group[1])


def _right_row(tier: str, model: str, group: Sequence[Asked], texts: Mapping[str, str]) -> tuple[object, ...]:
    answerable = [asked for asked in group if asked.question.is_answerable]
    others = [asked for asked in group if not asked.question.is_answerable]
    quotes = sum(len(asked.citations) for asked in group)
    return (
        tier,
        model,
        share(sum(asked.has_fact for asked in answerable), len(answerable)),
        share(sum(asked.has_document for asked in answerable), len(answerable)),
        share(sum(asked.verbatim(texts) for asked in group), quotes),
        share(sum(is_refusal(asked.answer) for asked in others), len(others)),
        share(sum(is_refusal(asked.answer) for asked in answerable), len(answerable)),
    )


def _cost_row(tier: str, model: str, group: Sequence[Asked]) -> tuple[object, ...]:
    gpu_seconds = sum(asked.gpu_seconds for asked in group)
    return (
        tier,
        model,
        len(group),
        sum(asked.input_tokens for asked in group),
        sum(asked.output_tokens for asked in group),
        f"{gpu_seconds:.1f}",
        f"{gpu_seconds / max(1, len(group)):.1f}",
        f"{sum(asked.cost_usd for asked in group):.6f}",
    )


def is_right(asked: Asked) -> bool:
    """Whether the answer is as good as one can be."""
    if not asked.question.is_answerable:
        return is_refusal(asked.answer)
    return asked.has_fact and asked.has_document


def _word(asked: Asked) -> str:
    if not asked.question.is_answerable:
        return "said it does not know" if is_refusal(asked.answer) else "made an answer up"
    if asked.has_fact:
        return "fact and document" if asked.has_document else "fact, other document"
    return "no fact" if asked.has_document else "no fact, other document"
