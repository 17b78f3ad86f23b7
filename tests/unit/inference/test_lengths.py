"""How long answers are expected to be."""

import random

import pytest

from app.inference.lengths import KEYS, LEAST_SEEN, Lengths


def test_nothing_is_said_before_enough_was_seen() -> None:
    lengths = Lengths()
    for _ in range(LEAST_SEEN - 1):
        lengths.note("assistant", "guide", 100)
    assert lengths.expected("assistant", "guide") is None
    lengths.note("assistant", "guide", 100)
    assert lengths.expected("assistant", "guide") == pytest.approx(100, rel=0.2)
    assert lengths.expected("assistant", "other") is None
    assert lengths.expected("other", "guide") is None


def test_quantiles_are_those_of_what_was_seen() -> None:
    lengths, source = Lengths(), random.Random(7)  # noqa: S311 - no secret
    for _ in range(400):
        lengths.note("t", "a", round(source.lognormvariate(5.0, 0.8)))
    # exp(5) = 148; exp(5 + 1.2816 * 0.8) = 414.
    assert lengths.quantile("t", "a", 0.5) == pytest.approx(148, rel=0.35)
    assert lengths.quantile("t", "a", 0.9) == pytest.approx(414, rel=0.35)


def test_what_is_new_counts_for_more() -> None:
    lengths = Lengths()
    for _ in range(200):
        lengths.note("t", "a", 1000)
    for _ in range(100):
        lengths.note("t", "a", 50)
    assert lengths.expected("t", "a") == pytest.approx(50, rel=0.2)


def test_only_so_many_agents_are_remembered() -> None:
    lengths = Lengths()
    for number in range(KEYS + 1):
        for _ in range(LEAST_SEEN):
            lengths.note("t", str(number), 64)
    assert lengths.expected("t", "0") is None
    assert lengths.expected("t", str(KEYS)) == pytest.approx(64, rel=0.2)
