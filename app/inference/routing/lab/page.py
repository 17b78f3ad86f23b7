"""The page of evidence that training writes."""

from collections.abc import Sequence

from app.inference.routing.complexity import Weights
from app.inference.routing.lab import choice, nearness, report
from app.inference.routing.lab.evaluate import Rated, Sampling
from app.inference.routing.lab.shuffle import Verdict
from app.inference.routing.lab.train import Blend

INTRODUCTION = """\
# The complexity rating: what is measured and what is assumed

Written by `switchyard routing train`; how the rating works and why is in
[ADR {adr}](../adr/{page}).

Two sources teach it. Outcome data (prompts that a weak and a strong model answered) says where more model helps with
multiple-choice questions and word problems. Labelled questions, written for this repository, fit the weights of counted
cues and the thresholds. Both mean the same by need: the expected tier, from 0 (simple) to 1 (complex).
"""
ADR, PAGE = 51, "0051-a-need-is-read-two-ways.md"

LEFT_OUT = """\
## Outcome data, subjects left out

Every prompt is rated by weights that saw no prompt of its subject. APGR is the mean of the performance gap recovered
over all shares of strong calls (RouteLLM, arXiv 2406.18665); random is 0.5. CPT is the share of strong calls that
recovers that part of the gap. Where the interval of the lead over length includes 0, the rating is not shown to beat
length there. Nearest neighbours are the 60 nearest prompts of other subjects, by the embedding.
"""

TRIED = """\
### What was tried

On random halves of the subjects, trained on one and judged on the other, beside length:

- A regression on words and pairs, on 25 signs of the text, or on the vector (whole, within subjects, or of the weak
  model's errors alone): 0.05 to 0.10 below length with every subject, at most 0.02 above without the one that is
  marked wrongly. What they learn is mostly which subject a prompt is of.
- Length and the words that options repeat, equally: 0.02 above, in nearly every half. Options that speak of others,
  digits and names add 0.02.
- Nearest neighbours with a narrow kernel, beside these signs: 0.01 more. Prototypes that only average their
  surroundings lose that; prototypes with weights from kernel ridge regression keep 0.002 to 0.004 of it, and win on
  word problems.
- More than 0.4 of a standard deviation for the vector: loses with every subject.
"""

LABELLED = """\
## Labelled questions

The author of the cues wrote the questions too, so these figures flatter; traffic of a real installation is the test
that counts, and the labels are there to be replaced by it. "Left out" rates each question by a fit without its twelfth
(the thresholds are chosen on those left-out needs). `check` is never fitted to. Both hold long questions that ask one
fact and short ones that ask for real work, because length must not stand for complexity.
"""


def trained(
    rated: Rated, blend: Blend, weights: Weights, verdict: Verdict, sampling: Sampling, without: Sequence[str]
) -> str:
    """Return the page."""
    prompts, subjects = len(rated.outcomes.prompts), len(set(map(str, rated.outcomes.subjects)))
    return "\n".join(
        (
            INTRODUCTION.format(adr=ADR, page=PAGE),
            f"Seed {sampling.seed}; {prompts} prompts of {subjects} subjects; {sampling.count} bootstrap samples an "
            f"interval. Signs of a multiple-choice question, in standard deviations: {_signs()}. {nearness.COUNT} "
            f"prototypes, temperature {nearness.TEMPERATURE:g}, which count {nearness.SHARE:g} of the text's score.\n",
            LEFT_OUT,
            report.evaluation(rated, sampling, without) + "\n",
            "### Held against a shuffle\n",
            f"{verdict}\n",
            TRIED,
            LABELLED,
            report.answers(blend.answers) + "\n",
            "## Weights\n",
            report.weights_table(weights) + "\n",
        )
    )


def _signs() -> str:
    return ", ".join(f"{sign.name.lower()} {weight:g}" for sign, weight in choice.WEIGHTS.items())
