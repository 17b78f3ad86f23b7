"""What the parts are started with."""

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from app.cli import read_database
from app.settings import read_settings
from ops.local.layout import Layout, Outside
from ops.local.parts import demo_key, migration, nginx, postgres, prometheus, qdrant, replicas, valkey, worker
from ops.local.parts.template import fill
from ops.local.plan import whole_stack
from ops.local.problems import LocalProblem

MakeLayout = Callable[..., Layout]


def test_the_application_reads_its_settings_from_what_each_of_its_processes_is_given(make_layout: MakeLayout) -> None:
    layout = make_layout()
    parts = [build(layout) for build in (*replicas.parts(), worker.part, migration.part)]
    settings = [read_settings({**layout.environ, **part.environ}) for part in parts]
    assert [each.replica for each in settings[:3]] == ["replica-1", "replica-2", "worker-1"]
    assert len({each.port for each in settings[:2]}) == 2
    assert {each.database_url for each in settings} == {layout.database_url}
    assert {each.replica_count for each in settings} == {2}


def test_a_setting_of_the_user_reaches_the_application_and_the_stacks_own_addresses_win(
    make_layout: MakeLayout,
) -> None:
    environ = {"SWITCHYARD_LOG_LEVEL": "DEBUG", "SWITCHYARD_DATABASE_URL": "postgresql://elsewhere/db"}
    layout = make_layout(environ=environ)
    settings = read_settings({**layout.environ, **replicas.parts()[0](layout).environ})
    assert settings.log_level == "DEBUG"
    assert settings.database_url == layout.database_url


def test_no_password_is_among_the_arguments_of_a_process(make_layout: MakeLayout) -> None:
    layout = make_layout()
    for stage in whole_stack(layout):
        for build in stage:
            command = " ".join(build(layout).command)
            assert not any(secret in command for secret in msgspec.structs.astuple(layout.secrets))


def test_outside_servers_replace_bundled_parts(make_layout: MakeLayout) -> None:
    outside = Outside(
        ollama_hosts=("http://gpu:11434",),
        qdrant_urls=("http://vectors:6333",),
        database_url="postgresql://db/x",
        cache_url="redis://r/0",
        coordination_url="redis://r/1",
    )
    layout = make_layout(outside=outside)
    first, *others = [[build(layout).name for build in stage] for stage in whole_stack(layout)]
    assert first == []
    assert others[:2] == [["migrate"], ["nodes"]]
    environ = replicas.parts()[0](layout).environ
    assert environ["SWITCHYARD_QDRANT_URLS"] == "http://vectors:6333"
    assert "SWITCHYARD_QDRANT_API_KEY" not in environ


def test_the_two_valkeys_keep_different_promises(make_layout: MakeLayout) -> None:
    layout = make_layout()
    configs: list[dict[str, str]] = []
    for build in (valkey.cache, valkey.coordination):
        part = build(layout)
        part.prepare()
        path = Path(part.command[-1])
        assert path.stat().st_mode & 0o077 == 0
        configs.append(dict(line.split(" ", 1) for line in path.read_text().splitlines()))
    assert configs[0]["maxmemory-policy"] == "allkeys-lfu"
    assert configs[0]["appendonly"] == "no"
    assert configs[1]["maxmemory-policy"] == "noeviction"
    assert configs[1]["appendonly"] == "yes"
    assert {config["bind"] for config in configs} == {"127.0.0.1"}


@pytest.mark.requirement("UPL-40.private")
def test_every_server_listens_on_loopback_only(make_layout: MakeLayout) -> None:
    layout = make_layout()
    assert qdrant.part(layout).environ["QDRANT__SERVICE__HOST"] == "127.0.0.1"
    assert postgres.SETTINGS["listen_addresses"] == "127.0.0.1"
    for stage in whole_stack(layout):
        for build in stage:
            address = build(layout).address
            assert all(place.startswith("127.0.0.1:") for place in address.split(", ") if place)


def test_nginx_knows_both_replicas_and_no_place_stays_empty(make_layout: MakeLayout) -> None:
    layout = make_layout()
    nginx.part(layout).prepare()
    text = (layout.directory / "nginx" / "switchyard.conf").read_text()
    assert "${" not in text
    servers = re.findall(r"^\s*server (127\.0\.0\.1:\d+) ", text, re.MULTILINE)
    assert servers == [layout.ports.address("replica-1"), layout.ports.address("replica-2")]


