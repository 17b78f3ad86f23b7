"""The lines of financial statements: how rows call them, how questions do, and where they stand."""

import re
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

import msgspec


class Statement(Enum):
    """Where a line stands, in the words by which it is searched for."""

    INCOME = "consolidated statements of income, operations, earnings"
    BALANCE = "consolidated balance sheets"
    CASH = "consolidated statements of cash flows"
    OTHER = "financial highlights, results"


class Line(msgspec.Struct, frozen=True):
    """A line of a statement: how rows call it, how questions do, and where it stands.

    The first of `labels` that a row fits is the best. A line of an instant (a balance) has one value a day; another
    one belongs to a span of time.
    """

    name: str
    labels: tuple[re.Pattern[str], ...]
    asked: re.Pattern[str]
    statement: Statement
    also: str = ""
    """Other names of it, that a search needs: by words a line is only found under its own."""
    is_scaled: bool = True
    """Whether it is in the thousands or millions of its table; shares' earnings and percentages are not."""

    @property
    def is_instant(self) -> bool:
        """Whether it is a balance."""
        return self.statement is Statement.BALANCE


def asked_as(pattern: str) -> re.Pattern[str]:
    """Return what finds a name in a question, in capitals or not."""
    return re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)


def _line(name: str, statement: Statement, asked: str, *labels: str, also: str = "", is_scaled: bool = True) -> Line:
    tail = r"(?:, net|, gross)?(?: \(\d\))?:?"
    made = tuple(re.compile(rf"(?:{label}){tail}\Z", re.IGNORECASE) for label in labels)
    return Line(name, made, asked_as(asked), statement, also, is_scaled)


_CASH_OF = r"(?:total |net )?cash (?:flows? )?(?:provided by|from|used in|\(used in\)|provided by \(used in\)).{0,20}"
_LOSS = r"(?:\s*[/(]\s*(?:loss|losses|expense|benefit|income|deficit)\)?)?"

EXPENSES = frozenset({"cost_of_sales", "sga", "research", "interest_expense", "capex", "buybacks", "dividends"})
"""Lines that some filings show in brackets, since they are taken away: the same number without them."""

