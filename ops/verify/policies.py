"""Asks every question of the model of every tier, and compares ways of choosing among them by success and price."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.inference.words.tiers import TIERS, Tier
from ops.drill.target import Target
from ops.local.models.catalogue import Size, read_catalogue
from ops.verify.answers import SEED, Asked, ask_one, is_right
from ops.verify.evidence import Outcome, Page, Verdict, share, table, write
from ops.verify.questions import read_questions
from ops.verify.stack import StackFailed, open_stack, upload_handbook

INTRODUCTION = """\
Every second question about the sample handbook ([samples/questions.toml](../../samples/questions.toml)) is asked of the
model of every tier, which a routing contract pins by its digest, and once more without one. *Routed* is what the
platform chose itself; the other rows are computed from the pinned answers. *Shuffled* sends as many questions to
each tier as the routing did, but any ones: its row is the mean over all ways of dealing them out. What routing is
worth is the difference between those two. The interval of *shuffled* holds 95 of 100 dealings: routing is better than
chance only where *routed* lies outside of it. The intervals of the other rows are those of a share of so few questions
(Wilson, 95 %)."""

NOTES = """\
*Right*: the answer holds every fact that was asked for and cites the right document, or says that it does not know
where no document has it. GPU-seconds and cost are those of the stored calls, embedding included; without GPUs a
GPU-second is a second of a node's share of the processor."""
EVERY = 2
"""Of so many questions one is asked: all of them, four times each, take the better part of an hour on two cores."""
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


def verify(environ: Mapping[str, str], directory: Path, say: Callable[[str], None]) -> Outcome:
    """Ask everything of everyone and write policies.md. Raises StackFailed."""
    questions = read_questions()[::EVERY]
    with open_stack(environ, Size.ALL) as target:
        upload_handbook(target)
        found = digests(target)
        pinned = dict[Tier, list[Asked]]()
        for tier in TIERS:
            say(f"{tier.value}: {len(questions)} questions")
            pinned[tier] = [ask_one(target.url, target.key, one, digest=found[tier]) for one in questions]
        say(f"routed: {len(questions)} questions")
        routed = [ask_one(target.url, target.key, one) for one in questions]
    sums = compare(pinned, routed)
    write(directory, "policies", _page(sums, routed), seed=SEED)
    errors = sum(bool(asked.error) for asked in (*routed, *(one for group in pinned.values() for one in group)))
    best, chance = sums[-1], sums[-2]
    line = f"routed {_told(best)}, shuffled {_told(chance)}"
    return Outcome(Verdict.FAILED if errors else Verdict.HELD, f"{line}, {errors} errors")


def _page(sums: Sequence[Sum], routed: Sequence[Asked]) -> Page:
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
    sections = (
        (
            "Ways of choosing",
            f"{table(('choice', 'right (likely)', 'GPU-seconds', 'cost USD'), rows)}\n\n{_verdict(sums)}\n\n{NOTES}",
        ),
        ("Where the routing sent them", table(("tier", "questions"), tiers)),
    )
    return Page("What routing is worth", INTRODUCTION, "python -m ops.verify --only policies", sections)


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
