"""An alert leads to a page that this installation serves."""

import re
from pathlib import Path

import pytest
import yaml

from ops.docs.runbook_pages import FOLDER
from ops.local.layout import Layout
from ops.local.parts import prometheus
from tests.fakes.edge import TEMPLATES, read_environ
from tests.ops.alert_rules import COMPOSE, LOCAL, rules
from tests.ops.compose import load, read_variables

PAGES = TEMPLATES / "pages"
NAMES = sorted(path.stem for path in FOLDER.glob("*.md"))


def test_every_alert_leads_to_a_page_under_the_address_of_the_setting() -> None:
    for rule in rules():
        if rule.alert:
            base, _, name = rule.annotations["runbook_url"].rpartition("/")
            assert base == "{{ $externalLabels.runbooks }}"
            assert f"<h1>{rule.alert}</h1>" in (PAGES / "runbooks" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_page_links_to_what_is_served(name: str) -> None:
    page = PAGES / "runbooks" / f"{'index' if name == 'README' else name}.html"
    targets = re.findall(r'href="([^"]+)"', page.read_text(encoding="utf-8"))
    assert [to for to in targets if to != "/docs/errors" and not (page.parent / to).is_file()] == []


@pytest.mark.parametrize("file", [COMPOSE, LOCAL], ids=["compose", "local"])
def test_prometheus_is_told_the_address_and_sends_no_label_of_it(file: Path) -> None:
    told = yaml.safe_load(file.read_text(encoding="utf-8"))
    place = "RUNBOOKS_URL" if file == COMPOSE else "SWITCHYARD_RUNBOOKS"
    assert told["global"]["external_labels"] == {"runbooks": f"${{{place}}}"}
    assert told["alerting"]["alert_relabel_configs"] == [{"regex": "runbooks", "action": "labeldrop"}]


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, "https://localhost/runbooks"),
        ({"PUBLIC_URL": "https://chat.example.com"}, "https://chat.example.com/runbooks"),
        ({"RUNBOOKS_URL": "https://wiki.example.com/switchyard"}, "https://wiki.example.com/switchyard"),
    ],
)
def test_compose_leads_to_its_own_nginx_unless_told_otherwise(given: dict[str, str], address: str) -> None:
    services = load(variables=read_variables() | given).services
    assert services["prometheus"].environment["RUNBOOKS_URL"] == address
    served_from = read_environ("compose.env")["SWITCHYARD_NGINX_PAGES"]
    assert ("./nginx/pages", served_from, True) in services["nginx"].mounts()


def test_an_installation_that_has_no_such_variable_yet_leads_to_its_own_nginx() -> None:
    older = {name: value for name, value in read_variables().items() if name not in {"RUNBOOKS_URL", "PUBLIC_URL"}}
    assert load(variables=older).services["prometheus"].environment["RUNBOOKS_URL"] == "https://localhost/runbooks"


def test_the_local_stack_leads_to_its_own_nginx(tmp_path: Path) -> None:
    layout = Layout.open(tmp_path, {})
    part = prometheus.prometheus(layout)
    part.prepare()
    told = yaml.safe_load((tmp_path / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    address = f"http://{layout.ports.address('nginx')}/runbooks"
    assert told["global"]["external_labels"] == {"runbooks": address}
