"""Measures that are computed from lines of statements: margins and ratios, by their textbook definitions."""

import re
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from app.agents.finance.line import asked_as


class Measure(msgspec.Struct, frozen=True):
    """What is computed from lines: a formula has their keys in braces, for one period.

    Of several `formulas` the first counts whose lines are all there.
    """

    name: str
    formulas: tuple[str, ...]
    lines: tuple[str, ...]
    asked: re.Pattern[str]
    is_percent: bool = False
    is_part: bool = True
    """Whether a percentage is of what is left of the whole: at most all of it. A loss has no such bound."""


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "gross_margin": Measure(
            "Gross margin",
            ("{gross_profit} / {revenue}", "({revenue} - {cost_of_sales}) / {revenue}"),
            ("gross_profit", "revenue", "cost_of_sales"),
            asked_as(r"gross margins?"),
            True,
        ),
        "operating_margin": Measure(
            "Operating margin",
            ("{operating_income} / {revenue}",),
            ("operating_income", "revenue"),
            asked_as(r"operating (?:profit |income )?margins?"),
            True,
        ),
        "net_margin": Measure(
            "Net margin",
            ("{net_income} / {revenue}",),
            ("net_income", "revenue"),
            asked_as(r"net (?:profit |income )?margins?|profit margins?"),
            True,
        ),
        "sga_share": Measure(
            "SG&A expenses as a share of sales",
            ("{sga} / {revenue}",),
            ("sga", "revenue"),
            asked_as(
                r"(?:sg ?& ?a|administrative)\b.{0,30}(?:percent(?:age)?|share|%) of (?:net )?(?:sales|revenues?)"
            ),
            True,
            is_part=False,
        ),
        "quick_ratio": Measure(
            "Quick ratio",
            (
                "({current_assets} - {inventories}) / {current_liabilities}",
                "({cash} + {receivables}) / {current_liabilities}",
            ),
            ("current_assets", "inventories", "current_liabilities", "cash", "receivables"),
            asked_as(r"quick ratios?|acid[- ]test"),
        ),
        "current_ratio": Measure(
            "Current ratio",
            ("{current_assets} / {current_liabilities}",),
            ("current_assets", "current_liabilities"),
            asked_as(r"current ratios?"),
        ),
        "working_capital": Measure(
            "Working capital",
            ("{current_assets} - {current_liabilities}",),
            ("current_assets", "current_liabilities"),
            asked_as(r"working capital"),
        ),
        "interest_coverage": Measure(
            "Interest coverage",
            ("{operating_income} / {interest_expense}",),
            ("operating_income", "interest_expense"),
            asked_as(r"interest coverage(?: ratio)?|times interest earned"),
        ),
        "debt_to_equity": Measure(
            "Liabilities to equity",
            ("{total_liabilities} / {equity}",),
            ("total_liabilities", "equity"),
            asked_as(r"(?:debt|liabilities)[- ]to[- ]equity(?: ratio)?"),
        ),
        "free_cash_flow": Measure(
            "Free cash flow",
            ("{operating_cash} - {capex}",),
            ("operating_cash", "capex"),
            asked_as(r"free cash flows?"),
        ),
        "return_on_assets": Measure(
            "Return on assets",
            ("{net_income} / {total_assets}",),
            ("net_income", "total_assets"),
            asked_as(r"returns? on (?:total )?assets|roa"),
            True,
        ),
    }
)
"""Textbook definitions; lines that are shown in brackets (costs, tax) are taken without their sign."""
