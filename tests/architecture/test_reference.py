"""The reference pages say what the code says, and the glossary holds its words."""

import re
from enum import StrEnum
from pathlib import Path

import pytest

from app.api.documents import UploadView
from app.api.jobs import JobView
from ops.docs.__main__ import REFERENCE, RUNBOOKS
from ops.docs.words_page import SETS
from ops.pages import Pages
from tests.architecture.sources import ROOT, none

GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
VOCABULARY = (
    *(
        "replica",
        "worker",
        "node",
        "model",
        "tier",
        "complexity",
        "slot",
        "lease",
        "placement",
        "route",
        "job",
        "affinity",
    ),
    *("warm", "probe", "breaker", "drain", "retry", "escalate", "degrade", "call", "delta", "agent", "team", "step"),
    *("session", "run", "task", "effect", "turn", "checkpoint", "interrupt", "event", "tool", "document", "chunk"),
    *("passage", "collection", "ingest", "tenant", "caller", "api key", "token", "budget", "usage", "reserve"),
    *("rate limit", "admit"),
)


@pytest.mark.parametrize("pages", [REFERENCE, RUNBOOKS], ids=["reference", "runbooks"])
def test_the_pages_are_fresh(pages: Pages, capsys: pytest.CaptureFixture[str]) -> None:
    assert pages.run(["--check"]) == 0, capsys.readouterr().out


def test_the_page_of_endpoints_says_what_any_key_may_meet() -> None:
    endpoints = (REFERENCE.folder / "api.md").read_text(encoding="utf-8")
    assert "may also answer 401 `key_unknown`, 429 `rate_limited`, 503 `store_unavailable`." in endpoints


def test_the_quickstart_names_the_fields_of_the_replies() -> None:
    quickstart = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+)` and a `([a-z_]+)`|until its `([a-z_]+)` is `done`", quickstart))
    fields = {name for names in named for name in names if name}
    assert fields == {"job_id", "status_url", "status"}
    assert fields <= {*UploadView.__struct_fields__, *JobView.__struct_fields__}


def test_an_old_page_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert REFERENCE.run(["--directory", str(tmp_path)]) == 0
    assert REFERENCE.old(tmp_path) == []
    (tmp_path / "errors.md").write_text("old")
    assert REFERENCE.run(["--check", "--directory", str(tmp_path)]) == 1
    assert "errors.md is old" in capsys.readouterr().out


def test_the_glossary_explains_the_vocabulary() -> None:
    bold = {word for part in GLOSSARY.split("**")[1::2] for word in part.split(", ")}
    none([word for word in VOCABULARY if word not in bold])


def test_every_member_of_a_closed_set_is_explained() -> None:
    words = (REFERENCE.folder / "words.md").read_text(encoding="utf-8")
    missing: list[str] = []
    for module, name in SETS:
        kind: type[StrEnum] = getattr(module, name)
        missing += [f"{name}.{member.name}" for member in kind if f"`{member.value}`" not in words]
    none(missing)


def test_states_stand_in_the_glossary() -> None:
    states = {"NodeState", "RunState", "DocumentState", "JobState", "Tier", "TierReason", "BreakerState", "EventKind"}
    missing: list[str] = []
    for module, name in SETS:
        if name in states:
            kind: type[StrEnum] = getattr(module, name)
            missing += [f"{name}: {member.value}" for member in kind if f"`{member.value}`" not in GLOSSARY]
    none(missing)


def test_every_decision_has_its_five_parts() -> None:
    parts = ("## Context", "## Decision", "## Consequences", "## Alternatives", "## Held by")
    records = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    none([f"{path.name}: {part}" for path in records for part in parts if part not in path.read_text()])
