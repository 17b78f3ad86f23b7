"""The nginx templates beside the application: limits, paths, times and problems agree."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from app.accounts.keys import KEY_PATTERN
from app.api import cors
from app.api.app import EXPOSED_HEADERS, LINGER_BYTES
from app.api.codes import EDGE_CODES
from app.api.middleware import REQUEST_ID
from app.api.problems import ROUTER_CODES, STATUSES, title_of
from app.api.server import KEEP_ALIVE_S
from app.api.sse import HEARTBEAT_S
from app.api.uploads import ENVELOPE_BYTES
from app.settings import Settings, split_list
from ops.local.layout import Layout
from ops.local.parts import nginx
from tests.ops.compose import load, read_variables
from tests.ops.nginx_places import USED, directives, locations, text_of, write

LIMITS = {
    "limit_req": frozenset({("zone=requests", "burst=20", "nodelay"), ("zone=behind", "burst=200", "nodelay")}),
    "limit_conn": frozenset({("open", "256"), ("open_behind", "2048")}),
}
UNSTREAMED = {"^~ /docs", "~ ^/(health|livez|readyz)$", "^~ /grafana/", "= /grafana/api/live/ws"}
UNCOUNTED = {"~ ^/(health|livez|readyz)$", "^~ /grafana/", "= /grafana/api/live/ws"}


def number(default: object) -> float:
    """Return a setting's default as a number."""
    assert isinstance(default, (int, float))
    return float(default)


DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(Settings)}


@pytest.mark.requirement("FIN-38.least", "FIN-38.aside", "FIN-08.no-affinity")
@pytest.mark.parametrize("place", sorted(USED))
def test_replicas_are_balanced_by_open_requests_and_put_aside_when_they_fail(place: str, tmp_path: Path) -> None:
    found = [each for each in directives(write(place, tmp_path)) if each.within[-1:] == ("upstream replicas",)]
    assert {"least_conn", "zone", "keepalive"} <= {each.name for each in found}
    assert not {"ip_hash", "hash", "sticky"} & {each.name for each in found}
    servers = [each.arguments for each in found if each.name == "server"]
    limits = ("max_fails=1", "fail_timeout=1s") if place == "local" else ("max_fails=3", "fail_timeout=30s")
    assert servers
    assert all(set(limits) <= set(server) for server in servers)


@pytest.mark.parametrize("place", sorted(USED))
def test_nothing_that_may_not_be_repeated_is_passed_on_once_it_was_sent(place: str, tmp_path: Path) -> None:
    found = [each.arguments for each in directives(write(place, tmp_path)) if each.name == "proxy_next_upstream"]
    assert found == [("error", "timeout")]


@pytest.mark.requirement("FIN-38.rate", "FIN-38.burst", "FIN-41.limited")
@pytest.mark.parametrize("place", sorted(USED))
def test_every_path_counts_but_those_of_machines_and_of_grafana(place: str, tmp_path: Path) -> None:
    found = directives(write(place, tmp_path))
    zones = {each.arguments[1:] for each in found if each.name == "limit_req_zone"}
    assert zones == {("zone=requests:10m", "rate=10r/s"), ("zone=behind:10m", "rate=200r/s")}
    passing = {name: own for name, own in locations(found).items() if "proxy_pass" in own}
    assert {name for name, own in passing.items() if "limit_req" not in own} == UNCOUNTED & set(passing)
    for name in ("limit_req", "limit_conn"):
        limits = {
            place: {each.arguments for each in found if each.name == name and each.within[-1] == f"location {place}"}
            for place in passing
            if place not in UNCOUNTED
        }
        assert set(map(frozenset, limits.values())) == {LIMITS[name]}


@pytest.mark.requirement("FIN-39.framing", "FIN-39.sniffing")
@pytest.mark.parametrize("place", sorted(USED))
def test_no_location_loses_the_headers_of_its_server(place: str, tmp_path: Path) -> None:
    assert not [
        each
        for each in directives(write(place, tmp_path))
        if each.name == "add_header" and "server" not in each.within[-1:]
    ]


@pytest.mark.requirement("FIN-40.read", "FIN-40.replies")
@pytest.mark.parametrize("place", sorted(USED))
def test_any_path_may_stream_and_a_stream_outlasts_a_run(place: str, tmp_path: Path) -> None:
    found = directives(write(place, tmp_path))
    server = {each.name: each.arguments for each in found if each.within[-1:] == ("server",)}
    assert (server["proxy_buffering"], server["gzip"]) == (("off",), ("off",))
    read_s = int(server["proxy_read_timeout"][0].rstrip("s"))
    assert read_s >= 300
    assert read_s > number(DEFAULTS["run_limit_s"])
    assert read_s > 3 * HEARTBEAT_S
    assert (server["proxy_connect_timeout"], server["proxy_send_timeout"]) == (("2s",), ("60s",))
    assert server["proxy_request_buffering"] == ("on",)
    others = {name for name, own in locations(found).items() if {"proxy_buffering", "proxy_read_timeout"} & set(own)}
    assert others <= UNSTREAMED


@pytest.mark.requirement("FIN-40.replies")
def test_no_path_of_the_interface_has_a_place_of_its_own() -> None:
    """A path that is added later streams, uploads and counts as all others do; the dialects say errors otherwise."""
    patterns = {
        words.split()[-1]
        for words in re.findall(r"location (.+) \{$", text_of("switchyard.conf.template"), re.MULTILINE)
    }
    assert {each for each in patterns if not each.startswith("@")} == {
        "/",
        "^/(v1|ollama)(/|$)",
        "/docs",
        "/metrics",
        "/runbooks/",
        "^/(health|livez|readyz)$",
        "/nginx/bad-request",
    }


