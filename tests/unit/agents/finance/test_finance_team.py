"""The finance team: parts are planned, researched and computed; what is said keeps what was found."""

import msgspec
import pytest

from app.agents.finance.tools import Expression
from app.agents.support_policy import AnsweredBy
from app.agents.values import Turn
from app.retrieval.filters import DocumentFilter
from app.retrieval.support.verdicts import Supported
from tests.fakes.finance import CYCLES, FakeWork, replied

CASH = "Was there any drop in cash and cash equivalents of Best Buy between FY2023 and Q2 of FY2024?"
CASH_TOLD = (
    "Here is what the filings say: "
    "Cash and cash equivalents of BESTBUY in FY2023 (January 28, 2023): $ 1,874 million. "
    "Cash and cash equivalents of BESTBUY in Q2 FY2024 (July 29, 2023): $ 1,093 million. "
    "Cash and cash equivalents of BESTBUY declined by 41.68 % from FY2023 to Q2 FY2024 "
    "(1,093 \u2212 1,874 = \u2212781; \u2212781 \u00f7 1,874 = \u221241.68 %)."
)
MARGIN = "Does AMCOR have an improving gross margin profile as of FY2023?"


@pytest.mark.requirement("FIN-11.plans", "FIN-11.hands", "FIN-11.joins")
async def test_a_change_is_computed_from_the_rows_of_the_filing_and_told_with_its_steps() -> None:
    work = FakeWork(CASH, says="It went up to $9,999 million.")
    reply = await replied(work)
    assert reply.text == CASH_TOLD
    assert (reply.agent, reply.answered_by) == ("lead_agent", AnsweredBy.EXTRACT)
    assert ("researcher", "calculator", Expression("change(1874, 1093)")) in work.used
    assert work.acted == ["researcher"]


async def test_the_rows_are_cited_word_for_word_and_support_what_is_told() -> None:
    reply = await replied(FakeWork(CASH))
    assert [citation.quote for citation in reply.citations] == [
        "| Cash and cash equivalents | $ 1,093 | $ 1,874 | $ 840 |"
    ]
    assert {one.supported for one in reply.support} == {Supported.YES}
    assert reply.details["quality"] == {
        "groundedness": 1.0,
        "relevance": 1.0,
        "completeness": 1.0,
        "judged_by": "rule",
    }


async def test_words_of_a_model_are_kept_that_keep_the_facts() -> None:
    said = "Yes: cash declined by 41.68 %, from $ 1,874 million to $ 1,093 million."
    reply = await replied(FakeWork(CASH, says=said))
    assert (reply.text, reply.answered_by) == (said, AnsweredBy.MODEL)
    assert [one.supported for one in reply.support] == [Supported.YES]


@pytest.mark.parametrize(
    "said",
    [
        "Cash rose by 41.68 %, from $ 1,874 million to $ 1,093 million.",
        "Cash declined by 41.68 %.",
        "Cash declined by 41.68 %, from $ 1,874 to $ 1,093.",
        "Cash declined by 41.68 %, from $ 1,874 million to $ 1,093 million, or 781 of 2,000.",
    ],
)
async def test_other_words_of_a_model_are_not(said: str) -> None:
    assert (await replied(FakeWork(CASH, says=said))).text == CASH_TOLD


async def test_a_margin_is_computed_for_each_period_and_compared() -> None:
    reply = await replied(FakeWork(MARGIN))
    assert reply.text == (
        "Here is what the filings say: "
        "Gross margin of AMCOR in FY2022: 19.39 % (2,820 \u00f7 14,544 = 19.39 %). "
        "Gross margin of AMCOR in FY2023: 18.54 % (2,725 \u00f7 14,694 = 18.54 %). "
        "Gross margin of AMCOR declined by 0.84 percentage points from FY2022 to FY2023."
    )
    assert [one["expression"] for one in reply.details["calculations"]] == ["2820 / 14544", "2725 / 14694"]


@pytest.mark.requirement("FIN-12.company")
@pytest.mark.requirement("FIN-11.hands", "FIN-11.joins")
async def test_each_part_is_searched_in_its_own_filing() -> None:
    work = FakeWork("Compare the revenue of Amcor with that of Boeing in FY2022.")
    reply = await replied(work)
    assert "The highest revenue in FY2022 is that of BOEING." in reply.text
    assert "14,544 million" in reply.text
    assert "66,608 million" in reply.text
    assert {filters.name for _, filters, _ in work.searched} == {"AMCOR_2023_10K.pdf", "BOEING_2022_10K.pdf"}
    assert {(tool.name, tool.retries) for _, _, tool in work.searched} == {("sec_search", 2)}
    assert [one["name"] for one in reply.details["agents"]] == ["lead_agent", "researcher", "researcher", "judge"]


async def test_a_question_for_words_is_answered_from_passages_and_rated_by_a_model() -> None:
    work = FakeWork(
        "Is Boeing's business subject to cyclicality?", says="It is.", rates={"relevance": 4, "completeness": 3}
    )
    reply = await replied(work)
    assert reply.text == "It is."
    assert work.prompts[0][:2] == ("lead_agent", "finance/with_passages")
    assert "cyclicality" in work.prompts[0][2]["passages"]
    assert reply.details["quality"] == {
        "groundedness": None,
        "relevance": 1.0,
        "completeness": 0.75,
        "judged_by": "model",
    }
    assert work.acted == ["researcher", "judge"]


async def test_an_answer_that_nobody_could_rate_stands() -> None:
    reply = await replied(FakeWork("Is Boeing's business subject to cyclicality?", says="It is."))
    assert reply.text == "It is."
    assert reply.details["quality"]["judged_by"] == "nobody"
    assert reply.details["quality"]["relevance"] is None


