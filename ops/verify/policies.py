"""Asks every question of the model of every tier, and compares ways of choosing among them by success and price."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from app.inference.words.tiers import TIERS, Tier
from ops.drill.target import Target
from ops.local.models.catalogue import Size, read_catalogue
from ops.local.process import REPOSITORY
from ops.verify.answers import MAX_TOKENS, SEED, Asked, ask_one, is_right
from ops.verify.evidence import Outcome, Page, Verdict, commit, share, table, write
from ops.verify.kept import Shelf
from ops.verify.questions import Question, read_questions
from ops.verify.stack import StackFailed, open_stack, upload_handbook

INTRODUCTION = """\
Questions about the sample handbook ([samples/questions.toml](../../samples/questions.toml)) are asked of the model of
every tier, which a routing contract pins by its digest, at temperature 0: each question once of each model. Where the
platform itself sends a question is found by asking it without a contract for a single token. All rows are computed from
the same answers. *Routed* takes the answer of the model that the platform chose. *Shuffled* sends as many questions to
each tier as the routing did, but any ones: its row is the mean over all ways of dealing them out. What routing is
worth is the difference between those two. The interval of *shuffled* holds 95 of 100 dealings: routing is better than
chance only where *routed* lies outside of it. The intervals of the other rows are those of a share of so few questions
(Wilson, 95 %)."""

NOTES = """\
*Right*: the answer holds every fact that was asked for and cites the right document, or says that it does not know
where no document has it. GPU-seconds and cost are those of the stored calls, embedding included; without GPUs a
GPU-second is a second of a node's share of the processor."""
QUESTIONS = 14
"""So many of the questions, evenly spread over the list, are asked unless another number is wanted: on two cores an
answer takes some 3, 10 and 16 s by tier, so that they take about seven minutes, and all of them about fifteen."""
LIMIT_S = 2700.0
"""No question is begun later; what was answered is kept, and the next run goes on from there."""
KEPT = REPOSITORY / ".local" / "verify" / "answers.jsonl"
DEALINGS = 10_000
INNER = (0.025, 0.975)
WILSON_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Sum:
    """What a way of choosing brings over all questions; means where it deals them out at random."""

    name: str
    right: float
    gpu_seconds: float
    cost_usd: float
    likely: tuple[float, float]
    """Between what numbers of right answers it would lie 95 times of 100."""


def digests(target: Target) -> Mapping[Tier, str]:
    """Return the digest of the packaged model of each tier, as the stack lists it. Raises StackFailed."""
    headers = {"Authorization": f"Bearer {target.key}"}
    with httpx.Client(timeout=30.0, trust_env=False) as client:
        reply = client.get(f"{target.url}/ollama/api/tags", headers=headers).raise_for_status()
    listed = {model["name"]: model["digest"] for model in reply.json()["models"]}
    found = {
        Tier(tier): str(listed[model.name])
        for model in read_catalogue().of_size(Size.ALL)
        for tier in model.tiers
        if model.name in listed
    }
    if found.keys() != set(TIERS):
        raise StackFailed(f"no model is listed for {', '.join(sorted(set(TIERS) - found.keys()))}")
    return found


def compare(pinned: Mapping[Tier, Sequence[Asked]], routed: Sequence[Asked]) -> list[Sum]:
    """Return what each way of choosing brings; the questions stand in the same order everywhere."""
    always = [_sum(f"always {tier.value}", pinned[tier]) for tier in TIERS]
    parts = {tier: sum(asked.tier == tier.value for asked in routed) / len(routed) for tier in TIERS}
    shuffled = Sum(
        "shuffled",
        right=sum(parts[tier] * one.right for tier, one in zip(TIERS, always, strict=True)),
        gpu_seconds=sum(parts[tier] * one.gpu_seconds for tier, one in zip(TIERS, always, strict=True)),
        cost_usd=sum(parts[tier] * one.cost_usd for tier, one in zip(TIERS, always, strict=True)),
        likely=_dealt(pinned, routed),
    )
    return [*always, shuffled, _sum("routed", routed)]


def _dealt(pinned: Mapping[Tier, Sequence[Asked]], routed: Sequence[Asked]) -> tuple[float, float]:
    """Return between what numbers of right answers 95 of 100 dealings of the same tiers lie."""
    source, tiers = random.Random(SEED), [Tier(asked.tier) for asked in routed if asked.tier]  # noqa: S311 - no secret
    right = {tier: [is_right(asked) for asked in found] for tier, found in pinned.items()}
    sums = sorted(
        sum(right[tier][at] for at, tier in enumerate(source.sample(tiers, len(tiers)))) for _ in range(DEALINGS)
    )
    low, high = (sums[int(share_ * (DEALINGS - 1))] for share_ in INNER)
    return float(low), float(high)


