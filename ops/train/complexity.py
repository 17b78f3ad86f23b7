"""Trains the complexity rating and writes what it is worth: `python -m ops.train.complexity --data PATH`."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p
from pathlib import Path

import msgspec
import numpy as np

from app.finish import finish
from app.inference.routing.complexity import SHIPPED, Weights, read_weights
from app.inference.routing.cues import Cue, read
from ops.train import blend, evaluate, learned, report
from ops.train.outcomes import Floats, read_outcomes

QUESTIONS = Path(__file__).with_name("questions.toml")
EVIDENCE = Path("docs/evidence/complexity.md")

INTRODUCTION = """\
# The complexity rating: what is measured and what is assumed

Written by `python -m ops.train.complexity --data PATH`; how the rating works and why is in
[ADR 13](../adr/0013-complexity-is-read-from-the-wording.md).

Two sources teach it. Outcome data (exam prompts that a weak and a strong model answered) trains a table of hashed
words. Labelled support questions, written for this repository, fit the weights of counted cues and the thresholds.
Exam prompts are not what users ask: the first source says little about the second, which is why the blend exists.
"""

LEFT_OUT = """\
## Outcome data, subjects left out

Every prompt is rated by a table that saw no prompt of its subject. APGR is the mean of the performance gap recovered
over all shares of strong calls (RouteLLM, arXiv 2406.18665); random is 0.5. CPT is the share of strong calls that
recovers that part of the gap. Where the interval of the lead over length includes 0, the rating is not shown to beat
length alone there.
"""

CALIBRATION = """\
### Need and outcome, multiple choice

The need of an exam prompt orders prompts; it is not a probability that the strong model is needed, as this table shows.
"""

LABELLED = """\
## Labelled questions

