"""What the answers took, as a table, from the rows that the stack stored."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.agents.evidence import Citation
from app.agents.values import RouteSummary
from app.inference.words.route import Route
from ops.local.console import Console
from ops.local.demo_client import DemoClient, StoredRun
from ops.local.demo_questions import Asked
from ops.local.demo_text import columns, paragraph
from ops.local.problems import LocalProblem

DIGEST_CHARS = 12
FEW_MODELS = (
    "Fewer models than tiers: a small one answered what is meant for a larger one, and badly. "
    "Without MODELS=small each tier has its own (1.7 GB)."
)


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with its stored run, and the call and route that answered it."""

    question: str
    run: StoredRun
    call: RouteSummary
    route: Route


def read_answered(asked: Sequence[Asked], client: DemoClient) -> list[Answered]:
    """Read the stored rows of the runs. Raises LocalProblem."""
    return [_read(one, client) for one in asked]


def _read(asked: Asked, client: DemoClient) -> Answered:
    run = client.run(asked.run_id)
    chats = [call for call in run.metadata.routes if call.kind == "chat" and call.route_id is not None]
    # Calls come in order: the last one gave the answer, earlier ones may have failed.
    if not chats or chats[-1].route_id is None:
        raise LocalProblem(f"run {asked.run_id} has no stored call that answered it")
    return Answered(asked.question, run, chats[-1], client.route(chats[-1].route_id))


def show(answered: Sequence[Answered], console: Console) -> None:
    """Show the table, the sums and the citations."""
    console.say("")
    console.say("What it took, read back from the database (each run with its search):")
    console.say("")
    console.table(rows(answered))
    console.say("")
    console.say(f"  {totals(answered)}")
    if len({one.route.digest for one in answered}) < len({one.route.tier for one in answered}):
        for line in paragraph(FEW_MODELS, indent="  ", width=columns()):
            console.say(line)
    console.say("")
    console.say("Citations; the quotes stand word for word in the documents:")
    for number, one in enumerate(answered, 1):
        console.say("")
        for line in paragraph(f"{number}. {one.question}", indent="  ", width=columns()):
            console.say(line)
        for line in _cited(one.run.answer.citations):
            console.say(line)


def rows(answered: Sequence[Answered]) -> list[tuple[str, ...]]:
    """Return the table: a column a question, a row a fact; fits 80 columns for three questions."""
    facts: list[tuple[str, ...]] = [
        ("question", *(str(number) for number in range(1, len(answered) + 1))),
        ("tier", *(one.route.tier.value for one in answered)),
        ("need, 0 to 1", *(f"{one.route.need:.2f} ({one.route.tier_reason.value})" for one in answered)),
        ("route reason", *(one.route.reason.value for one in answered)),
        ("model", *(one.route.model for one in answered)),
        ("digest", *(one.route.digest.removeprefix("sha256:")[:DIGEST_CHARS] for one in answered)),
        ("node", *(one.route.node for one in answered)),
        ("tokens in", *(str(one.run.metadata.input_tokens) for one in answered)),
        ("tokens out", *(str(one.run.metadata.output_tokens) for one in answered)),
        ("first token", *(_seconds(one.run.metadata.first_token_ms) for one in answered)),
        ("total time", *(_seconds(one.run.metadata.processing_time_ms) for one in answered)),
        ("GPU-seconds", *(f"{one.run.metadata.gpu_seconds:.3f}" for one in answered)),
        ("cost", *(f"${one.run.metadata.cost_usd:.6f}" for one in answered)),
        ("citations", *(str(len(one.run.answer.citations)) for one in answered)),
    ]
    if any(one.run.answer.degraded for one in answered):
        facts.append(("without", *(", ".join(one.run.answer.degraded) or "-" for one in answered)))
    return facts


def totals(answered: Sequence[Answered]) -> str:
    """Return one line about all answers together."""
    digests = {one.route.digest for one in answered}
    nodes = {one.route.node for one in answered}
    gpu_seconds = sum(one.run.metadata.gpu_seconds for one in answered)
    cost_usd = sum(one.run.metadata.cost_usd for one in answered)
    return (
        f"{_count(len(answered), 'answer')} from {_count(len(digests), 'model')} on {_count(len(nodes), 'node')}: "
        f"{gpu_seconds:.3f} GPU-seconds, ${cost_usd:.6f}"
    )


def _cited(citations: Sequence[Citation]) -> list[str]:
    lines: list[str] = []
    for citation in citations:
        where = citation.document if citation.page is None else f"{citation.document}, page {citation.page}"
        where = f"{where}: {citation.heading}" if citation.heading else where
        lines += paragraph(where, indent="     ", width=columns())
        lines += paragraph(f'"{citation.quote}"', indent="       ", width=columns())
    return lines or ["     none"]


def _seconds(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds / 1000:.2f} s"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
