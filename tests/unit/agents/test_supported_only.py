"""Under `supported_only` a sentence reaches readers once it is checked, and what nothing supports never does."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import cast
from uuid import uuid4

import msgspec
import pytest

from app.agents.calling import CallLimits
from app.agents.event_log import Told, replay
from app.agents.reply import Reply
from app.agents.support_policy import ADMITTED, AnsweredBy, SupportPolicy, tiers_up_to
from app.agents.values import RunOptions
from app.errors import NoNodeAvailable
from app.ids import ChunkId, DocumentId
from app.inference.routing.complexity import Rating
from app.inference.words.ends import FinishReason
from app.inference.words.records import Answer, CallKind, ChatCall, Embedding, Outcome, Usage
from app.inference.words.tiers import Tier, TierReason
from app.retrieval.fusion import shipped
from app.retrieval.passages import Passage
from app.retrieval.support.verdicts import Supported
from tests.fakes.held import OF_A_TENANT
from tests.fakes.models import usage
from tests.fakes.runner import ROUTE
from tests.fakes.runs import CLAIM
from tests.fakes.work import LIMITS, NOTHING, Attempt, attempt

TANKS = "The clean-water tank holds 68 litres and the dirty-water tank holds 72 litres."
PASSAGE = Passage(ChunkId(uuid4()), DocumentId(uuid4()), "robot.md", "Tanks", TANKS, 100, 100 + len(TANKS), 0.5)
TOOK = usage(OF_A_TENANT, CallKind.EMBED, "retrieval", Outcome.DONE)
ASKED = "How many litres does the dirty-water tank hold?"
ONLY = msgspec.structs.replace(LIMITS, support_policy=SupportPolicy.SUPPORTED_ONLY)
SMALL = msgspec.structs.replace(LIMITS, extractive_tiers=tiers_up_to("medium"))


class Model:
    """A dispatcher whose model says the given pieces; None drops what was said. It keeps what readers had by then.

    It embeds as far as `near` says: words of texts, and how near those are to what is asked. Without it nothing does.
    """

    def __init__(
        self, *pieces: str | None, near: Mapping[str, float] | None = None, digest: str = shipped().digest
    ) -> None:
        self._pieces, self._near, self._digest = pieces, near, digest
        self.calls = 0
        self.embedded: list[Sequence[str]] = []
        self.seen: list[str] = []
        self.look: Callable[[], str] = str

    def rate(self, *_: object) -> Rating:
        """Rate every question alike."""
        return Rating(Tier.SIMPLE, 0.0, TierReason.RATED)

    async def embed(self, texts: Sequence[str], **_: object) -> Embedding:
        """Give the question (1, 0), and each text a vector that is as near to that as is said."""
        self.embedded.append(texts)
        if self._near is None:
            raise NoNodeAvailable("no node embeds")
        nearness = [max((near for words, near in self._near.items() if words in text), default=0.0) for text in texts]
        vectors = ((1.0, 0.0), *((near, math.sqrt(1 - near**2)) for near in nearness[1:]))
        return Embedding(vectors=vectors, digest=self._digest, usage=TOOK)

    async def chat(
        self, _call: ChatCall, *, on_delta: Callable[[str], None], on_restart: Callable[[], None], **_: object
    ) -> Answer:
        """Say the pieces."""
        self.calls += 1
        for piece in self._pieces:
            if piece is None:
                on_restart()
            else:
                on_delta(piece)
            self.seen.append(self.look())
        usage = cast("Usage", None)
        return Answer(text="", usage=usage, route=ROUTE, continued=False, finish_reason=FinishReason.STOP)


async def reply_of(
    model: Model, limits: CallLimits = ONLY, *, question: str = ASKED, options: RunOptions | None = None
) -> tuple[Reply, Attempt]:
    """Return what is answered, and the attempt."""
    claim = msgspec.structs.replace(CLAIM, question=question, options=options or CLAIM.options)
    made = attempt(model, claim=claim, limits=limits, told=NOTHING)
    model.look = lambda: made.live.text
    reply = await made.work().answer("guide", "p", passages=(PASSAGE,))
    await made.live.flush()
    assert replay(made.log.entries).text == reply.text
    return reply, made


async def test_a_sentence_is_shown_once_it_is_whole_and_checked() -> None:
    model = Model("The dirty-water tank holds ", "72 litres", ". The clean", "-water tank holds 68 litres.")
    reply, _ = await reply_of(model)
    first = "The dirty-water tank holds 72 litres."
    assert model.seen == ["", "", first, first]
    assert reply.text == f"{first} The clean-water tank holds 68 litres."
    assert (reply.withheld, reply.answered_by) == (0, AnsweredBy.MODEL)


async def test_what_nothing_supports_is_withheld_counted_and_not_stored() -> None:
    reply, _ = await reply_of(
        Model("The dirty-water tank holds 72 litres. It sings of love to ", "bees. It holds 90 kg.")
    )
    assert reply.text == "The dirty-water tank holds 72 litres."
    assert reply.withheld == 2
    assert [one.supported for one in reply.support] == [Supported.YES]


async def test_where_nothing_is_left_a_passage_answers_in_its_own_words() -> None:
    reply, _ = await reply_of(Model("The dirty-water tank holds 90 litres."))
    assert (reply.text, reply.answered_by, reply.withheld) == (TANKS, AnsweredBy.EXTRACT, 1)
    assert [one.document_id for one in reply.citations] == [PASSAGE.document_id]


async def test_where_no_passage_answers_either_that_is_admitted() -> None:
    reply, _ = await reply_of(Model("It was founded by Ada Byron in Leeds."), question="Who founded the maker?")
    assert (reply.text, reply.answered_by, reply.citations) == (ADMITTED, AnsweredBy.ADMISSION, ())


async def test_an_answer_that_is_said_anew_is_checked_anew() -> None:
    reply, _ = await reply_of(
        Model("The dirty-water tank holds 72 litres. So", None, "The dirty-water tank holds 72 litres.")
    )
    assert (reply.text, reply.withheld) == ("The dirty-water tank holds 72 litres.", 0)


@pytest.mark.parametrize(
    ("limits", "options", "withheld"),
    [
        (LIMITS, RunOptions(), 0),
        (LIMITS, RunOptions(support_policy=SupportPolicy.SUPPORTED_ONLY), 1),
        (ONLY, RunOptions(), 1),
        (ONLY, RunOptions(support_policy=SupportPolicy.MARKED), 0),
    ],
)
async def test_the_request_says_the_policy_else_the_setting(
    limits: CallLimits, options: RunOptions, withheld: int
) -> None:
    model = Model("The dirty-water tank holds 72 litres. Bees sing of love.")
    reply, _ = await reply_of(model, limits, options=options)
    assert reply.withheld == withheld
    assert ("Bees" in reply.text) is (withheld == 0)


async def test_in_a_tier_of_small_models_a_plain_fact_is_quoted_and_no_model_is_called() -> None:
    model = Model("It holds 5 litres.")
    reply, made = await reply_of(model, SMALL)
    assert model.calls == 0
    assert (reply.text, reply.answered_by, reply.finish_reason) == (TANKS, AnsweredBy.EXTRACT, None)
    (cited,) = reply.citations
    assert (cited.quote, cited.start_offset, cited.supported) == (TANKS, 100, Supported.YES)
    assert made.live.is_under_way.is_set()


async def test_in_a_tier_of_small_models_what_no_passage_says_is_admitted_whatever_the_model_says() -> None:
    reply, _ = await reply_of(Model("The dirty-water tank weighs 72 kg."), SMALL, question="What does the tank weigh?")
    assert (reply.text, reply.answered_by) == (ADMITTED, AnsweredBy.ADMISSION)


async def test_an_extract_replaces_what_an_earlier_attempt_had_begun_to_say() -> None:
    claim = msgspec.structs.replace(CLAIM, question=ASKED)
    made = attempt(Model(), claim=claim, limits=SMALL, told=Told("It holds 5", 1000, ""))
    reply = await made.work().answer("guide", "p", passages=(PASSAGE,))
    assert made.live.text == reply.text == TANKS


SLOPES = "Ramps of up to 8 percent are climbed. It moves on after 20 seconds."
SLOPE = msgspec.structs.replace(PASSAGE, text=SLOPES, heading="Ramps", start_offset=0, end_offset=len(SLOPES))
OTHER_WORDS = "What is the steepest ramp, in percent?"


async def extracted(
    model: Model, *, passages: Sequence[Passage], further: Sequence[Passage] = ()
) -> tuple[Reply, Attempt]:
    made = attempt(model, claim=msgspec.structs.replace(CLAIM, question=OTHER_WORDS), limits=SMALL, told=NOTHING)
    return await made.work().answer("guide", "p", passages=passages, further=further), made


async def test_a_question_in_other_words_is_answered_by_what_is_near_it_in_one_call_that_embeds() -> None:
    model = Model("I like hills.", near={"8 percent": 0.9})
    reply, made = await extracted(model, passages=(SLOPE,))
    assert (reply.text, reply.answered_by) == ("Ramps of up to 8 percent are climbed.", AnsweredBy.EXTRACT)
    assert model.embedded == [[OTHER_WORDS, "Ramps: Ramps of up to 8 percent are climbed."]]
    (compared,) = made.effects.finished
    assert (compared.step_key, compared.usages) == ("respond/compare:0", (TOOK,))


async def test_where_nothing_is_near_or_nobody_embeds_the_model_is_asked() -> None:
    for near in (None, {"8 percent": 0.2}):
        model = Model("I like hills.", near=near)
        reply, _ = await extracted(model, passages=(SLOPE,))
        assert (model.calls, reply.answered_by) == (1, AnsweredBy.ADMISSION)


async def test_cosines_of_another_embedder_than_the_bounds_were_set_with_tell_nothing() -> None:
    model = Model("I like hills.", near={"8 percent": 0.9}, digest="another")
    reply, _ = await extracted(model, passages=(SLOPE,))
    assert (len(model.embedded), model.calls, reply.answered_by) == (1, 1, AnsweredBy.ADMISSION)


async def test_a_comparison_is_made_once_in_a_run() -> None:
    first = Model(near={"8 percent": 0.9})
    _, made = await extracted(first, passages=(SLOPE,))
    again, claim = Model(near={}), msgspec.structs.replace(CLAIM, question=OTHER_WORDS)
    later = attempt(again, claim=claim, limits=SMALL, effects=made.effects.again())
    reply = await later.work().answer("guide", "p", passages=(SLOPE,))
    assert (reply.answered_by, again.embedded) == (AnsweredBy.EXTRACT, [])


async def test_passages_that_no_prompt_shows_answer_too() -> None:
    reply, _ = await extracted(Model(near={"8 percent": 0.9}), passages=(PASSAGE,), further=(SLOPE,))
    assert reply.answered_by is AnsweredBy.EXTRACT
    assert [one.heading for one in reply.citations] == ["Ramps"]


async def test_where_models_read_well_nothing_is_compared() -> None:
    model = Model("The dirty-water tank holds 72 litres.", near={"72": 0.9})
    reply, _ = await reply_of(model, LIMITS)
    assert (model.embedded, reply.answered_by) == ([], AnsweredBy.MODEL)


async def test_with_small_models_an_answer_does_not_begin_with_what_was_not_asked() -> None:
    said = "The clean-water tank holds 68 litres and the dirty-water tank holds 72 litres."
    reply, _ = await reply_of(Model(said), SMALL, question="How many litres does the kettle hold?")
    assert (reply.answered_by, reply.withheld) == (AnsweredBy.ADMISSION, 1)


async def entry_of(model: Model, *, entries: bool, question: str = "What about the tanks?") -> Reply:
    """Return what is answered from an entry of a FAQ, by a team that withholds what nothing supports."""
    made = attempt(model, claim=msgspec.structs.replace(CLAIM, question=question), limits=LIMITS, told=NOTHING)
    policy = SupportPolicy.SUPPORTED_ONLY
    return await made.work().answer("guide", "p", passages=(PASSAGE,), entries=entries, support_policy=policy)


async def test_an_entry_that_plainly_answers_does_so_without_a_model_whatever_the_settings() -> None:
    model = Model("It sings.", near={"Tanks": 0.8})
    reply = await entry_of(model, entries=True)
    assert (reply.text, reply.answered_by, model.calls) == (TANKS, AnsweredBy.EXTRACT, 0)
    assert [(one.document_id, one.quote) for one in reply.citations] == [(PASSAGE.document_id, TANKS)]
    assert [one.supported for one in reply.support] == [Supported.YES]


async def test_passages_that_are_no_entries_do_not_answer_before_the_model() -> None:
    model = Model("The dirty-water tank holds 72 litres.", near={"Tanks": 0.8})
    reply = await entry_of(model, entries=False)
    assert (reply.answered_by, model.calls, model.embedded) == (AnsweredBy.MODEL, 1, [])


async def test_a_team_may_withhold_what_nothing_supports() -> None:
    reply = await entry_of(Model("The dirty-water tank holds 72 litres. It sings to bees."), entries=True)
    assert (reply.text, reply.withheld) == ("The dirty-water tank holds 72 litres.", 1)


async def test_a_caller_who_wants_all_of_it_is_not_kept_from_it_by_the_team() -> None:
    options = msgspec.structs.replace(CLAIM.options, support_policy=SupportPolicy.MARKED)
    claim = msgspec.structs.replace(CLAIM, question="What about the tanks?", options=options)
    made = attempt(Model("It sings to bees."), claim=claim, limits=LIMITS, told=NOTHING)
    policy = SupportPolicy.SUPPORTED_ONLY
    reply = await made.work().answer("guide", "p", passages=(PASSAGE,), support_policy=policy)
    assert reply.text == "It sings to bees."