The author of the cues wrote the questions too, so these figures flatter; traffic of a real installation is the test
that counts, and the labels are there to be replaced by it. "Left out" rates each question by a fit on all the others
(the thresholds are chosen on those left-out needs). `check` is never fitted to. Both hold long questions that ask one
fact and short ones that ask for real work, because length must not stand for complexity.
"""


@dataclass(frozen=True, slots=True)
class Blend:
    """The fitted blend, and how it does on the labelled questions."""

    odds: blend.Odds
    thresholds: blend.Thresholds
    sets: list[report.Answers]
    sentences: list[str]


def fit_blend(table: learned.Learned) -> Blend:
    """Fit on the `fit` questions and rate the `check` questions."""
    fitted, check = blend.read_questions(QUESTIONS, "fit"), blend.read_questions(QUESTIONS, "check")
    columns, checked = _columns(fitted.texts, table), _columns(check.texts, table)
    left_out = blend.left_out_needs(columns, fitted.tiers)
    odds, cuts = blend.fit(columns, fitted.tiers), blend.thresholds(left_out, fitted.tiers)
    needs = odds.needs(checked)
    lengths, checked_lengths = _lengths(fitted.texts), _lengths(check.texts)
    by_length = blend.left_out_needs(lengths, fitted.tiers)
    length_odds, length_cuts = blend.fit(lengths, fitted.tiers), blend.thresholds(by_length, fitted.tiers)
    sets = [
        report.Answers("fit, left out", fitted.tiers, cuts.tiers(left_out)),
        report.Answers("check", check.tiers, cuts.tiers(needs)),
        report.Answers("fit, left out, by length alone", fitted.tiers, length_cuts.tiers(by_length)),
        report.Answers("check, by length alone", check.tiers, length_cuts.tiers(length_odds.needs(checked_lengths))),
    ]
    sentences = [report.needs("`fit`, left out", left_out, fitted.tiers), report.needs("`check`", needs, check.tiers)]
    return Blend(odds, cuts, sets, sentences)


def _columns(texts: Sequence[str], table: learned.Learned) -> Floats:
    cues = np.array([read(text).cues for text in texts], dtype=np.float64)
    scores = np.clip(table.scores(learned.matrix_of(texts)), -2.5, 2.5)
    joined: Floats = np.column_stack([cues, scores])
    return joined


def _lengths(texts: Sequence[str]) -> Floats:
    return np.array([[log1p(len(text))] for text in texts])


def weights_of(table: learned.Learned, found: Blend) -> Weights:
    """Return the weights in the form that is served."""
    odds = found.odds
    cues = {cue.name.lower(): round(float(odds.weights[cue]), 4) for cue in Cue}
    return Weights(
        bits=learned.BITS,
        table=table.encoded(),
        scale=table.scale,
        log_chars=table.length,
        mean=table.mean,
        deviation=table.deviation,
        cues=cues | report.PRIORS,
        learned=round(float(odds.weights[len(Cue)]), 4),
        # No label tells how hard exam questions are for the models served here: the average one is taken for the
        # middle of medium, and one standard deviation of the score leads halfway out of it.
        exam_bias=round((odds.medium_at + odds.complex_at) / 2, 4),
        exam_learned=round((odds.complex_at - odds.medium_at) / 2, 4),
        medium_at=round(odds.medium_at, 4),
        complex_at=round(odds.complex_at, 4),
        simple_below=found.thresholds.simple_below,
        complex_from=found.thresholds.complex_from,
        margin=blend.MARGIN,
    )


def train(path: Path, out: Path, evidence: Path, *, seed: int, samples: int) -> str:
    """Train on the whole of `path`, evaluate with subjects left out, write both files, and return the evidence."""
    outcomes = read_outcomes(path)
    matrix = learned.matrix_of(outcomes.prompts)
    table = learned.fit(matrix, outcomes.gain, np.ones(matrix.size, dtype=np.bool_))
    found = fit_blend(table)
    weights = weights_of(table, found)
    rated = evaluate.rate_left_out(outcomes, matrix, lambda fold: weights_of(fold, found), seed=seed)
    subjects = len(np.unique(outcomes.subjects))
    parts = [
        INTRODUCTION,
        report.method(seed=seed, samples=samples, prompts=matrix.size, subjects=subjects) + "\n",
        LEFT_OUT,
        report.orders(rated, seed=seed, samples=samples) + "\n",
        CALIBRATION,
        report.calibration(rated) + "\n",
        LABELLED,
        report.answers(found.sets) + "\n",
        " ".join(found.sentences) + "\n",
        "## Weights\n",
        report.weights_table(weights) + "\n",
    ]
    text = "\n".join(parts)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(weights), indent=1) + b"\n")
    evidence.parent.mkdir(parents=True, exist_ok=True)
    evidence.write_text(text, encoding="utf-8")
    return text


def rate_only(path: Path, weights: Path, *, seed: int, samples: int) -> str:
    """Return the tables of finished weights on the prompts of `path`."""
    outcomes = read_outcomes(path)
    rated = evaluate.rate_shipped(outcomes, read_weights(weights), seed=seed)
    return report.orders(rated, seed=seed, samples=samples) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 2 when the data cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m ops.train.complexity", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="csv or csv.gz: subject,prompt,weak_correct,strong_correct"
    )
    parser.add_argument("--out", type=Path, default=SHIPPED, help="the weights file to write")
    parser.add_argument("--evidence", type=Path, default=EVIDENCE, help="the Markdown file to write")
    parser.add_argument("--seed", type=int, default=1, help="of folds, bootstrap and the random order")
    parser.add_argument("--samples", type=int, default=1000, help="bootstrap samples an interval")
    parser.add_argument(
        "--rate-only", action="store_true", help="train nothing: evaluate the weights at --out on --data"
    )
    given = parser.parse_args(argv)
    try:
        if given.rate_only:
            text = rate_only(given.data, given.out, seed=given.seed, samples=given.samples)
        else:
            text = train(given.data, given.out, given.evidence, seed=given.seed, samples=given.samples)
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return 2
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    finish(main)
