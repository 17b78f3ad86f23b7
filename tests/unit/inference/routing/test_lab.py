"""Training and judging the weights, on made outcomes whose answer is known."""

import csv
from pathlib import Path

import numpy as np
import pytest

from app.inference.routing.complexity import SHIPPED, Rater, read_weights
from app.inference.routing.lab import calibrate, choice, curves, evaluate, labels, nearness, report, shuffle, train
from app.inference.routing.lab.nearness import Vectors
from app.inference.routing.lab.outcomes import LABELS, Outcomes, read_outcomes

WORDS = ("lamp", "kettle", "invoice", "gateway", "cable", "store")
ROWS = 600


def made(*, rows: int = ROWS) -> tuple[Outcomes, Vectors]:
    """Return prompts of six subjects; on which side the vector lies says if they need the strong model."""
    rng = np.random.default_rng(7)
    hard = rng.random(rows) < 0.5
    prompts = [f"Name the {' '.join(map(str, rng.choice(WORDS, 12)))}\nA. one\nB. two\nC. three\nAnswer:" for _ in hard]
    subjects = np.array([f"subject{row % 6}" for row in range(rows)])
    matrix = rng.normal(size=(rows, 8)).astype(np.float32)
    matrix[:, 0] = np.where(hard, 3.0, -3.0)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    outcomes = Outcomes(subjects, prompts, (~hard).astype(np.float64), np.ones(rows))
    return outcomes, Vectors("d1", matrix)