async def test_where_a_figure_is_not_found_words_are_searched_for() -> None:
    work = FakeWork("What was the goodwill of Boeing in FY2022?", says="I do not know.")
    assert (await replied(work)).text == "I do not know."
    assert [question for question, _, _ in work.searched][-1] == work.question


async def test_a_tenant_whose_runs_may_not_compute_is_told_the_figures() -> None:
    work = FakeWork(CASH)
    work.denied = {"calculator"}
    reply = await replied(work)
    assert "$ 1,093 million" in reply.text
    assert "declined" not in reply.text


async def test_a_tenant_whose_runs_may_not_search_filings_is_told_so() -> None:
    work = FakeWork("Is Boeing's business subject to cyclicality?", says="It is.")
    work.denied = {"sec_search"}
    reply = await replied(work)
    assert reply.text.startswith("I may not look into your filings: the tool `sec_search` refuses")
    assert not [prompt for _, prompt, _ in work.prompts if prompt != "finance/judge"]


async def test_figures_are_told_without_a_search_where_the_rows_have_them() -> None:
    work = FakeWork(CASH)
    work.denied = {"sec_search"}
    assert "declined by 41.68 %" in (await replied(work)).text


async def test_without_filings_it_is_said_how_to_add_them() -> None:
    reply = await replied(FakeWork(CASH, documents=()))
    assert reply.text.startswith("None of your documents is a filing")


async def test_a_name_that_no_rule_knows_is_a_models_to_match() -> None:
    work = FakeWork("What was the revenue of Big Blue Planes in FY2022?", chooses=3)
    reply = await replied(work)
    assert "Revenue of BOEING in FY2022 (2022): 66,608 million." in reply.text
    assert reply.details["plan"]["by"] == "model"
    assert work.prompts[0][2]["companies"] == "1. AMCOR\n2. BESTBUY\n3. BOEING"


@pytest.mark.parametrize("chooses", [0, None])
async def test_a_name_that_a_model_does_not_match_leaves_all_filings(chooses: int | None) -> None:
    work = FakeWork("What was the revenue of Big Blue Planes in FY2022?", chooses=chooses, says="I do not know.")
    reply = await replied(work)
    assert reply.details["plan"]["by"] == "default"
    assert work.searched[0][1] == DocumentFilter()


async def test_the_next_question_goes_on_about_the_same_company_and_figure() -> None:
    turns = [Turn("user", "What was Boeing's revenue in FY2022?"), Turn("assistant", "66,608 million.")]
    reply = await replied(FakeWork("And in FY2021?", turns=turns), owners=("boeing",))
    assert "Revenue of BOEING in FY2021 (2021): 62,286 million." in reply.text
    assert reply.details["plan"]["by"] == "session"


async def test_the_caller_says_which_filings_and_periods() -> None:
    context = {"forms": "10-K", "periods": "FY2021", "tickers": "BOEING"}
    reply = await replied(FakeWork("What was revenue?", context=context))
    assert "Revenue of BOEING in FY2021 (2021): 62,286 million." in reply.text


async def test_a_greeting_is_answered_without_filings() -> None:
    work = FakeWork("Hello!", says="Hello.")
    assert (await replied(work)).text == "Hello."
    assert (work.used, work.searched) == ([], [])


async def test_what_a_filing_says_is_told_and_not_what_it_said() -> None:
    work = FakeWork(CASH)
    work.found = tuple(msgspec.structs.replace(one, text=one.text.replace("1,093", "1,500")) for one in work.found)
    assert "declined by 19.96 %" in (await replied(work)).text


async def test_where_filings_support_no_words_of_a_model_their_own_are_said() -> None:
    work = FakeWork("Is Boeing's business subject to cyclicality?", says="Its tractors are green and cost $5,000.")
    work.unsupported = True
    reply = await replied(work)
    assert reply.text.startswith("I have no answer of my own that the filings support.")
    assert f'"{CYCLES}" (BOEING_2022_10K.pdf).' in reply.text
    assert reply.answered_by is AnsweredBy.EXTRACT
    assert CYCLES in [citation.quote for citation in reply.citations]
    assert reply.details["quality"]["groundedness"] == 1.0


async def test_of_several_companies_one_is_not_given_the_number_of_another() -> None:
    work = FakeWork("Compare the revenue of Amcor with that of Boeing in FY2022.", says="Both: 14,544 million.")
    reply = await replied(work)
    assert reply.text.startswith("Here is what the filings say:")
    assert not work.prompts


async def test_what_was_not_found_of_one_company_is_said_beside_what_was_of_another() -> None:
    reply = await replied(FakeWork("Compare the gross profit of Amcor with that of Boeing in FY2022."))
    assert "Of BOEING I found no such figure for FY2022 in BOEING_2022_10K.pdf." in reply.text


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"tickers": "not a ticker!"}, "ticker"),
        ({"forms": "10-X"}, "a form is one of"),
        ({"tickers": "ZZZZ"}, "None of your filings is of these companies and forms."),
    ],
)
async def test_limits_that_leave_nothing_or_mean_nothing_are_told_and_nothing_is_searched(
    context: dict[str, str], said: str
) -> None:
    work = FakeWork(CASH, context=context)
    reply = await replied(work)
    assert (said in reply.text, reply.requires_clarification, work.searched) == (True, True, [])


async def test_a_question_that_names_no_company_is_looked_for_within_the_limits_alone() -> None:
    work = FakeWork("What are the risks of the business?", context={"tickers": "AMCOR"})
    await replied(work)
    assert {filters.name for _, filters, _ in work.searched} == {"AMCOR_2023_10K.pdf"}
