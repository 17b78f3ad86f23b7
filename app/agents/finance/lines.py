"""All lines of financial statements that questions may ask for, by name, and what their numbers mean."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from app.agents.finance.income_lines import INCOME
from app.agents.finance.line import Line, Statement, line_of

_CASH_OF = (
    r"(?:total |net )?cash (?:flows? )?(?:from|\(?(?:provided|used)\)?(?: (?:by|in|for)\)?)?"
    r"(?: ?/? ?\(?(?:provided|used)\)?)?(?: (?:by|in|for)\)?)?).{0,20}"
)

EXPENSES = frozenset(
    {
        "cost_of_sales", "operating_expenses", "total_expenses", "sga", "research", "interest_expense", "capex",
        "buybacks", "dividends",
    }
)  # fmt: skip
"""Lines that some filings show in brackets, since they are taken away: the same number without them."""
RESULTS = frozenset({"revenue", "cost_of_sales", "gross_profit", "operating_income", "pretax_income", "net_income"})
"""Lines that notes have of other companies too: those that one owns a part of, or has sold."""


def meant(name: str, label: str, value: Decimal) -> Decimal:
    """Return what the number of a row of that label means: a cost is a cost in brackets too, a tax benefit is less."""
    if name != "income_tax":
        return abs(value) if name in EXPENSES else value
    said = label.lower()
    if "benefit" not in said:
        return abs(value)
    if "(expense)" in said or "(provision)" in said:
        return -value
    return value if "expense" in said or "provision" in said else -abs(value)


LINES: Mapping[str, Line] = MappingProxyType(
    {
        **INCOME,
        "cash": line_of(
            "Cash and cash equivalents",
            Statement.BALANCE,
            r"cash (?:and|&) (?:cash )?equivalents?|cash balance|cash position",
            r"(?:total )?cash and cash equivalents",
        ),
        "receivables": line_of(
            "Receivables",
            Statement.BALANCE,
            r"(?:accounts |trade )?receivables?",
            r"(?:trade |accounts |trade accounts )?receivables?(?:, (?:net|less).*)?",
        ),
        "inventories": line_of(
            "Inventories",
            Statement.BALANCE,
            r"(?:merchandise )?inventor(?:y|ies)",
            r"(?:total )?(?:merchandise )?inventor(?:y|ies)",
        ),
        "current_assets": line_of(
            "Total current assets", Statement.BALANCE, r"current assets", r"total current assets"
        ),
        "total_assets": line_of("Total assets", Statement.BALANCE, r"(?:total )?assets", r"total assets"),
        "current_liabilities": line_of(
            "Total current liabilities", Statement.BALANCE, r"current liabilities", r"total current liabilities"
        ),
        "total_liabilities": line_of(
            "Total liabilities", Statement.BALANCE, r"total liabilities", r"total liabilities"
        ),
        "equity": line_of(
            "Total equity",
            Statement.BALANCE,
            r"(?:total )?(?:shareholders|stockholders)['\u2019]? ?equity|total equity",
            r"total (?!liabilities)(?:.* )?(?:(?:shareholders|stockholders)['\u2019]? )?equity",
            also="shareholders' equity, stockholders' equity",
        ),
        "fixed_assets": line_of(
            "Property, plant and equipment",
            Statement.BALANCE,
            r"pp ?& ?e|ppne|ppe|property,? (?:plant,? )?and equipment|fixed assets",
            r"(?:net )?property,? (?:plant,? )?and equipment(?:, (?:net|less .*))?",
        ),
        "goodwill": line_of("Goodwill", Statement.BALANCE, r"goodwill", r"goodwill"),
        "payables": line_of(
            "Accounts payable",
            Statement.BALANCE,
            r"(?:accounts|trade) payables?",
            r"(?:accounts|trade|trade accounts) payables?",
            also="trade payables",
        ),
        "long_term_debt": line_of(
            "Long-term debt", Statement.BALANCE, r"long-term debt", r"(?:total )?long-term debt(?:, .*)?"
        ),
        "operating_cash": line_of(
            "Cash flow from operating activities",
            Statement.CASH,
            r"(?:operating cash flows?|cash flows? from operat\w+|operating activities|operations(?=,? investing))",
            rf"{_CASH_OF} operating activities",
            rf"{_CASH_OF} operating activities(?!.*continu).*",
            also="net cash provided by operating activities",
        ),
        "investing_cash": line_of(
            "Cash flow from investing activities",
            Statement.CASH,
            r"investing(?: activities| cash flows?)?",
            rf"{_CASH_OF} investing activities",
            rf"{_CASH_OF} investing activities(?!.*continu).*",
            also="net cash used in investing activities",
        ),
        "financing_cash": line_of(
            "Cash flow from financing activities",
            Statement.CASH,
            r"financing(?: activities| cash flows?)",
            rf"{_CASH_OF} financing activities",
            rf"{_CASH_OF} financing activities(?!.*continu).*",
            also="net cash used in financing activities",
        ),
        "capex": line_of(
            "Capital expenditures",
            Statement.CASH,
            r"capex|capital expenditures?|capital spending",
            r"capital expenditures|additions to property.*"
            r"|(?:purchases? of|payments (?:for|to acquire)) property,? (?:plant,? )?and equipment.*",
            also="additions to property, plant and equipment",
        ),
        "depreciation": line_of(
            "Depreciation and amortization",
            Statement.CASH,
            r"depreciation(?: and amortization)?|d ?& ?a",
            r"depreciation(?: and amortization)?(?: expense)?",
        ),
        "buybacks": line_of(
            "Repurchase of shares",
            Statement.CASH,
            r"(?:stock|share) (?:repurchases?|buy-?backs?)|buy-?backs?",
            r"repurchases? of (?:common )?(?:shares|stock).*|(?:share|stock) buy-?backs?.*",
            r"(?:common )?(?:stock|shares?) repurchase[sd]?.*|purchases? of treasury (?:stock|shares).*",
            also="repurchase of common stock, treasury shares",
        ),
        "dividends": line_of(
            "Dividends paid",
            Statement.CASH,
            r"dividends?(?: paid)?",
            r"(?:cash )?dividends? paid.*|payment of dividends",
        ),
    }
)
