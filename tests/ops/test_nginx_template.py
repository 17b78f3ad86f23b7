"""The nginx templates, filled as each place fills them: nginx accepts them, and gixy finds nothing."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from ops.local.parts import nginx
from ops.local.problems import LocalProblem
from tests.fakes.edge import TEMPLATES, command, read_environ
from tests.ops.nginx_places import USED, places_of, text_of, values_of, write
from tests.ops.yaml_files import parse

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"
ALL = sorted(path.name for path in TEMPLATES.glob("*.template"))
NO_STATUS = ("stub_status;", "return 204;")
"""nginx of the test machine is built without the counters."""
EXCEPTIONS: Mapping[str, str] = {}
"""gixy's findings that stand: name of the check, and why. There are none."""


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end."""
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own tools


@pytest.mark.parametrize("place", sorted(USED))
def test_nginx_accepts_the_configuration_without_a_warning(place: str, tmp_path: Path) -> None:
    folder = write(place, tmp_path)
    status = folder / "conf.d" / "status.conf"
    if status.exists():
        assert NO_STATUS[0] in status.read_text()
        status.write_text(status.read_text().replace(*NO_STATUS))
    done = run(*command(folder, "-t"))
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


@pytest.mark.parametrize("place", sorted(USED))
def test_gixy_finds_nothing_of_medium_weight_or_more(place: str, tmp_path: Path) -> None:
    version = ["--nginx-version", image_version()] if place == "compose" else []
    gixy = str(Path(sys.executable).with_name("gixy"))
    done = run(gixy, "-ll", "-f", "json", *version, str(write(place, tmp_path) / "nginx.conf"))
    found = {f"{each['plugin']}: {each['reason'] or each['summary']}" for each in json.loads(done.stdout)}
    assert {finding for finding in found if finding.partition(":")[0] not in EXCEPTIONS} == set()


def image_version() -> str:
    """Return the nginx that compose runs."""
    tag = parse(COMPOSE.read_text(encoding="utf-8"))["services"]["nginx"]["image"]
    found = re.fullmatch(r"nginx:(\d+\.\d+\.\d+)(@sha256:[0-9a-f]{64})?", tag)
    assert found is not None, tag
    return found[1]


def test_the_nginx_of_compose_finds_replicas_by_name_while_it_runs() -> None:
    # `resolve` in an upstream came to the open-source nginx with 1.27.3.
    assert tuple(map(int, image_version().split("."))) >= (1, 27, 3)
    assert " resolve " in read_environ("compose.env")["SWITCHYARD_NGINX_REPLICAS"]


@pytest.mark.parametrize("name", ALL)
def test_every_place_is_explained_in_its_template_and_every_explained_one_is_used(name: str) -> None:
    explained = set(re.findall(r"^#   (SWITCHYARD_NGINX_[A-Z_]+)  ", text_of(name), re.MULTILINE))
    assert explained == places_of(name)


@pytest.mark.parametrize("place", sorted(USED))
def test_every_place_has_a_value_for_each_of_its_templates_and_no_other(place: str, tmp_path: Path) -> None:
    wanted = set[str]().union(*(places_of(f"{name}.template") for name in USED[place]))
    values = values_of(place, tmp_path)
    if place == "compose":
        shown = re.compile(values.pop("NGINX_ENVSUBST_FILTER"))
        assert all(shown.search(name) for name in wanted)
    unused = {"SWITCHYARD_NGINX_GRAFANA", "SWITCHYARD_NGINX_RESOLVER"} if place == "bare-metal" else set[str]()
    assert unused <= {name for name, value in values.items() if not value}
    assert set(values) == wanted


@pytest.mark.parametrize("place", sorted(USED))
def test_no_value_holds_what_envsubst_shell_or_compose_would_read_otherwise(place: str, tmp_path: Path) -> None:
    values = values_of(place, tmp_path)
    values.pop("NGINX_ENVSUBST_FILTER", None)
    assert not [name for name, value in values.items() if set(value) & set("$\\'\"`#")]


def test_no_template_has_a_variable_of_nginx_that_envsubst_would_fill() -> None:
    for name in ALL:
        assert set(re.findall(r"\$\{(\w+)\}", text_of(name))) == places_of(name)
        assert not re.findall(r"\$SWITCHYARD", text_of(name))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["127.0.0.0/8"]),
        ({nginx.UNLIMITED: ""}, []),
        ({nginx.UNLIMITED: "10.0.0.7, fd00::/8"}, ["10.0.0.7/32", "fd00::/8"]),
    ],
)
def test_the_local_stack_limits_nobody_on_this_machine_unless_it_is_told_to(
    given: dict[str, str], expected: list[str]
) -> None:
    assert nginx.unlimited(given) == expected


def test_an_address_that_makes_no_sense_is_a_problem_of_the_user() -> None:
    with pytest.raises(LocalProblem, match=nginx.UNLIMITED):
        nginx.unlimited({nginx.UNLIMITED: "10.0.0.7 1; }"})
