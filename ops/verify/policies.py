"""Asks every question of the model of every tier, and compares ways of choosing among them by success and price."""

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
Each question about the sample handbook ([samples/questions.toml](../../samples/questions.toml)) is asked of the
model of every tier, which a routing contract pins by its digest, and once more without one. *Routed* is what the
platform chose itself; the other rows are computed from the pinned answers. *Shuffled* sends as many questions to
each tier as the routing did, but any ones: its row is the mean over all ways of dealing them out. What routing is
worth is the difference between those two."""

NOTES = """\
*Right*: the answer holds every fact that was asked for and cites the right document, or says that it does not know
where no document has it. GPU-seconds and cost are those of the stored calls, embedding included; without GPUs a
GPU-second is a second of a node's share of the processor. So few questions make wide intervals: a difference of two
or three answers says nothing."""


@dataclass(frozen=True, slots=True)
class Sum:
    """What a way of choosing brings over all questions; means where it deals them out at random."""

    name: str
    right: float
    gpu_seconds: float
    cost_usd: float


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
    )
    return [*always, shuffled, _sum("routed", routed)]


def verify(environ: Mapping[str, str], directory: Path, say: Callable[[str], None]) -> Outcome:
    """Ask everything of everyone and write policies.md. Raises StackFailed."""
    questions = read_questions()
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
        (one.name, f"{one.right:.1f} of {len(routed)}", f"{one.gpu_seconds:.1f}", f"{one.cost_usd:.6f}") for one in sums
    ]
    tiers = [(tier.value, share(sum(asked.tier == tier.value for asked in routed), len(routed))) for tier in TIERS]
    sections = (
        ("Ways of choosing", f"{table(('choice', 'right', 'GPU-seconds', 'cost USD'), rows)}\n\n{NOTES}"),
        ("Where the routing sent them", table(("tier", "questions"), tiers)),
    )
    return Page("What routing is worth", INTRODUCTION, "python -m ops.verify --only policies", sections)


def _sum(name: str, asked: Sequence[Asked]) -> Sum:
    return Sum(
        name,
        right=sum(map(is_right, asked)),
        gpu_seconds=sum(one.gpu_seconds for one in asked),
        cost_usd=sum(one.cost_usd for one in asked),
    )


def _told(one: Sum) -> str:
    return f"{one.right:.1f} right in {one.gpu_seconds:.0f} GPU-s"
