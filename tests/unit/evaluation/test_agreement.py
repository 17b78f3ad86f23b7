"""Whether a judge says what people say."""

from pathlib import Path

import pytest

from app.errors import BadInput
from app.evaluation.agreement import Judged, Label, agreement, kappa, read_labels, spearman


def test_kappa_is_that_of_the_textbook() -> None:
    """Fifty proposals, two readers: 20 both yes, 15 both no, 5 and 10 apart; Cohen's kappa is 0.4."""
    pairs = [(1.0, 1.0)] * 20 + [(1.0, 0.0)] * 5 + [(0.0, 1.0)] * 10 + [(0.0, 0.0)] * 15
    assert kappa(pairs) == pytest.approx(0.4)


def test_a_level_further_away_counts_more() -> None:
    near = kappa([(1.0, 0.5), (0.0, 0.0), (1.0, 1.0), (0.0, 0.0)])
    far = kappa([(1.0, 0.0), (0.0, 0.0), (1.0, 1.0), (0.0, 0.0)])
    assert near is not None
    assert far is not None
    assert far < near < 1


def test_the_same_gives_one_the_opposite_less_than_nothing_and_one_level_alone_says_nothing() -> None:
    assert kappa([(1.0, 1.0), (0.0, 0.0)]) == 1
    assert kappa([(1.0, 0.0), (0.0, 1.0)]) == -1
    assert kappa([(1.0, 1.0), (1.0, 1.0)]) is None


def test_orders_are_compared_with_ties() -> None:
    assert spearman([(0.0, 0.1), (0.5, 0.2), (1.0, 0.9)]) == pytest.approx(1)
    assert spearman([(0.0, 0.9), (0.5, 0.2), (1.0, 0.1)]) == pytest.approx(-1)
    assert spearman([(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]) == pytest.approx(0)
    assert spearman([(1.0, 0.1), (1.0, 0.2)]) is None


def test_answers_that_both_know_are_compared_and_the_others_named() -> None:
    labels = [Label(id=name, grounded=value, by="reader") for name, value in (("a", 1), ("b", 0), ("c", 0.5))]
    judged = [
        Judged(id="a", groundedness=1.0),
        Judged(id="b", groundedness=0.1),
        Judged(id="c"),
        Judged(id="d", groundedness=1.0),
    ]
    found = agreement(labels, judged)
    assert (found.answers, found.same, found.kappa, found.labelled) == (2, 1.0, 1.0, 0.5)
    assert found.without == ("c", "d")
    with pytest.raises(BadInput, match="no answer in common"):
        agreement(labels, judged[3:])


def test_labels_are_of_three_levels_and_each_answer_has_one(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"id": "a", "grounded": 0.5, "by": "r"}\n\n{"id": "b", "grounded": 1, "by": "r"}\n')
    assert [one.grounded for one in read_labels(path)] == [0.5, 1]
    path.write_text('{"id": "a", "grounded": 0.7, "by": "r"}\n')
    with pytest.raises(BadInput, match=r"line 1: a: grounded is 0, 0\.5 or 1"):
        read_labels(path)
    path.write_text('{"id": "a", "grounded": 1, "by": "r"}\n{"id": "a", "grounded": 0, "by": "r"}\n')
    with pytest.raises(BadInput, match="twice"):
        read_labels(path)
