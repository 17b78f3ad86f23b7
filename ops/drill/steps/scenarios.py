"""What is asked of the several-step team, so that a run does all that a run can do."""

from dataclasses import dataclass
from typing import Any

CUSTOMER = {"customer_id": "CUST00001", "policy_number": "POL000004"}
PREMIUM = "Your auto insurance premium is $197.88."
GUIDE = "guide.md"
GUIDE_TEXT = (
    "# Hail\n\nHail is weather of ice. Gardens under hail need a roof, and a roof needs a friend who builds it.\n"
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A question to the team, and what a person answers if it asks one."""

    name: str
    question: str
    answer: str = ""

    @property
    def body(self) -> dict[str, Any]:
        """The request's body."""
        return {
            "message": self.question,
            "team": "insurance",
            "context": CUSTOMER,
            "temperature": 0.0,
            "on_disconnect": "continue",
        }


KEEPS = Scenario("one tool, the model keeps the facts", "What is my auto insurance premium?")
ESCALATION = Scenario(
    "a tool that writes, a person who answers", "Let me talk to a person about the fee.", "The fee is waived."
)
SCENARIOS = (
    KEEPS,
    Scenario("two agents at once, the model keeps no fact", "What is my premium and what is my deductible?"),
    Scenario("a model chooses, passages are cited", "Gardens under hail, roof?"),
    ESCALATION,
    Scenario("a tool that writes", "Please call me back about my bill."),
)
SCRIPTS: tuple[dict[str, object], ...] = (
    {"times": -1, "asks": '"format":{', "text": '{"agent":"general_help_agent"}'},
    {"times": -1, "asks": KEEPS.question, "text": PREMIUM},
)
"""What the node says where it matters; else it says numbered words."""
