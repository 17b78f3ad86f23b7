"""The packaged models' templates are rendered as Go's own text/template renders them."""

from pathlib import Path
from typing import cast

import msgspec
import pytest

from ops.local.models.catalogue import Size, read_catalogue
from ops.local.models.store import TEMPLATES
from ops.local.ollama import go_templates, wire
from ops.local.ollama.go_templates import Values
from ops.local.ollama.go_values import as_json, printed
from ops.local.ollama.gojson import Json, Object, encode, parse

THINKING = "chatml-thinking"
"""No packaged model has it: tests give it to one of their own."""
HERE = Path(__file__).parents[3] / "contract" / "go_templates"


class Golden(msgspec.Struct, frozen=True):
    """What Go made of a case with a template (`tests/contract/go_templates/main.go`)."""

    template: str
    case: str
    prompt: str


CASES = {str(case["name"]): case for case in cast("list[Object]", parse((HERE / "cases.json").read_bytes()))}
GOLDENS = msgspec.json.decode((HERE / "goldens.json").read_bytes(), type=list[Golden])


def _values(case: Object) -> Values:
    if case.get("suffix"):
        return Values(prompt=str(case["prompt"]), suffix=str(case["suffix"]))
    asked = wire.chat_request(
        encode({"model": "m", **{name: case[name] for name in ("messages", "tools", "think") if name in case}})
    )
    return go_templates.values_of(asked.messages, asked.tools, think=asked.call.think)


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: f"{golden.template}: {golden.case}")
def test_a_conversation_is_rendered_as_go_renders_it(golden: Golden) -> None:
    render = go_templates.find((TEMPLATES / golden.template).read_text().rstrip("\n"))
    assert render is not None
    assert render(_values(CASES[golden.case])) == golden.prompt


def test_every_packaged_template_and_case_has_its_golden() -> None:
    packaged = {model.template for model in read_catalogue().of_size(Size.ALL) if model.template}
    every = {path.name for path in TEMPLATES.iterdir()}
    assert every == packaged | {THINKING}
    assert {(golden.template, golden.case) for golden in GOLDENS} == {(one, case) for one in every for case in CASES}


def test_a_template_that_is_not_packaged_has_no_renderer() -> None:
    assert go_templates.find("{{ .Prompt }}") is None


@pytest.mark.parametrize(
    ("value", "json", "plain"),
    [
        (1, "1", "1"),
        (-0.5, "-0.5", "-0.5"),
        (999999, "999999", "999999"),
        (1234567, "1234567", "1.234567e+06"),
        (1e20, "100000000000000000000", "1e+20"),
        (1e21, "1e+21", "1e+21"),
        (0.0001, "0.0001", "0.0001"),
        (0.00001, "0.00001", "1e-05"),
        (1e-7, "1e-7", "1e-07"),
        (0, "0", "0"),
        ({"b": [None, True], "a": "<"}, '{"a":"\\u003c","b":[null,true]}', "map[a:< b:[<nil> true]]"),
    ],
)
def test_values_are_written_as_go_writes_them(value: Json, json: str, plain: str) -> None:
    """Go source: encoding/json/encode.go, floatEncoder; strconv/ftoa.go, %e is used; fmt/print.go, printValue."""
    assert (as_json(value), printed(value)) == (json, plain)
