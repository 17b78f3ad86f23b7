"""What a run asks a person, and the answer, as JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from app.agents.resuming import PersonAnswer
from app.agents.values import Interrupt, RequestKind
from app.errors import BadInput
from app.text import is_storable

AnswerText = Annotated[str, Meta(min_length=1, max_length=32_768)]
InterruptId = Annotated[str, Meta(min_length=1, max_length=512)]


class InterruptView(msgspec.Struct, frozen=True, kw_only=True):
    """What a run asks a person."""

    interrupt_id: Annotated[str, Meta(description="Say it with the answer; it may be left out where one is open.")]
    kind: RequestKind
    agent: str
    text: str
    options: Annotated[tuple[str, ...], Meta(description="The answers that it takes; any text where there are none.")]
    asked_at: datetime


class ResumeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person's answer to what a run asks."""

    answer: Annotated[AnswerText, Meta(description="One of the options where there are any.")]
    interrupt_id: Annotated[
        InterruptId | None, Meta(description="Which request it answers; may be absent where one is open.")
    ] = None


def to_interrupts(interrupts: Sequence[Interrupt]) -> tuple[InterruptView, ...]:
    """Return what a run asks as its owner sees it."""
    return tuple(
        InterruptView(
            interrupt_id=one.id,
            kind=one.request.kind,
            agent=one.request.agent,
            text=one.request.text,
            options=one.request.options,
            asked_at=one.asked_at,
        )
        for one in interrupts
    )


def to_answer(asked: ResumeRequest) -> PersonAnswer:
    """Return a person's answer. Raises BadInput for text that no store can hold."""
    if not asked.answer.strip():
        raise BadInput("the answer is only white space", field="answer")
    check_storable(asked.answer, "answer")
    check_storable(asked.interrupt_id or "", "interrupt_id")
    return PersonAnswer(asked.answer, asked.interrupt_id)


def check_storable(text: str, field: str) -> None:
    """Raise BadInput for text that no store can hold."""
    if not is_storable(text):
        raise BadInput("a string holds NUL or half of a surrogate pair", field=field)