def wilson(right: float, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, as numbers of right answers."""
    z2 = WILSON_Z**2
    middle = (right + z2 / 2) / (of + z2)
    wide = WILSON_Z * (right * (of - right) / of + z2 / 4) ** 0.5 / (of + z2)
    return max(0.0, middle - wide) * of, min(1.0, middle + wide) * of


@dataclass(slots=True)
class Asking:
    """Asks questions of a stack's models one after another, each once; `say` is told how far it is."""

    target: Target
    shelf: Shelf
    say: Callable[[str], None]
    total: int
    clock: Callable[[], float] = time.monotonic
    began: float = 0.0
    done: int = 0

    def pinned(self, question: Question, tier: Tier, digest: str) -> Asked:
        """Return what the model with that digest answers. Raises StackFailed when the time is over."""
        return self._told(
            tier.value,
            question,
            self.shelf.answer(question, digest, lambda: self._ask(question, digest=digest, max_tokens=MAX_TOKENS)),
        )

    def chosen(self, question: Question) -> Tier:
        """Return the tier that the platform chooses. Raises StackFailed when it chooses none, or the time is over."""
        asked = self._ask(question, digest=None, max_tokens=1)
        if asked.error:
            raise StackFailed(f"{question.id} was not routed: {asked.error}")
        self._told("routed", question, asked)
        return Tier(asked.tier)

    def _ask(self, question: Question, *, digest: str | None, max_tokens: int) -> Asked:
        if self.clock() - self.began > LIMIT_S:
            raise StackFailed(f"not all was asked within {LIMIT_S / 60:.0f} minutes; run it again to go on")
        return ask_one(self.target.url, self.target.key, question, digest=digest, max_tokens=max_tokens)

    def _told(self, who: str, question: Question, asked: Asked) -> Asked:
        self.done += 1
        spent_s = self.clock() - self.began
        what = f"{who}: {question.id}: {asked.error or asked.model}, {asked.gpu_seconds:.1f} GPU-s"
        self.say(f"{self.done} of {self.total} ({spent_s:.0f} s): {what}")
        return asked


def sample(questions: Sequence[Question], count: int) -> list[Question]:
    """Return so many questions, evenly spread over the list, the same ones each time."""
    taken = min(count, len(questions))
    return [questions[at * len(questions) // taken] for at in range(taken)]


def verify(
    environ: Mapping[str, str], directory: Path, say: Callable[[str], None], *, count: int = QUESTIONS
) -> Outcome:
    """Ask everything of everyone and write policies.md. Raises StackFailed."""
    every = read_questions()
    questions = sample(every, count)
    shelf = Shelf.open(KEPT, commit())
    with open_stack(environ, Size.ALL) as target:
        upload_handbook(target)
        found = digests(target)
        missing = sum(not shelf.has(question, found[tier]) for question in questions for tier in TIERS)
        say(f"{len(questions)} questions: {missing} answers to be made, then where each goes")
        asking = Asking(target, shelf, say, total=len(questions) * (len(TIERS) + 1), began=time.monotonic())
        pinned = {tier: [asking.pinned(one, tier, found[tier]) for one in questions] for tier in TIERS}
        tiers = [asking.chosen(one) for one in questions]
    routed = [replace(pinned[tier][at], tier=tier.value) for at, tier in enumerate(tiers)]
    sums = compare(pinned, routed)
    kept = {shelf.key(question, found[tier]): None for question in questions for tier in TIERS}
    write(directory, "policies", _page(sums, routed, len(every), shelf.commits(kept)), seed=SEED)
    errors = sum(bool(asked.error) for group in pinned.values() for asked in group)
    best, chance = sums[-1], sums[-2]
    line = f"routed {_told(best)}, shuffled {_told(chance)}"
    return Outcome(Verdict.FAILED if errors else Verdict.HELD, f"{line}, {errors} errors")


def _page(sums: Sequence[Sum], routed: Sequence[Asked], of: int, commits: Sequence[str]) -> Page:
    rows = [
        (
            one.name,
            f"{one.right:.1f} of {len(routed)} ({one.likely[0]:.1f} to {one.likely[1]:.1f})",
            f"{one.gpu_seconds:.1f}",
            f"{one.cost_usd:.6f}",
        )
        for one in sums
    ]
    tiers = [(tier.value, share(sum(asked.tier == tier.value for asked in routed), len(routed))) for tier in TIERS]
    asked = f"{len(routed)} of the {of} questions, evenly spread over the list; answered at {', '.join(commits)}."
    choices = table(("choice", "right (likely)", "GPU-seconds", "cost USD"), rows)
    sections = (
        ("Ways of choosing", f"{asked}\n\n{choices}\n\n{_verdict(sums)}\n\n{NOTES}"),
        ("Where the routing sent them", table(("tier", "questions"), tiers)),
    )
    command = f"python -m ops.verify --only policies --questions {len(routed)}"
    return Page("What routing is worth", INTRODUCTION, command, sections)


def _verdict(sums: Sequence[Sum]) -> str:
    """Return what the table shows, and what it does not."""
    always, shuffled, routed = sums[: len(TIERS)], sums[-2], sums[-1]
    low, high = shuffled.likely
    if low <= routed.right <= high:
        answers = "Routed has no more and no fewer right answers than chance may have with the same share of each tier."
    else:
        answers = f"Routed has {'more' if routed.right > high else 'fewer'} right answers than chance explains."
    best = max(always, key=lambda one: (one.right, -one.gpu_seconds))
    saved = 1 - routed.gpu_seconds / best.gpu_seconds
    less = f"{saved:.0%} fewer" if saved >= 0 else f"{-saved:.0%} more"
    return f"{answers} It took {less} GPU-seconds than {best.name}, which has the most right answers of one tier alone."


def _sum(name: str, asked: Sequence[Asked]) -> Sum:
    right = sum(map(is_right, asked))
    return Sum(
        name,
        likely=wilson(right, len(asked)),
        right=right,
        gpu_seconds=sum(one.gpu_seconds for one in asked),
        cost_usd=sum(one.cost_usd for one in asked),
    )


def _told(one: Sum) -> str:
    return f"{one.right:.1f} right in {one.gpu_seconds:.0f} GPU-s"
