"""Training of the complexity weights, on made outcomes whose answer is known."""

import csv
from pathlib import Path

import numpy as np
import pytest

from app.inference.routing.complexity import Rater, hashes, read_weights, sum_of
from app.inference.routing.cues import read
from app.inference.words.tiers import Tier
from ops.train import blend, curves, evaluate, learned
from ops.train.complexity import QUESTIONS, main
from ops.train.outcomes import Outcomes, read_outcomes

WORDS = ("lamp", "kettle", "invoice", "gateway", "cable", "store")


def write_outcomes(path: Path, *, rows: int = 180) -> None:
    """Write prompts of six subjects in which the word `derive` decides whether the strong model is needed."""
    rng = np.random.default_rng(7)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("subject", "prompt", "weak_correct", "strong_correct"))
        for row in range(rows):
            hard = bool(rng.random() < 0.5)
            words = [str(word) for word in rng.choice(WORDS, 12)]
            verb = "derive" if hard else "name"
            prompt = f"{verb} the {' '.join(words)}\nA. one\nB. two\nC. three\nD. four\nAnswer:"
            writer.writerow((f"subject{row % 6}", prompt, int(not hard), 1))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "outcomes.csv"
    write_outcomes(path)
    return path


def test_training_finds_the_word_that_decides(data: Path) -> None:
    outcomes = read_outcomes(data)
    matrix = learned.matrix_of(outcomes.prompts)
    held = evaluate.folds_of(outcomes, seed=1)[0]
    scores = learned.fit(matrix, outcomes.gain, ~held, ridge=1.0).scores(matrix)[held]
    assert curves.apgr(scores, outcomes.gain[held]) > 0.7


def test_the_same_seed_writes_the_same_files(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written: list[tuple[bytes, bytes]] = []
    for name in ("one", "two"):
        out, evidence = tmp_path / f"{name}.json", tmp_path / f"{name}.md"
        given = ["--data", str(data), "--out", str(out), "--evidence", str(evidence)]
        assert main([*given, "--seed", "3", "--samples", "5"]) == 0
        written.append((out.read_bytes(), evidence.read_bytes()))
    assert written[0] == written[1]
    assert str(tmp_path) not in written[0][1].decode()
    rater = Rater(read_weights(tmp_path / "one.json"))
    assert rater.rate("What is the warranty period?", turns=0, session_tier=None).tier is Tier.SIMPLE
    assert main(["--data", str(data), "--out", str(tmp_path / "one.json"), "--samples", "5", "--rate-only"]) == 0
    assert "need, as served" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["subject,prompt\na,b\n", "subject,prompt,weak_correct,strong_correct\n", None])
def test_data_that_cannot_be_used_is_named(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "outcomes.csv"
    if content is not None:
        path.write_text(content)
    assert main(["--data", str(path), "--out", str(tmp_path / "w.json"), "--evidence", str(tmp_path / "e.md")]) == 2
    assert "outcomes.csv" in capsys.readouterr().err
    assert not (tmp_path / "w.json").exists()


def test_no_subject_is_trained_on_and_rated(data: Path) -> None:
    outcomes = read_outcomes(data)
    folds = evaluate.folds_of(outcomes, seed=2)
    assert np.array_equal(np.sum(folds, axis=0), np.ones(len(outcomes.prompts)))
    for held in folds:
        assert not set(outcomes.subjects[held]) & set(outcomes.subjects[~held])


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


def test_a_subject_below_chance_is_named() -> None:
    outcomes = Outcomes(np.array(["good"] * 4 + ["bad"] * 4), ["p"] * 8, np.zeros(8), np.array([1.0] * 4 + [0.0] * 4))
    assert evaluate.broken_subjects(outcomes) == ["bad"]


def test_training_and_serving_score_alike() -> None:
    texts = ["Compare the lamp with the kettle.", "What is the weight?"]
    rng = np.random.default_rng(5)
    table = rng.normal(size=1 << learned.BITS)
    scores = learned.matrix_of(texts).times(table, 0.0)
    mask = (1 << learned.BITS) - 1
    assert scores == pytest.approx([sum_of(list(table), mask, read(text).words) for text in texts])
    assert max(hashes(mask, read(texts[0]).words)) <= mask


def test_no_cue_gets_a_negative_weight_and_the_cuts_rise() -> None:
    columns = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [0.0, 0.0], [1.0, 1.0], [2.0, 0.0]])
    odds = blend.fit(columns, np.array([0, 1, 2, 0, 1, 2]))
    assert odds.weights.min() >= 0
    assert odds.medium_at < odds.complex_at


def test_thresholds_stand_between_the_groups() -> None:
    needs, tiers = np.array([0.1, 0.2, 0.5, 0.55, 0.8, 0.9]), np.array([0, 0, 1, 1, 2, 2])
    cuts = blend.thresholds(needs, tiers)
    assert list(cuts.tiers(needs)) == list(tiers)
    assert 0.2 < cuts.simple_below < 0.5
    assert blend.cost(np.array([0, 2]), np.array([2, 0])) == pytest.approx(2 + 2 * blend.UNDER_COST)


def test_no_labelled_question_is_in_both_parts() -> None:
    fitted, check = blend.read_questions(QUESTIONS, "fit"), blend.read_questions(QUESTIONS, "check")
    assert not set(fitted.texts) & set(check.texts)
    assert min(np.bincount(fitted.tiers)) >= 20
