"""Where models read poorly, passages answer in their own words: which tiers those are, and what is said to what."""

import msgspec

from app.agents.quoting import NOT_SAID
from app.agents.support_policy import AnsweredBy, SupportPolicy, tiers_up_to
from app.agents.values import RunOptions
from app.inference.fleet.catalogue import parse_catalogue
from app.inference.words.tiers import Tier
from app.retrieval.support.verdicts import Supported
from tests.fakes.runs import CLAIM
from tests.fakes.work import attempt
from tests.unit.agents.test_supported_only import PASSAGE, SMALL, TANKS, Model, reply_of


async def test_who_asks_for_marked_sentences_gets_the_words_of_a_small_model_too() -> None:
    said = "It holds 5 litres."
    options = RunOptions(support_policy=SupportPolicy.MARKED)
    reply, _ = await reply_of(Model(said), SMALL, options=options)
    assert (reply.text, reply.answered_by, reply.withheld) == (said, AnsweredBy.MODEL, 0)


async def test_each_question_of_a_message_is_quoted_for_and_what_no_passage_says_is_named() -> None:
    asked = "How many litres does the dirty-water tank hold, and who founded the maker?"
    model = Model("It holds 5 litres.")
    reply, _ = await reply_of(model, SMALL, question=asked)
    assert (model.calls, reply.answered_by) == (0, AnsweredBy.EXTRACT)
    assert reply.text == f"{TANKS}\n\n{NOT_SAID.format(question='who founded the maker')}"
    assert [(one.start, one.end, one.supported) for one in reply.support] == [(0, len(TANKS), Supported.YES)]
    assert [one.quote for one in reply.citations] == [TANKS]


async def test_a_question_that_leans_on_one_before_is_quoted_for_with_what_that_was_about() -> None:
    costs = "A new battery pack costs 3,000 euros. A new brush costs 80 euros."
    prices = msgspec.structs.replace(PASSAGE, text=costs, heading="Prices", end_offset=100 + len(costs))
    made = attempt(
        Model(near={"battery": 0.6, "brush": 0.5}),
        claim=msgspec.structs.replace(CLAIM, question="And what does a new one cost?"),
        limits=SMALL,
    )
    reply = await made.work().answer("guide", "p", passages=(prices,), before="How heavy is the battery pack?")
    assert reply.text == "A new battery pack costs 3,000 euros."


MODELS = """
[[models]]
name = "s:135m"
tiers = ["simple", "medium"]
reads_poorly = true
[[models]]
name = "m:8b"
tiers = ["medium", "complex"]
[[nodes]]
name = "a"
url = "http://127.0.0.1:1"
slots = 1
gpus = 1
price_usd_per_hour = 1.0
models = ["s:135m", "m:8b"]
"""


def test_by_default_the_tiers_whose_models_all_read_poorly_are_those_of_nodes_toml() -> None:
    poor = parse_catalogue(MODELS).reading_poorly()
    assert tiers_up_to("auto", poor) == {Tier.SIMPLE}
    assert tiers_up_to("none", poor) == frozenset()
    assert tiers_up_to("medium", poor) == {Tier.SIMPLE, Tier.MEDIUM}
    assert parse_catalogue(MODELS.replace("reads_poorly = true", "")).reading_poorly() == frozenset()
