"""The demonstration's questions: asked one by one, each answer shown as it comes."""

from dataclasses import dataclass

from app.conversation import Stack, StackAway, StackRefused, StreamEvent
from ops.local.console import Console
from ops.local.demo_text import Wrapped, columns, paragraph
from ops.local.problems import LocalProblem

FIRST = "How many watts does the Lift Link controller draw?"
"""A fact of the PDF among the documents: the rating says simple."""
LATER = (
    "What must I do with the battery before I store the robot?",
    "A supermarket wants to clean during opening hours. Compare the normal and the quiet mode, explain the trade-off "
    "between speed and noise, and recommend one with reasons.",
)
"""A procedure, and a comparison with reasons: medium and complex."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and the run that answered it."""

    question: str
    run_id: str


class Asking:
    """Asks a stack and shows what it says."""

    def __init__(self, stack: Stack, console: Console) -> None:
        self._stack = stack
        self._console = console
        self._text = ""
        self._run_id = ""

    def ask(self, question: str) -> Asked:
        """Ask in a session of its own and show the answer as it streams. Raises LocalProblem when there is none."""
        width = columns()
        self._console.say("")
        for line in paragraph(f"> {question}", indent="", width=width):
            self._console.say(line)
        self._text, self._run_id = "", ""
        out = Wrapped(self._console.write, indent="  ", width=width)
        try:
            for event in self._stack.ask({"message": question, "support_policy": "marked"}):
                self._show(event, out)
        except (StackAway, StackRefused) as problem:
            raise LocalProblem(f"no answer: {problem}; see `python -m ops.local logs`") from problem
        out.end()
        return Asked(question, self._run_id)

    def _show(self, event: StreamEvent, out: Wrapped) -> None:
        match event.kind:
            case "queued":
                self._run_id = str(event.body["run_id"])
            case "loading":
                self._console.say(f"  (node {event.body['node']} loads {event.body['model']})")
            case "delta":
                self._text += str(event.body["text"])
                out.feed(str(event.body["text"]))
            case "restart":
                self._text = self._text[: int(event.body["offset"])]
                out.end()
                self._console.say("  (the answer begins again)")
                out.feed(self._text)
            case "error":
                raise LocalProblem(
                    f"the run ended without an answer: {event.body.get('code')}: {event.body.get('detail')}; "
                    "see `python -m ops.local logs`"
                )
            case _:
                pass
