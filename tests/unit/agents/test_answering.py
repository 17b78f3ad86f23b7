"""What an answer of a run is made of: the opening, the model's words, what an earlier attempt has shown."""

from collections.abc import Callable
from typing import cast

import msgspec
import pytest

from app.agents.answering import MIN_TOKENS_LEFT
from app.agents.event_log import Told
from app.agents.prompts import FrontMatter, Prompt
from app.agents.values import Claim, RunOptions
from app.errors import AnswerEmpty
from app.inference.words.ends import FinishReason
from app.inference.words.records import Answer, ChatCall, Usage
from app.inference.words.thinking import Think
from tests.fakes.runner import ROUTE
from tests.fakes.runs import CLAIM
from tests.fakes.work import NOTHING, PLAIN, Attempt, attempt


class Scripted:
    """A dispatcher whose model says the given pieces; None drops what was said."""

    def __init__(self, *pieces: str | None) -> None:
        self._pieces = pieces
        self.prefix: str | None = None
        self.think: Think | None = None
        self.thinks = "One, or two?"
        self.max_tokens = self.prefix_tokens = 0

    async def chat(
        self, call: ChatCall, *, on_delta: Callable[[str], None], on_restart: Callable[[], None], **_: object
    ) -> Answer:
        """Say the pieces."""
        self.prefix, self.think = call.prefix, call.think
        self.max_tokens, self.prefix_tokens = call.max_tokens, call.prefix_tokens
        for piece in self._pieces:
            if piece is None:
                on_restart()
            else:
                on_delta(piece)
        usage = cast("Usage", None)
        return Answer(
            text="",
            thinking=self.thinks,
            usage=usage,
            route=ROUTE,
            continued=False,
            finish_reason=FinishReason.STOP,
        )


OPENING = "I cannot reach it."
OPENED = Prompt(FrontMatter("p", 1, opening=OPENING), "Be brief.")


def attempt_of(dispatcher: Scripted, *, told: Told = NOTHING, claim: Claim = CLAIM) -> Attempt:
    """An attempt where an earlier one had told that."""
    return attempt(dispatcher, claim=claim, told=told)


async def said(dispatcher: Scripted, shown: str, prompt: Prompt = OPENED) -> str:
    """The whole answer where an earlier attempt had shown `shown`."""
    work = attempt_of(dispatcher, told=Told(shown)).work({"p": prompt})
    return (await work.answer("assistant", "p")).text


async def test_what_a_prompt_opens_with_stands_once_before_the_models_words() -> None:
    assert await said(Scripted("One", " two."), "") == "I cannot reach it.\n\nOne two."


async def test_an_opening_is_said_again_when_the_answer_begins_anew() -> None:
    assert await said(Scripted("One", None, "Two", "."), "") == "I cannot reach it.\n\nTwo."


async def test_an_opening_that_was_shown_is_no_word_for_the_model_to_go_on_from() -> None:
    dispatcher = Scripted(" two.")
    assert await said(dispatcher, "I cannot reach it.\n\nOne") == "I cannot reach it.\n\nOne two."
    assert dispatcher.prefix == "One"


async def test_a_prompt_without_an_opening_leaves_the_models_words_as_they_are() -> None:
    assert await said(Scripted("One", " two."), "", PLAIN) == "One two."


@pytest.mark.parametrize(("think", "kept"), [(None, ""), (False, ""), (True, "One, or two?")])
async def test_a_model_is_told_to_think_and_thinking_is_kept_only_if_it_was_asked_for(
    *, think: bool | None, kept: str
) -> None:
    claim, dispatcher = msgspec.structs.replace(CLAIM, options=RunOptions(think=think)), Scripted("One.")
    reply = await attempt_of(dispatcher, claim=claim).work({"p": OPENED}).answer("assistant", "p")
    assert (reply.text, reply.thinking) == ("I cannot reach it.\n\nOne.", kept)
    assert dispatcher.think is think


async def test_an_answer_without_text_is_none() -> None:
    with pytest.raises(AnswerEmpty) as failed:
        await said(Scripted(), "")
    assert failed.value.facts == {"node": "a"}


@pytest.mark.parametrize(
    ("pieces", "thinks", "thought"),
    [
        # Who goes on with a text does not think again.
        ((" two.",), "", "One, or two?"),
        # What begins anew has a thought of its own, or none.
        ((None, "Three."), "Three, then.", "Three, then."),
        ((None, "Three."), "", ""),
    ],
)
async def test_a_takeover_keeps_the_thought_before_the_text_that_it_goes_on_with(
    pieces: tuple[str | None, ...], thinks: str, thought: str
) -> None:
    claim, dispatcher = msgspec.structs.replace(CLAIM, options=RunOptions(think=True)), Scripted(*pieces)
    dispatcher.thinks = thinks
    again = attempt_of(dispatcher, told=Told("One", 1000, "One, or two?"), claim=claim)
    assert (await again.work().answer("assistant", "p")).thinking == thought


@pytest.mark.parametrize(
    ("shown", "used"), [("One, two, three,", 4 + 20), ("", 0), ("One" * 400, 64 - MIN_TOKENS_LEFT)]
)
async def test_tokens_that_were_thought_before_what_is_shown_count_against_the_limit(shown: str, used: int) -> None:
    dispatcher = Scripted(" four.")
    again = attempt_of(dispatcher, told=Told(shown))
    again.tally.thought_tokens = 20
    await again.work().answer("assistant", "p")
    assert (dispatcher.max_tokens, dispatcher.prefix_tokens) == (64, used)