def test_nginx_never_repeats_a_request_that_may_not_be_repeated() -> None:
    template = (nginx.TEMPLATES / "switchyard.conf.template").read_text()
    assert "non_idempotent" not in template
    assert re.search(r"^\s*proxy_next_upstream error timeout;", template, re.MULTILINE)
    assert re.search(r"^\s*proxy_buffering off;", template, re.MULTILINE)


def test_prometheus_scrapes_every_process_by_its_own_address(make_layout: MakeLayout) -> None:
    layout = make_layout()
    prometheus.prometheus(layout).prepare()
    text = (layout.directory / "prometheus" / "prometheus.yml").read_text()
    for name in ("replica-1", "replica-2", "worker-1"):
        assert layout.ports.address(name) in text
    assert layout.ports.address("nginx") not in text.partition("scrape_configs:")[2]


def test_the_demo_key_is_made_once_for_each_database(make_layout: MakeLayout) -> None:
    layout = make_layout()
    assert demo_key.parts(layout) == (demo_key.part,)
    (layout.directory / "demo-key").write_text("sy_a_b\n")
    (layout.directory / "demo-key.database").write_text(f"{demo_key.database_mark(layout)}\n")
    assert demo_key.parts(layout) == ()
    assert demo_key.parts(make_layout(outside=Outside(database_url="postgresql://db/x"))) == (demo_key.part,)


def test_the_address_of_the_database_lies_in_a_file_for_the_operators_commands(make_layout: MakeLayout) -> None:
    for layout in (make_layout(), make_layout(outside=Outside(database_url="postgresql://db.example/x"))):
        worker.part(layout).prepare()
        file = layout.directory / "database-url"
        assert file.stat().st_mode & 0o077 == 0
        environ = {"SWITCHYARD_DATABASE_URL_FILE": str(file)}
        assert read_database(environ).database_url == layout.database_url


def test_a_key_file_that_holds_more_than_the_key_is_taken_apart_and_the_key_stays(make_layout: MakeLayout) -> None:
    layout = make_layout()
    (layout.directory / "demo-key").write_text(f"sy_a_b\n{demo_key.database_mark(layout)}\n")
    assert demo_key.parts(layout) == ()
    assert (layout.directory / "demo-key").read_text() == "sy_a_b\n"
    assert (layout.directory / "demo-key").stat().st_mode & 0o077 == 0
    assert demo_key.parts(layout) == ()


def test_the_key_of_a_qdrant_of_ones_own_reaches_every_process_and_no_command_line(make_layout: MakeLayout) -> None:
    layout = make_layout(outside=Outside(qdrant_urls=("https://vectors:6333",), qdrant_api_key="c4nary"))
    parts = [build(layout) for build in (*replicas.parts(), worker.part, migration.part)]
    assert {part.environ["SWITCHYARD_QDRANT_API_KEY"] for part in parts} == {"c4nary"}
    assert not any(
        "c4nary" in word for stage in whole_stack(layout) for build in stage for word in build(layout).command
    )
    assert "c4nary" not in repr(layout)


def test_monitoring_is_left_out_where_it_is_not_installed(make_layout: MakeLayout) -> None:
    assert prometheus.parts(make_layout(environ={"PATH": "/nonexistent"}), Path("/nonexistent")) == ()


def test_monitoring_runs_from_where_make_check_left_it(make_layout: MakeLayout, tmp_path: Path) -> None:
    for name in ("prometheus", "prometheus-alertmanager"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    layout = make_layout(environ={"PATH": "/nonexistent"})
    watching, telling = (build(layout) for build in prometheus.parts(layout, tmp_path))
    assert watching.command[0] == str(tmp_path / "prometheus")
    assert telling.command[0] == str(tmp_path / "prometheus-alertmanager")
    watching.prepare()
    assert layout.ports.address("alertmanager") in (layout.directory / "prometheus" / "prometheus.yml").read_text()


def test_a_place_without_a_value_is_a_problem() -> None:
    assert fill("a ${SWITCHYARD_X} $other ${OTHER}", {"SWITCHYARD_X": "1"}) == "a 1 $other ${OTHER}"
    with pytest.raises(LocalProblem, match="SWITCHYARD_Y"):
        fill("${SWITCHYARD_Y}", {})
