"""Has a model judge an answer: one question at a time, with an answer from a closed set."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum

import msgspec


class Criterion(StrEnum):
    """What a judge looks at."""

    GROUNDEDNESS = "groundedness"
    """Whether the passages say what the answer says."""
    RELEVANCE = "relevance"
    """Whether the answer is about what was asked."""
    COMPLETENESS = "completeness"
    """Whether it covers all that was asked."""


class Verdict(StrEnum):
    """What a judge may say."""

    YES = "yes"
    """All of it."""
    PARTLY = "partly"
    """Some of it."""
    NO = "no"
    """None of it."""


SCORES: Mapping[Verdict, float] = {Verdict.YES: 1.0, Verdict.PARTLY: 0.5, Verdict.NO: 0.0}
VARIABLES: Mapping[Criterion, frozenset[str]] = {
    Criterion.GROUNDEDNESS: frozenset({"question", "passages", "answer"}),
    Criterion.RELEVANCE: frozenset({"question", "answer"}),
    Criterion.COMPLETENESS: frozenset({"question", "answer"}),
}
PROMPTS: Mapping[str, frozenset[str]] = {f"judge/{one}": variables for one, variables in VARIABLES.items()}
"""The prompts that a judge needs, and their variables."""
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"verdict": {"type": "string", "enum": [verdict.value for verdict in Verdict]}},
        "required": ["verdict"],
        "additionalProperties": False,
    }
).encode()
"""What a node holds the judge's model to."""
REPAIR = (
    'That is not of the form that was asked for: {mistake}. Answer again, with {{"verdict": "yes"}}, '
    '{{"verdict": "partly"}} or {{"verdict": "no"}} and nothing else.'
)
MOST_TOKENS = 24
"""More than the longest verdict takes."""
PASSAGES_CHARACTERS = 6_000
ANSWER_CHARACTERS = 4_000
QUESTION_CHARACTERS = 2_000


class JudgeUnclear(Exception):
    """The judge's model gave no verdict, also when it was told what was wrong."""


class JudgeInterrupted(Exception):
    """Somebody waits for the models now: the rest is not asked."""


class Saying(msgspec.Struct, frozen=True):
    """A message to or of the judge's model."""

    role: str
    content: str


class Heard(msgspec.Struct, frozen=True):
    """What the judge's model said, and which weights it has."""

    text: str
    model: str
    digest: str


class Grade(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The form of a verdict."""

    verdict: Verdict


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What is judged. Without passages, groundedness is not."""

    question: str
    answer: str
    passages: tuple[str, ...] = ()


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge says of a case, each from 0 to 1."""

    scores: Mapping[Criterion, float]
    model: str
    digest: str


NOTHING_SAID: Mapping[Criterion, float] = {}
"""The scores where a judge said nothing."""
AskJudge = Callable[[Criterion, Sequence[Saying]], Awaitable[Heard]]
"""Asks a model; its answer is held to SCHEMA."""
MayAsk = Callable[[], Awaitable[bool]]
Fill = Callable[[Mapping[str, str]], str]
"""Fills a prompt's variables."""


async def always() -> bool:
    """Return true: nobody is kept waiting."""
    return True


class Judge:
    """Judges cases by the prompts that it is given."""

    def __init__(self, prompts: Mapping[str, Fill], ask: AskJudge) -> None:
        """`prompts` are those of PROMPTS, by name."""
        self._prompts = prompts
        self._ask = ask
        self.digest = digest_of(prompts)
        """Which prompts these are."""

    async def judge(self, case: Case, may_ask: MayAsk = always) -> Judgement:
        """Return what the judge says of a case; before each call `may_ask` says whether it is made.

        Raises JudgeUnclear, JudgeInterrupted, and what asking raises.
        """
        scores: dict[Criterion, float] = {}
        heard = Heard("", "", "")
        for criterion in Criterion:
            if criterion is Criterion.GROUNDEDNESS and not case.passages:
                continue
            verdict, heard = await self._verdict(criterion, _values(criterion, case), may_ask)
            scores[criterion] = SCORES[verdict]
        return Judgement(scores=scores, model=heard.model, digest=heard.digest)

    async def _verdict(self, criterion: Criterion, values: Mapping[str, str], may_ask: MayAsk) -> tuple[Verdict, Heard]:
        said = [Saying("user", self._prompts[f"judge/{criterion}"](values))]
        mistake = ""
        for _ in range(2):
            if not await may_ask():
                raise JudgeInterrupted
            heard = await self._ask(criterion, said)
            try:
                return read_verdict(heard.text), heard
            except msgspec.DecodeError as error:
                mistake = str(error)
                said += [Saying("assistant", heard.text), Saying("user", REPAIR.format(mistake=mistake))]
        raise JudgeUnclear(f"the judge gave no verdict on {criterion}, also when it was told so: {mistake}")


def read_verdict(text: str) -> Verdict:
    """Return the verdict that an answer holds. Raises msgspec.DecodeError for one of another form."""
    return msgspec.json.decode(text, type=Grade).verdict


def digest_of(prompts: Mapping[str, Fill]) -> str:
    """Return what tells these prompts from others: the digest of their texts, filled with nothing."""
    texts = [prompts[name](dict.fromkeys(variables, "")) for name, variables in sorted(PROMPTS.items())]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _values(criterion: Criterion, case: Case) -> dict[str, str]:
    values = {
        "question": case.question[:QUESTION_CHARACTERS],
        "answer": case.answer[:ANSWER_CHARACTERS],
        "passages": "\n\n".join(case.passages)[:PASSAGES_CHARACTERS],
    }
    return {name: values[name] for name in VARIABLES[criterion]}
