"""Questions that stand for a mode: what is like them, and like no others, is answered as they are."""

from collections.abc import Mapping, Sequence

from app.agents.assistant.modes import Mode, ModeBy, Way, about_policies
from app.agents.likening import Likeness

EXEMPLARS: Mapping[str, Sequence[str]] = {
    Mode.GUIDE: (
        "What are you able to do for me?",
        "Tell me what this assistant is good for.",
        "How do I get started with this chat?",
        "Will you forget this talk once I close the window?",
        "Can you read my files?",
        "How do I add a document so that you know it?",
        "Are your answers reliable?",
        "Which model are you?",
        "Introduce yourself.",
        "Are you a person or a program?",
        "What kind of things do you know about?",
        "What is beyond your abilities?",
        "Give me an example of a question that you answer well.",
        "How should I phrase my questions to you?",
        "Does this chat keep what we talked about last time?",
        "Is what I tell you kept private?",
        "Which file formats may I upload?",
        "Do you look things up on the internet?",
        "Where does your knowledge come from?",
        "How do I know whether you made that up?",
        "Can I trust what you tell me?",
        "Do you cite your sources?",
        "I am new here, how does this work?",
        "What happens when our talk becomes very long?",
        "Can you book a meeting or send a message for me?",
        "Which language model answers here?",
    ),
    Mode.DIRECT: (
        "Write two sentences of congratulation for a wedding.",
        "Draft a friendly email to thank somebody for a gift.",
        "Suggest a name for a cat.",
        "Recommend a good way to learn the guitar.",
        "Rewrite this sentence so that it sounds polite.",
        "Convert ten miles to kilometres.",
        "What do you think about the weather?",
        "Tell me a joke.",
        "Shorten this paragraph to one sentence.",
        "Correct the spelling of this text.",
        "How do you say thank you in Italian?",
        "Translate this sentence into Polish.",
        "Which word means the opposite of cheap?",
        "Who wrote Hamlet?",
        "What is the largest country in the world?",
        "How far away is the moon?",
        "Why do leaves turn red in autumn?",
        "How do I boil an egg?",
        "What is a quarter of eighty?",
        "Add up these numbers for me.",
        "If it is noon in Paris, what time is it in Tokyo?",
        "How many days are between two dates?",
        "Can you help me to write a letter of congratulation?",
        "Could you make up a slogan for a bakery?",
        "Imagine a story about a lighthouse.",
        "Nice talking to you.",
    ),
    Mode.CACHED_CONTEXT: (
        "May I bring my dog to work?",
        "Can customers return what they have opened?",
        "Do I get my money back if I cancel?",
        "Who has to approve my travel expenses?",
        "How many days of holiday am I entitled to?",
        "What happens if an employee is sick for a week?",
        "Am I allowed to work from home?",
        "Who pays when a part breaks in the first year?",
        "What must I do when somebody was hurt?",
        "Do you take back what I have bought?",
        "How long do you store my personal records?",
        "Who may open the safe?",
        "Is it forbidden to smoke in the yard?",
        "Within how many days must I report a loss?",
        "Which deadline do you set for objections?",
        "What is not covered by the guarantee?",
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
        "What do you charge for a repair?",
        "Which colours do you sell?",
        "How heavy is this device?",
        "Do you deliver to Norway?",
        "What does the red lamp here mean?",
        "How often do you service the lift?",
        "Can this tool be used outdoors?",
        "How do I switch the alarm off?",
    ),
}
LIKE = 0.45
"""From so much cosine on, a question is like an exemplar."""
AHEAD = 0.06
"""By so much it must be liker than one of another mode."""
LIKE_ALONE, AHEAD_ALONE = 0.3, 0.03
"""The same for the guide, where a search finds nothing: less is enough then."""


def by_exemplar(question: str, likeness: Likeness) -> Way:
    """Return the way of the exemplars that a question is like; a search, where it is like none or like several.

    Where that finds nothing, the guide answers what is rather like a question on the assistant.
    """
    if likeness.best is None or likeness.score < LIKE or likeness.ahead < AHEAD:
        is_rather = likeness.score >= LIKE_ALONE and likeness.ahead >= AHEAD_ALONE
        return Way(Mode.RAG, ModeBy.DEFAULT, else_guide=is_rather and likeness.best == Mode.GUIDE)
    mode = Mode(likeness.best)
    return about_policies(question, ModeBy.EXEMPLAR) if mode is Mode.CACHED_CONTEXT else Way(mode, ModeBy.EXEMPLAR)
