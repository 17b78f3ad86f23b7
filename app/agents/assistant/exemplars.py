"""Questions that stand for a mode: what is like them, and like no others, is answered as they are."""

from collections.abc import Mapping, Sequence

from app.agents.assistant.modes import Mode, ModeBy, Way, about_policies
from app.agents.likening import Likeness

EXEMPLARS: Mapping[str, Sequence[str]] = {
    Mode.GUIDE: (
        "What are you able to do for me?",
        "Tell me what this assistant is good for.",
        "How do I get started with this chat?",
        "Do you remember what I said before?",
        "Can you read my files?",
        "How do I add a document so that you know it?",
        "Are your answers reliable?",
        "Which model are you?",
    ),
    Mode.DIRECT: (
        "Write a short birthday greeting for a colleague.",
        "Draft a friendly email to thank somebody for a gift.",
        "Suggest a name for a cat.",
        "Recommend a good way to learn the guitar.",
        "Rewrite this sentence so that it sounds polite.",
        "Convert ten miles to kilometres.",
        "What do you think about the weather?",
    ),
    Mode.CACHED_CONTEXT: (
        "May I bring my dog to work?",
        "Can customers return what they have opened?",
        "Do I get my money back if I cancel?",
        "Who has to approve my travel expenses?",
        "How many days of holiday am I entitled to?",
        "What happens if an employee is sick for a week?",
        "Am I allowed to work from home?",
        "How long is the warranty?",
    ),
    Mode.RAG: (
        "How much did the company earn last year?",
        "What does the report say about the new plant?",
        "Which parts does the machine consist of?",
        "Who signed the contract?",
        "Where is your office?",
        "When does your shop open?",
        "What can you tell me about the history of the town?",
        "How do I clean the filter?",
    ),
}
LIKE = 0.45
"""From so much cosine on, a question is like an exemplar."""
AHEAD = 0.06
"""By so much it must be liker than one of another mode."""


def by_exemplar(question: str, likeness: Likeness) -> Way:
    """Return the way of the exemplars that a question is like; a search, where it is like none or like several."""
    if likeness.best is None or likeness.score < LIKE or likeness.ahead < AHEAD:
        return Way(Mode.RAG, ModeBy.DEFAULT)
    mode = Mode(likeness.best)
    return about_policies(question, ModeBy.EXEMPLAR) if mode is Mode.CACHED_CONTEXT else Way(mode, ModeBy.EXEMPLAR)