def write_outcomes(path: Path, outcomes: Outcomes) -> None:
    """Write them as a csv."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("subject", "prompt", "weak_correct", "strong_correct"))
        writer.writerows(zip(outcomes.subjects, outcomes.prompts, outcomes.weak, outcomes.strong, strict=True))


@pytest.fixture(scope="module")
def blend() -> train.Blend:
    return train.fit_blend(train.QUESTIONS)


def test_prototypes_find_the_side_that_needs_more_model_in_subjects_that_they_never_saw(blend: train.Blend) -> None:
    outcomes, vectors = made()
    rated = evaluate.rate_left_out(outcomes, vectors, lambda one, near: train.fit(one, near, blend, seed=1), seed=1)
    gain = outcomes.gain
    assert curves.apgr(rated.orders[evaluate.EMBEDDED], gain) > curves.apgr(rated.orders[evaluate.TEXT], gain) + 0.05
    assert curves.apgr(rated.orders[evaluate.NEIGHBOURS], gain) > 0.7
    assert curves.apgr(rated.orders[evaluate.TEXT], gain) == pytest.approx(0.5, abs=0.08)
    assert curves.apgr(rated.orders[evaluate.ORACLE], gain) == pytest.approx(0.75, abs=0.02)


def test_the_same_seed_makes_the_same_weights_and_they_serve(blend: train.Blend) -> None:
    outcomes, vectors = made()
    first, second = (train.fit(outcomes, vectors, blend, seed=3) for _ in range(2))
    assert first == second
    assert first.prototypes is not None
    assert first.prototypes.digest == "d1"
    rater, prompt = Rater(first), outcomes.prompts[0]
    hard, easy = (
        rater.rate(prompt, turns=0, session_tier=None, embedding=(side, *[0.0] * 7), embedder_digest="d1").need
        for side in (1.0, -1.0)
    )
    assert hard > easy + 0.1


def test_without_vectors_the_weights_have_no_prototypes(blend: train.Blend) -> None:
    assert train.fit(made()[0], None, blend, seed=1).prototypes is None


def test_too_few_multiple_choice_prompts_leave_the_shipped_choice(blend: train.Blend) -> None:
    few = made(rows=30)[0]
    assert train.fit(few, None, blend, seed=1).choice == read_weights(SHIPPED).choice
    with pytest.raises(ValueError, match="30 multiple-choice prompts are too few"):
        choice.fit(few)


def test_labelled_questions_beside_the_outcomes_are_taken(tmp_path: Path) -> None:
    assert train.labels_of(tmp_path) == train.QUESTIONS
    (tmp_path / LABELS).write_text("")
    assert train.labels_of(tmp_path) == tmp_path / LABELS
    assert train.labels_of(tmp_path / "one.csv") == tmp_path / LABELS


def test_a_directory_is_read_whole(tmp_path: Path) -> None:
    write_outcomes(tmp_path / "a.csv", made(rows=6)[0])
    write_outcomes(tmp_path / "b.csv", made(rows=12)[0])
    assert len(read_outcomes(tmp_path).prompts) == 18
    assert len(read_outcomes(tmp_path / "a.csv").prompts) == 6


@pytest.mark.parametrize("content", ["subject,prompt\na,b\n", "subject,prompt,weak_correct,strong_correct\n"])
def test_data_that_cannot_be_used_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "outcomes.csv").write_text(content)
    (empty := tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"outcomes\.csv"):
        read_outcomes(tmp_path / "outcomes.csv")
    with pytest.raises(ValueError, match="no csv with rows"):
        read_outcomes(empty)


def test_no_subject_is_trained_on_and_rated() -> None:
    outcomes = made()[0]
    folds = nearness.folds_of(outcomes, seed=2)
    assert np.array_equal(np.sum(folds, axis=0), np.ones(len(outcomes.prompts)))
    for held in folds:
        assert not set(outcomes.subjects[held]) & set(outcomes.subjects[~held])


def test_neighbours_are_of_other_subjects() -> None:
    outcomes = Outcomes(np.array(["a", "a", "b", "b"]), ["p"] * 4, np.zeros(4), np.array([1.0, 1.0, 0.0, 0.0]))
    found = nearness.neighbours(outcomes, np.eye(4, dtype=np.float32), count=1)
    assert list(found) == [0.0, 0.0, 1.0, 1.0]


def test_apgr_is_high_for_the_right_order_and_low_for_the_wrong_one() -> None:
    gain = np.array([1.0] * 50 + [0.0] * 50)
    right = np.arange(100.0, 0.0, -1.0)
    assert curves.apgr(right, gain) == pytest.approx(0.75)
    assert curves.apgr(-right, gain) == pytest.approx(0.25)
    assert curves.apgr(np.zeros(100), gain) == pytest.approx(0.5)
    assert curves.share_for(right, gain, 0.5) == pytest.approx(0.25)
    assert curves.recovered_at(right, gain, 0.25) == pytest.approx(0.5)


def test_without_a_gap_there_is_no_figure() -> None:
    with pytest.raises(ValueError, match="no gap"):
        curves.apgr(np.arange(3.0), np.zeros(3))


def test_a_subject_below_chance_is_named_and_shown_apart() -> None:
    outcomes = Outcomes(np.array(["good"] * 4 + ["bad"] * 4), ["p"] * 8, np.zeros(8), np.array([1.0] * 4 + [0.0] * 4))
    assert evaluate.broken_subjects(outcomes) == ["bad"]


def test_a_useless_router_may_not_serve_and_a_good_one_may() -> None:
    rng = np.random.default_rng(1)
    gain = (rng.random(2_000) < 0.2).astype(np.float64)
    useful = gain + rng.normal(scale=2.0, size=len(gain))
    assert shuffle.judge(useful, gain, seed=1).may_serve
    assert not shuffle.judge(rng.random(len(gain)), gain, seed=1).may_serve
    assert not shuffle.judge(np.full(len(gain), 0.5), gain, seed=1).may_serve
    assert not shuffle.judge(useful, -gain, seed=1).may_serve


def test_the_calibrated_need_is_the_one_that_outcomes_show() -> None:
    rng = np.random.default_rng(2)
    scores = rng.normal(size=5_000)
    wanted = (rng.random(5_000) < 1 / (1 + np.exp(1.0 - 0.5 * scores))).astype(np.float64)
    bias, slope = choice.calibrate(scores, wanted)
    assert (bias, slope) == (pytest.approx(-1.0, abs=0.1), pytest.approx(0.5, abs=0.1))


def test_what_outcomes_show_of_the_need() -> None:
    outcomes = Outcomes(np.array(["s"] * 4), ["p"] * 4, np.array([1.0, 1.0, 0.0, 0.0]), np.array([1.0, 0.0, 1.0, 0.0]))
    assert list(outcomes.wanted) == [0.0, 0.0, 1.0, 0.5]


def test_thresholds_give_each_tier_its_share() -> None:
    needs = np.linspace(0.0, 1.0, 1001)
    found = calibrate.thresholds(read_weights(SHIPPED), needs, 0.5, 0.2)
    assert (needs < found.simple_below).mean() == pytest.approx(0.5, abs=0.01)
    assert (needs >= found.complex_from).mean() == pytest.approx(0.2, abs=0.01)
    assert calibrate.thresholds(read_weights(SHIPPED), needs, 0.0, 0.0).complex_from > 1
    with pytest.raises(ValueError, match="no more than 1"):
        calibrate.thresholds(read_weights(SHIPPED), needs, 0.7, 0.4)


def test_no_cue_gets_a_negative_weight_and_the_cuts_rise() -> None:
    columns = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [0.0, 0.0], [1.0, 1.0], [2.0, 0.0]])
    odds = labels.fit(columns, np.array([0, 1, 2, 0, 1, 2]))
    assert odds.weights.min() >= 0
    assert odds.medium_at < odds.complex_at


def test_thresholds_stand_between_the_groups() -> None:
    needs, tiers = np.array([0.1, 0.2, 0.5, 0.55, 0.8, 0.9]), np.array([0, 0, 1, 1, 2, 2])
    cuts = labels.thresholds(needs, tiers)
    assert list(cuts.tiers(needs)) == list(tiers)
    assert 0.2 < cuts.simple_below < 0.5
    assert labels.cost(np.array([0, 2]), np.array([2, 0])) == pytest.approx(2 + 2 * labels.UNDER_COST)


def test_no_labelled_question_is_in_both_parts() -> None:
    fitted, check = labels.read_questions(train.QUESTIONS, "fit"), labels.read_questions(train.QUESTIONS, "check")
    assert not set(fitted.texts) & set(check.texts)
    assert min(np.bincount(fitted.tiers)) >= 20


def test_the_shipped_blend_is_what_the_labelled_questions_give(blend: train.Blend) -> None:
    shipped = read_weights(SHIPPED)
    fitted = train.fit(made()[0], None, blend, seed=1)
    assert fitted.cues == pytest.approx(shipped.cues, abs=1e-3)
    assert (fitted.simple_below, fitted.complex_from) == (shipped.simple_below, shipped.complex_from)


def test_the_tables_show_every_way_to_choose(blend: train.Blend) -> None:
    outcomes, vectors = made(rows=300)
    weights = train.fit(outcomes, vectors, blend, seed=1)
    rated = evaluate.rate_with(outcomes, vectors, weights, seed=1)
    shown = report.evaluation(rated, evaluate.Sampling(1, 5), ["subject1"])
    for way in ("random", "length", "nearest neighbours", "text alone", "with the embedding", "oracle"):
        assert f"| {way}" in shown or f"| router, {way}" in shown
    for text in ("always small", "always large", "without subject1 (left out as asked)", "| subject5 | 50 |"):
        assert text in shown