@pytest.mark.parametrize("place", sorted(USED))
def test_what_the_application_takes_nginx_lets_through(place: str, tmp_path: Path) -> None:
    found = [each.arguments for each in directives(write(place, tmp_path)) if each.name == "client_max_body_size"]
    (size,) = found
    limit = int(size[0].rstrip("m")) * (2**20 if size[0].endswith("m") else 1)
    assert limit > max(number(DEFAULTS["max_body_bytes"]), number(DEFAULTS["max_call_bytes"]))
    assert number(DEFAULTS["max_upload_bytes"]) + ENVELOPE_BYTES < limit < LINGER_BYTES


@pytest.mark.parametrize("megabytes", [2, 50, 500])
def test_one_number_tells_compose_s_nginx_and_application_the_largest_upload(megabytes: int) -> None:
    services = load(variables={**read_variables(), "MAX_UPLOAD_MB": str(megabytes)}).services
    upload_bytes = int(services["replica"].environment["SWITCHYARD_MAX_UPLOAD_BYTES"])
    told = services["nginx"].environment["SWITCHYARD_NGINX_BODY_LIMIT"]
    assert (upload_bytes, told) == (megabytes * 1_000_000, f"{megabytes}m")
    assert megabytes * 2**20 > upload_bytes + ENVELOPE_BYTES


def test_one_list_tells_compose_s_nginx_and_application_the_origins() -> None:
    listed = "https://a.example, https://b.example:8443"
    services = load(variables={**read_variables(), "CORS_ORIGINS": listed}).services
    assert services["replica"].environment["SWITCHYARD_CORS_ORIGINS"] == listed
    assert services["nginx"].environment["SWITCHYARD_NGINX_ORIGINS"] == listed


def test_the_local_stack_tells_nginx_what_it_tells_the_application(tmp_path: Path) -> None:
    given = {
        "SWITCHYARD_CORS_ORIGINS": "https://a.example,http://b.example:81",
        "SWITCHYARD_MAX_UPLOAD_BYTES": "90000000",
    }
    values = nginx.variables(Layout.open(tmp_path, given))
    assert split_list(values["SWITCHYARD_NGINX_ORIGINS"]) == ["https://a.example", "http://b.example:81"]
    assert int(values["SWITCHYARD_NGINX_BODY_LIMIT"]) > 90_000_000 + ENVELOPE_BYTES
    larger = nginx.application_places({"SWITCHYARD_MAX_BODY_BYTES": "200000000"})
    assert int(larger["SWITCHYARD_NGINX_BODY_LIMIT"]) > 200_000_000
    pictures = nginx.application_places({"SWITCHYARD_MAX_CALL_BYTES": "300000000"})
    assert int(pictures["SWITCHYARD_NGINX_BODY_LIMIT"]) > 300_000_000


@pytest.mark.parametrize("told", ['https://a.example"; return 200 "', "a;b", "a\nb", "$request", "{", "a\\b"])
def test_what_the_application_refuses_does_not_reach_nginx(told: str) -> None:
    assert nginx.application_places({"SWITCHYARD_CORS_ORIGINS": told})["SWITCHYARD_NGINX_ORIGINS"] == ""


def test_nginx_and_the_application_say_the_same_to_browsers() -> None:
    text = text_of("switchyard.conf.template")
    assert f'default "{", ".join(EXPOSED_HEADERS)}";' in text
    assert f'1 "{cors.METHODS}";' in text
    assert f'1 "{cors.REQUEST_HEADERS}";' in text
    assert f"1 {cors.PREFLIGHT_S};" in text


def test_nginx_and_the_application_agree_about_ids_keys_and_times() -> None:
    text = text_of("switchyard.conf.template")
    assert f'"~^{REQUEST_ID.pattern}$" $http_x_request_id;' in text
    assert int(re.findall(r"    keepalive_timeout (\d+)s;", text)[0]) < KEEP_ALIVE_S
    plain = KEY_PATTERN.pattern.replace("(", "").replace(")", "")
    assert f'"~^({plain})$" $1;' in text
    assert f'"~^(?i:bearer) +({plain})$" $1;' in text


def test_every_problem_that_nginx_says_is_one_of_the_documented_codes() -> None:
    known = {(kind.code, status, title_of(kind)) for kind, status in STATUSES.items()}
    known |= {*ROUTER_CODES, *EDGE_CODES}
    said = re.findall(r"return (\d+) '(\{.*\})';", text_of("switchyard.conf.template"))
    problems = [(int(status), json.loads(text)) for status, text in said]
    assert {(problem["code"], status, problem["title"]) for status, problem in problems} <= known
    assert {problem["code"] for _, problem in problems} >= {code for code, _, _ in EDGE_CODES}
    for status, problem in problems:
        assert problem["status"] == status
        assert problem["retryable"] is (status in {429, 503})


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("2001:db8:1:2:a:b:c:d", "2001:db8:1:2:"),
        ("2001:db8:1:2::1", "2001:db8:1:2:"),
        ("2001:db8:1::1", "2001:db8:1:"),
        ("::1", None),
        ("::ffff:10.0.0.1", None),
        ("10.0.0.1", None),
    ],
)
def test_addresses_of_one_ipv6_customer_are_limited_together(address: str, network: str | None) -> None:
    (pattern,) = re.findall(r'remote_addr \$switchyard_network \{\s+"~(\S+)" \$1;', text_of("switchyard.conf.template"))
    found = re.match(pattern, address)
    assert (found[1] if found else None) == network
