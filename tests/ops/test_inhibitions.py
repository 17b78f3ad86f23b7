"""Which alerts are held back while another one fires, by the labels that the cases of both expect."""

import re
from typing import TypeAlias

import pytest
import yaml

from tests.ops.alert_rules import FOLDER, cases

Labels: TypeAlias = dict[str, str]

REDIS = "redis://redis-{}:6379"
_MATCHER = re.compile(r'(\w+)(=~|!=|=)"(.*)"')


def matches(matcher: str, labels: Labels) -> bool:
    """Whether labels match, as Alertmanager has it: a label that is missing is empty."""
    found = _MATCHER.fullmatch(matcher)
    assert found is not None, matcher
    name, how, value = found.groups()
    has = labels.get(name, "")
    return {"=": has == value, "!=": has != value, "=~": re.fullmatch(value, has) is not None}[how]


def is_held_back(target: Labels, source: Labels) -> bool:
    """Whether an alert is not told while another one fires."""
    rules = yaml.safe_load((FOLDER / "alertmanager.yml").read_text())["inhibit_rules"]
    return any(
        all(matches(one, source) for one in rule["source_matchers"])
        and all(matches(one, target) for one in rule["target_matchers"])
        and all(source.get(name, "") == target.get(name, "") for name in rule.get("equal", []))
        for rule in rules
    )


def expected(alert: str, **labels: str) -> Labels:
    """Return the labels with which a case expects an alert to fire."""
    moments = [moment for case in cases() for moment in case.alert_rule_test if moment.alertname == alert]
    for one in (one for moment in moments for one in moment.exp_alerts):
        if labels.items() <= one.exp_labels.items():
            return {"alertname": alert, **one.exp_labels}
    raise AssertionError(f"no case expects {alert} {labels}")


@pytest.mark.parametrize(
    ("target", "source", "labels", "is_back"),
    [
        ("QueueAlone", "ServiceDown", {"instance": REDIS.format("coordination")}, True),
        ("QueueAlone", "ServiceDown", {"instance": REDIS.format("cache")}, False),
        ("QueueSaturated", "ServiceDown", {"instance": REDIS.format("coordination")}, False),
        ("QueueAlone", "ServiceDown", {"component": "api"}, False),
        ("NodeDown", "NoNodeRoutable", {}, True),
        ("LoopFailing", "ServiceDown", {"component": "postgres"}, True),
        ("HighErrorRate", "ServiceDown", {"component": "api"}, False),
    ],
)
def test_what_follows_from_an_alert_that_fires_is_held_back(
    target: str, source: str, labels: Labels, *, is_back: bool
) -> None:
    assert is_held_back(expected(target), expected(source, **labels)) is is_back
