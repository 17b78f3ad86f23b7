"""The targets are the strictest of what was promised, and a file of targets that makes no sense is refused."""

from pathlib import Path

import pytest

from ops.load.problems import LoadImpossible
from ops.load.report import limit_of
from ops.load.targets import read_targets

GOOD = '[[targets]]\nname = "n"\npromises = ["X-1"]\nof = "upload"\nstatistic = "p99"\nbelow = 1.0\n'


@pytest.mark.requirement("ORC-80.told", "ORC-81.told", "ORC-83.told", "UPL-20.told", "UPL-21.told")
@pytest.mark.requirement("UPL-22.told", "UPL-23.told", "INS-82.limit")
def test_the_targets_are_the_strictest_promises() -> None:
    assert {target.name: limit_of(target) for target in read_targets()} == {
        "median answer": "< 2.000 s",
        "mean answer": "< 3.000 s",
        "simple answers, p95": "< 3.000 s",
        "all answers, p95": "< 5.000 s",
        "all answers, p99": "< 10.000 s",
        "retrieval, p99": "<= 3.000 s",
        "upload, p99": "< 30.000 s",
        "processing, p99": "< 60.000 s",
        "errors": "< 1.00%",
        "cost of an answer": "<= $0.015000",
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "targets = []",
        "[[targets",
        GOOD.replace("below", "under"),
        GOOD.replace("upload", "nothing known"),
        GOOD.replace("p99", "p98"),
        GOOD + "at_most = 2.0\n",
        GOOD.replace("below = 1.0\n", ""),
        GOOD + 'tier = "simple"\n',
    ],
)
def test_targets_that_make_no_sense_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "targets.toml"
    path.write_text(text)
    with pytest.raises(LoadImpossible):
        read_targets(path)


def test_own_targets_may_be_given(tmp_path: Path) -> None:
    path = tmp_path / "targets.toml"
    path.write_text(GOOD)
    (target,) = read_targets(path)
    assert target.is_met(0.5)
    assert not target.is_met(1.0)
