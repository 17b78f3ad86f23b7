"""The nginx templates beside the application: limits, paths, times and problems agree."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.api.app import create_app
from app.api.docs import EDGE_CODES, ROUTER_CODES
from app.api.middleware import REQUEST_ID
from app.api.openapi import describe_api
from app.api.problems import STATUSES, title_of
from app.api.server import KEEP_ALIVE_S
from app.api.sse import HEARTBEAT_S
from app.settings import Settings
from tests.fakes.platform import FakePlatform
from tests.ops.nginx_places import USED, directives, locations, text_of, write

UNCOUNTED = {"~ ^/(health|livez|readyz)$", "^~ /grafana/", "= /grafana/api/live/ws"}


def number(default: object) -> float:
    """Return a setting's default as a number."""
    assert isinstance(default, (int, float))
    return float(default)


DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(Settings)}


@pytest.mark.requirement("FIN-38")
@pytest.mark.parametrize("place", sorted(USED))
def test_replicas_are_balanced_by_open_requests_and_put_aside_when_they_fail(place: str, tmp_path: Path) -> None:
    found = [each for each in directives(write(place, tmp_path)) if each.within[-1:] == ("upstream replicas",)]
    assert {"least_conn", "zone", "keepalive"} <= {each.name for each in found}
    servers = [each.arguments for each in found if each.name == "server"]
    limits = ("max_fails=1", "fail_timeout=1s") if place == "local" else ("max_fails=3", "fail_timeout=30s")
    assert servers
    assert all(set(limits) <= set(server) for server in servers)


@pytest.mark.requirement("FIN-38")
@pytest.mark.parametrize("place", sorted(USED))
def test_nothing_that_may_not_be_repeated_is_passed_on_once_it_was_sent(place: str, tmp_path: Path) -> None:
    found = [each.arguments for each in directives(write(place, tmp_path)) if each.name == "proxy_next_upstream"]
    assert found == [("error", "timeout")]


@pytest.mark.requirement("FIN-38", "FIN-41")
@pytest.mark.parametrize("place", sorted(USED))
def test_every_path_counts_but_those_of_machines_and_of_grafana(place: str, tmp_path: Path) -> None:
    found = directives(write(place, tmp_path))
    zone = next(each.arguments for each in found if each.name == "limit_req_zone")
    assert zone[-1] == "rate=10r/s"
    passing = {name: own for name, own in locations(found).items() if "proxy_pass" in own}
    assert {name for name, own in passing.items() if "limit_req" not in own} == UNCOUNTED & set(passing)
    limited = {own.get("limit_req") for name, own in passing.items() if name not in UNCOUNTED}
    assert limited == {("zone=requests", "burst=20", "nodelay")}


@pytest.mark.requirement("FIN-39")
@pytest.mark.parametrize("place", sorted(USED))
def test_no_location_loses_the_headers_of_its_server(place: str, tmp_path: Path) -> None:
    assert not [
        each
        for each in directives(write(place, tmp_path))
        if each.name == "add_header" and "server" not in each.within[-1:]
    ]


@pytest.mark.requirement("FIN-40")
@pytest.mark.parametrize("place", sorted(USED))
def test_only_streams_are_passed_on_piece_by_piece_and_they_outlast_a_run(place: str, tmp_path: Path) -> None:
    found = locations(directives(write(place, tmp_path)))
    unbuffered = {name for name, own in found.items() if own.get("proxy_buffering") == ("off",)}
    (stream,) = unbuffered
    assert found[stream]["gzip"] == ("off",)
    read_s = int(found[stream]["proxy_read_timeout"][0].rstrip("s"))
    assert read_s > number(DEFAULTS["run_limit_s"])
    assert read_s > 3 * HEARTBEAT_S


@pytest.mark.requirement("FIN-40")
def test_every_path_that_streams_is_a_stream_to_nginx_and_every_upload_an_upload() -> None:
    patterns = re.findall(r"location ~ (\S+) \{", text_of("switchyard.conf.template"))
    stream, upload = (next(each for each in patterns if word in each) for word in ("chat", "upload"))
    paths: dict[str, dict[str, Any]] = describe_api(create_app(FakePlatform()))["paths"]
    streaming = {path for path, methods in paths.items() if "text/event-stream" in json.dumps(methods)}
    uploading = {path for path, methods in paths.items() if "multipart/form-data" in json.dumps(methods)}
    assert streaming
    assert uploading
    for pattern, wanted in ((stream, streaming), (upload, uploading)):
        assert {path for path in paths if re.search(pattern, path.replace("{", "").replace("}", ""))} == wanted


def test_nginx_and_the_application_agree_about_sizes_ids_and_times() -> None:
    text = text_of("switchyard.conf.template")
    sizes = [int(size) * 2**20 for size in re.findall(r"client_max_body_size (\d+)m;", text)]
    assert sizes[0] > number(DEFAULTS["max_body_bytes"])
    assert sizes[1] > number(DEFAULTS["max_upload_bytes"]) + 2**20
    assert f'"~^{REQUEST_ID.pattern}$" $http_x_request_id;' in text
    assert int(re.findall(r"    keepalive_timeout (\d+)s;", text)[0]) < KEEP_ALIVE_S


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
    (pattern,) = re.findall(r'"~(\S+)" \$1;', text_of("switchyard.conf.template"))
    found = re.match(pattern, address)
    assert (found[1] if found else None) == network