LINES: Mapping[str, Line] = MappingProxyType(
    {
        "revenue": _line(
            "Revenue",
            Statement.INCOME,
            r"(?:total )?revenues?(?: net of interest expense)?|net sales|top ?line|sales",
            r"total (?:net )?revenues?(?: net of interest expense)?",
            r"(?:net )?revenues?",
            r"(?:total )?net sales|sales",
            also="net sales, total revenues, net revenues",
        ),
        "cost_of_sales": _line(
            "Cost of sales",
            Statement.INCOME,
            r"cost of (?:sales|goods sold|revenues?|products sold)|cogs",
            r"total costs and expenses of sales|cost of (?:sales|goods sold|revenues?|products sold)",
            r"total costs? and expenses",
            also="cost of goods sold, cost of products sold",
        ),
        "gross_profit": _line("Gross profit", Statement.INCOME, r"gross profits?", r"(?:total )?gross profit"),
        "operating_income": _line(
            "Operating income",
            Statement.INCOME,
            r"operating (?:income|profit|earnings)|ebit",
            rf"(?:total )?operating (?:income|profit|earnings){_LOSS}",
            rf"{_LOSS}(?:loss|income) from operations",
            also="income from operations, operating profit",
        ),
        "net_income": _line(
            "Net income",
            Statement.INCOME,
            r"net (?:income|profit|earnings|loss)|bottom line",
            rf"net (?:income|earnings|loss|profit){_LOSS}",
            rf"net (?:income|earnings|loss){_LOSS} attributable to .*",
            also="net earnings, net loss",
        ),
        "sga": _line(
            "Selling, general and administrative expenses",
            Statement.INCOME,
            r"sg ?& ?a|selling, general,? and administrative",
            r"selling, general,? and administrative(?: expenses?)?",
            also="SG&A",
        ),
        "research": _line(
            "Research and development expenses",
            Statement.INCOME,
            r"r ?& ?d|research and development",
            r"research and development(?: expenses?)?(?:, net)?",
        ),
        "interest_expense": _line(
            "Interest expense",
            Statement.INCOME,
            r"interest (?:expense|and debt expense)s?",
            r"(?:total )?interest (?:and debt )?expense(?:, net of amounts capitalized)?",
        ),
        "income_tax": _line(
            "Income tax expense",
            Statement.INCOME,
            r"income tax(?:es)? (?:expense|provision)|tax expense|provision for (?:income )?tax(?:es)?",
            rf"(?:provision for |total )?income tax(?:es)?(?: \(?(?:expense|benefit|provision)\)?)?{_LOSS}",
            r"provision/?\(?(?:benefit)?\)? for taxes on income|income tax \(expense\)/benefit",
        ),
        "pretax_income": _line(
            "Income before income taxes",
            Statement.INCOME,
            r"pre-?tax (?:income|earnings|profit)|(?:income|earnings) before (?:income )?tax(?:es)?",
            rf"(?:pretax|\(?(?:loss|income|earnings)\)?{_LOSS})\s*(?:from continuing operations )?"
            r"before (?:provision.* |income )?tax(?:es)?.*",
            r"pretax income",
            also="earnings before income taxes",
        ),
        "eps": _line(
            "Diluted earnings per share",
            Statement.INCOME,
            r"eps|earnings per (?:diluted )?share",
            rf"diluted (?:earnings|net income|income|loss){_LOSS} per (?:common )?share.*",
            r"diluted",
            is_scaled=False,
        ),
        "tax_rate": _line(
            "Effective tax rate",
            Statement.INCOME,
            r"effective (?:income )?tax rates?",
            r"effective (?:income )?tax rates?.*",
            is_scaled=False,
        ),
        "cash": _line(
            "Cash and cash equivalents",
            Statement.BALANCE,
            r"cash (?:and|&) (?:cash )?equivalents?|cash balance|cash position",
            r"(?:total )?cash and cash equivalents",
        ),
        "receivables": _line(
            "Receivables",
            Statement.BALANCE,
            r"(?:accounts |trade )?receivables?",
            r"(?:trade |accounts )?receivables?(?:, net.*)?",
        ),
        "inventories": _line(
            "Inventories",
            Statement.BALANCE,
            r"(?:merchandise )?inventor(?:y|ies)",
            r"(?:total )?(?:merchandise )?inventor(?:y|ies)",
        ),
        "current_assets": _line("Total current assets", Statement.BALANCE, r"current assets", r"total current assets"),
        "total_assets": _line("Total assets", Statement.BALANCE, r"(?:total )?assets", r"total assets"),
        "current_liabilities": _line(
            "Total current liabilities", Statement.BALANCE, r"current liabilities", r"total current liabilities"
        ),
        "total_liabilities": _line("Total liabilities", Statement.BALANCE, r"total liabilities", r"total liabilities"),
        "equity": _line(
            "Total equity",
            Statement.BALANCE,
            r"(?:total )?(?:shareholders|stockholders)['\u2019]? ?equity|total equity",
            r"total (?!liabilities)(?:.* )?(?:(?:shareholders|stockholders)['\u2019]? )?equity",
            also="shareholders' equity, stockholders' equity",
        ),
        "fixed_assets": _line(
            "Property, plant and equipment",
            Statement.BALANCE,
            r"pp ?& ?e|ppne|ppe|property,? (?:plant,? )?and equipment|fixed assets",
            r"property,? (?:plant,? )?and equipment(?:, (?:net|less .*))?",
        ),
        "goodwill": _line("Goodwill", Statement.BALANCE, r"goodwill", r"goodwill"),
        "payables": _line(
            "Accounts payable",
            Statement.BALANCE,
            r"(?:accounts|trade) payables?",
            r"(?:accounts|trade) payables?",
            also="trade payables",
        ),
        "long_term_debt": _line(
            "Long-term debt", Statement.BALANCE, r"long-term debt", r"(?:total )?long-term debt(?:, .*)?"
        ),
        "operating_cash": _line(
            "Cash flow from operating activities",
            Statement.CASH,
            r"(?:operating cash flows?|cash flows? from operat\w+|operating activities|operations(?=,? investing))",
            rf"{_CASH_OF} operating activities.*",
            r"total cash provided by operating activities",
            also="net cash provided by operating activities",
        ),
        "investing_cash": _line(
            "Cash flow from investing activities",
            Statement.CASH,
            r"investing(?: activities| cash flows?)?",
            rf"{_CASH_OF} investing activities.*",
            also="net cash used in investing activities",
        ),
        "financing_cash": _line(
            "Cash flow from financing activities",
            Statement.CASH,
            r"financing(?: activities| cash flows?)",
            rf"{_CASH_OF} financing activities.*",
            also="net cash used in financing activities",
        ),
        "capex": _line(
            "Capital expenditures",
            Statement.CASH,
            r"capex|capital expenditures?|capital spending",
            r"(?:capital expenditures|purchases? of property,? (?:plant,? )?and equipment|additions to property.*)",
            also="additions to property, plant and equipment",
        ),
        "depreciation": _line(
            "Depreciation and amortization",
            Statement.CASH,
            r"depreciation(?: and amortization)?|d ?& ?a",
            r"depreciation(?: and amortization)?(?: expense)?",
        ),
        "buybacks": _line(
            "Repurchase of shares",
            Statement.CASH,
            r"(?:stock|share) (?:repurchases?|buy-?backs?)|buy-?backs?",
            r"repurchases? of (?:common )?(?:shares|stock).*",
            r"(?:common )?(?:stock|shares?) repurchase[sd]?.*|purchases? of treasury (?:stock|shares).*",
            also="repurchase of common stock, treasury shares",
        ),
        "dividends": _line(
            "Dividends paid",
            Statement.CASH,
            r"dividends?(?: paid)?",
            r"(?:cash )?dividends? paid.*|payment of dividends",
        ),
    }
)
