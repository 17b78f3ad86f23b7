"""What is asked of each team, so that its runs do all that a run can do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CUSTOMER = {"customer_id": "CUST00001", "policy_number": "POL000004"}
CLOCK = {"now": "2026-11-04T15:00:00Z", "time_zone": "America/New_York"}
PREMIUM = "Your auto insurance premium is $197.88."
GUIDE_TEXT = (
    "# Hail\n\nHail is weather of ice. Gardens under hail need a roof, and a roof needs a friend who builds it.\n"
)
STATEMENT = """# {company} 10-K 2023

Consolidated statements of income, in millions

| | 2023 | 2022 |
| --- | --- | --- |
| Revenue | $ {revenue} | $ {before} |
| Net income | $ {income} | $ 90 |
"""
DOCUMENTS: Mapping[str, str] = {
    "guide.md": GUIDE_TEXT,
    "AMBER_2023_10K.md": STATEMENT.format(company="Amber", revenue="1,200", before="1,000", income="120"),
    "COBALT_2023_10K.md": STATEMENT.format(company="Cobalt", revenue="2,100", before="2,000", income="130"),
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A question to a team, and what a person answers if it asks one; `is_task` has a worker begin the run."""

    name: str
    question: str
    answer: str = ""
    team: str = "insurance"
    context: Mapping[str, str] = field(default_factory=lambda: CUSTOMER, hash=False)
    is_task: bool = False

    @property
    def body(self) -> dict[str, Any]:
        """The request's body."""
        asked: dict[str, Any] = {
            "message": self.question,
            "team": self.team,
            "context": {**self.context},
            "temperature": 0.0,
        }
        return asked if self.is_task else asked | {"on_disconnect": "continue"}


KEEPS = Scenario("one tool, the model keeps the facts", "What is my auto insurance premium?")
ESCALATION = Scenario(
    "a tool that writes, a person who answers", "Let me talk to a person about the fee.", "The fee is waived."
)
OF_INSURANCE = (
    KEEPS,
    Scenario("two agents at once, the model keeps no fact", "What is my premium and what is my deductible?"),
    Scenario("a model chooses, passages are cited", "Gardens under hail"),
    ESCALATION,
    Scenario("a tool that writes", "Please call me back about my bill."),
)
OF_OTHERS = (
    Scenario(
        "finance: two researchers at once, a sum",
        "Compare the revenue of Amber with that of Cobalt in FY2022.",
        team="finance",
        context={},
    ),
    Scenario(
        "finance: a figure is computed",
        "By how much did the revenue of Amber change from FY2022 to FY2023?",
        team="finance",
        context={},
        is_task=True,
    ),
    Scenario(
        "scheduler: a task that books",
        "Book the Boardroom for a budget review on Friday from 2 to 3:30pm",
        team="scheduler",
        context=CLOCK,
        is_task=True,
    ),
    Scenario(
        "scheduler: a task that asks back",
        "Schedule soccer practice on Saturday",
        team="scheduler",
        context=CLOCK,
        is_task=True,
    ),
    Scenario("assistant: passages are cited", "What do gardens under hail need?", team="assistant", context={}),
    Scenario(
        "assistant: a task, directly answered", "What is 12 times 12?", team="assistant", context={}, is_task=True
    ),
)
SCENARIOS = (*OF_INSURANCE, *OF_OTHERS)
SCRIPTS: tuple[dict[str, object], ...] = (
    {"times": -1, "asks": '"relevance"', "text": '{"relevance":4,"completeness":3}'},
    {"times": -1, "asks": '"format":{', "text": '{"agent":"general_help_agent"}'},
    {"times": -1, "asks": KEEPS.question, "text": PREMIUM},
)
"""What the node says where it matters; else it says numbered words."""
