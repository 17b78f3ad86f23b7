"""The lines of statements of income: what comes in, what it costs, what is left, and what that is for each share."""

from collections.abc import Mapping
from types import MappingProxyType

from app.agents.finance.line import Line, Statement, Under, found, line_of

_LOSS = r"(?:\s*[/(]\s*(?:loss|losses|expense|benefit|income|deficit)\)?)?"
_PER_SHARE = r"(?!.*(?:outstanding|average)).*\bper\b.*\bshare"
_SHARES = r".*(?:outstanding|average).*"
_OPERATING_COST = r"selling|administrative|marketing|research|depreciation|restructuring|salaries|rewards"

INCOME: Mapping[str, Line] = MappingProxyType(
    {
        "revenue": line_of(
            "Revenue",
            Statement.INCOME,
            r"(?:total )?revenues?(?: net of interest expense)?|net sales|top ?line|sales",
            r"total (?:net )?revenues?(?: net of interest expense)?",
            r"(?:net )?revenues?",
            r"(?:total )?net sales|sales",
            also="net sales, total revenues, net revenues",
        ),
        "cost_of_sales": line_of(
            "Cost of sales",
            Statement.INCOME,
            r"cost of (?:sales|goods sold|revenues?|products sold)|cogs",
            r"(?:total )?costs? of (?:sales|goods sold|revenues?|products sold)",
            also="cost of goods sold, cost of products sold, costs and expenses",
            under=(
                # Some show no other costs above it; most show all of them.
                Under(
                    found(r"total costs? and expenses"),
                    after=found(r"costs? of "),
                    no_more=found(_OPERATING_COST),
                ),
            ),
        ),
        "operating_expenses": line_of(
            "Total operating expenses",
            Statement.INCOME,
            r"(?:total )?operating (?:costs?|expenses?)(?: and expenses)?|opex",
            r"total operating (?:costs?|expenses?)(?: and expenses)?",
        ),
        "total_expenses": line_of(
            "Total costs and expenses",
            Statement.INCOME,
            r"total (?:costs?(?: and|,) )?expenses?|total costs",
            r"total (?:costs? and )?expenses?",
            also="total expenses",
        ),
        "gross_profit": line_of("Gross profit", Statement.INCOME, r"gross profits?", r"(?:total )?gross profit"),
        "operating_income": line_of(
            "Operating income",
            Statement.INCOME,
            r"operating (?:income|profit|earnings)|ebit",
            rf"(?:total )?operating (?:income|profit|earnings){_LOSS}",
            rf"{_LOSS}(?:loss|income) from operations",
            also="income from operations, operating profit",
        ),
        "net_income": line_of(
            "Net income",
            Statement.INCOME,
            r"net (?:income|profit|earnings|loss)|bottom line",
            rf"net (?:income|earnings|loss|profit){_LOSS}",
            rf"net (?:income|earnings|loss){_LOSS} attributable to (?!(?:the )?(?:non|redeemable)).*",
            also="net earnings, net loss",
        ),
        "own_net_income": line_of(
            "Net income attributable to the company",
            Statement.INCOME,
            r"net (?:income|profit|earnings|loss) (?:that (?:is|was) )?attributable",
            rf"net (?:income|earnings|loss){_LOSS} attributable to (?!(?:the )?(?:non|redeemable)).*",
            also="attributable to",
        ),
        "sga": line_of(
            "Selling, general and administrative expenses",
            Statement.INCOME,
            r"sg ?& ?a|selling, general,? and administrative",
            r"selling, (?:general|informational),? and administrative(?: expenses?)?",
            also="SG&A, selling informational and administrative",
        ),
        "research": line_of(
            "Research and development expenses",
            Statement.INCOME,
            r"r ?& ?d|research and development",
            r"research and development(?: expenses?)?(?:, net)?",
        ),
        "interest_expense": line_of(
            "Interest expense",
            Statement.INCOME,
            r"interest (?:expense|and debt expense)s?",
            # Less what was earned as interest, it is another line.
            r"(?!.*, net\Z)(?:total )?interest (?:and debt )?expense(?:, net of amounts capitalized)?",
        ),
        "income_tax": line_of(
            "Income tax expense",
            Statement.INCOME,
            r"income tax(?:es)? (?:expense|provision)|tax expense|provision for (?:income )?tax(?:es)?",
            rf"(?:provision for |total )?income tax(?:es)?(?: \(?(?:expense|benefit|provision)\)?)?{_LOSS}",
            r"provision/?\(?(?:benefit)?\)? for taxes on income|income tax \(expense\)/benefit",
        ),
        "pretax_income": line_of(
            "Income before income taxes",
            Statement.INCOME,
            r"pre-?tax (?:income|earnings|profit)|(?:income|earnings) before (?:income )?tax(?:es)?",
            rf"(?:pretax|\(?(?:loss|income|earnings)\)?{_LOSS})\s*(?:from continuing operations )?"
            r"before (?:provision.* |income )?tax(?:es)?.*",
            r"pretax income",
            also="earnings before income taxes",
        ),
        "eps": line_of(
            "Diluted earnings per share",
            Statement.INCOME,
            r"(?:diluted )?eps|(?:diluted )?(?:earnings|net income|loss) per (?:(?:common|diluted) )*share",
            rf"diluted (?:earnings|net income|income|loss){_LOSS} per (?:common )?share.*",
            rf"(?:earnings|net income|loss){_LOSS} per (?:common )?share[ ,\u2013\u2014-]+diluted",
            also="diluted",
            is_scaled=False,
            under=(
                Under(found(r"diluted"), section=found(_PER_SHARE)),
                Under(found(r"net .*attributable to .*"), section=found(rf"{_PER_SHARE}.*\bdiluted")),
            ),
        ),
        "basic_eps": line_of(
            "Basic earnings per share",
            Statement.INCOME,
            r"basic (?:eps|(?:earnings|net income|loss) per (?:common )?share)",
            rf"basic (?:earnings|net income|income|loss){_LOSS} per (?:common )?share.*",
            rf"(?:earnings|net income|loss){_LOSS} per (?:common )?share[ ,\u2013\u2014-]+basic",
            also="basic",
            is_scaled=False,
            under=(
                Under(found(r"basic"), section=found(_PER_SHARE)),
                Under(found(r"net .*attributable to .*"), section=found(rf"{_PER_SHARE}.*\bbasic")),
            ),
        ),
        "diluted_shares": line_of(
            "Weighted-average diluted shares",
            Statement.INCOME,
            r"(?:weighted[- ]average )?diluted (?:weighted[- ]average )?(?:common )?shares|diluted share count",
            r"(?:weighted[- ])?average (?:common )?shares(?: outstanding)?"
            r"[ ,\u2013\u2014-]+(?:diluted|assuming dilution)",
            r"(?:weighted[- ]average )?diluted (?:weighted[- ]average )?(?:common )?shares(?: outstanding)?",
            also="diluted",
            under=(Under(found(r"diluted"), section=found(_SHARES)),),
        ),
        "basic_shares": line_of(
            "Weighted-average basic shares",
            Statement.INCOME,
            r"(?:weighted[- ]average )?basic (?:weighted[- ]average )?(?:common )?shares|basic share count",
            r"(?:weighted[- ])?average (?:common )?shares(?: outstanding)?[ ,\u2013\u2014-]+basic",
            r"(?:weighted[- ]average )?basic (?:weighted[- ]average )?(?:common )?shares(?: outstanding)?",
            also="basic",
            under=(Under(found(r"basic"), section=found(_SHARES)),),
        ),
        "tax_rate": line_of(
            "Effective tax rate",
            Statement.INCOME,
            r"effective (?:income )?tax rates?",
            r"effective (?:income )?tax rates?.*",
            is_scaled=False,
        ),
    }
)
