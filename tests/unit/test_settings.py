"""How settings are read: from variables or files that variables name, each held to its kind, all mistakes at once."""

import io
import socket
from pathlib import Path

import msgspec
import pytest

from app.cli import build_parser, read_database, run
from app.console import Console
from app.settings import RELATIONS, Settings, SettingsWrong, gather, make_settings, read_settings
from app.variables import FILE_BYTES, kinds_of

NEEDED = {
    "SWITCHYARD_DATABASE_URL": "postgresql://switchyard@postgres/switchyard",
    "SWITCHYARD_CACHE_URL": "redis://cache",
    "SWITCHYARD_COORDINATION_URL": "redis://coordination",
    "SWITCHYARD_QDRANT_URLS": "http://qdrant-1:6333",
    "SWITCHYARD_NODES_FILE": "/etc/switchyard/nodes.toml",
    "SWITCHYARD_BLOBS_DIR": "/var/lib/switchyard/blobs",
}
# In every secret and every broken form of one: no message may hold it.
CANARY = "c4nary"


def _written(folder: Path, content: bytes) -> str:
    path = folder / "secret"
    path.write_bytes(content)
    return str(path)


def _mistakes(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsWrong) as caught:
        read_settings(environ)
    return [str(mistake) for mistake in caught.value.mistakes]


@pytest.mark.parametrize(
    "content",
    [
        b"s3cret",
        b"s3cret\n",
        b"s3cret\r\n",
        b"\xef\xbb\xbfs3cret\r\n",
        b" s3cret \n\n",
        b"\xef\xbb\xbf s3cret",
        b"s3cret\r",
    ],
)
def test_a_file_of_any_system_gives_the_value_without_what_is_around_it(tmp_path: Path, content: bytes) -> None:
    settings = read_settings(NEEDED | {"SWITCHYARD_QDRANT_API_KEY_FILE": _written(tmp_path, content)})
    assert settings.qdrant_api_key == "s3cret"


def test_a_variable_is_trimmed_like_a_file() -> None:
    settings = read_settings(NEEDED | {"SWITCHYARD_PORT": " 9000\r\n", "SWITCHYARD_LOG_LEVEL": "\ufeffdebug "})
    assert (settings.port, settings.log_level) == (9000, "DEBUG")


def test_a_needed_setting_may_come_from_a_file_and_is_converted_like_any_other(tmp_path: Path) -> None:
    environ = {name: value for name, value in NEEDED.items() if name != "SWITCHYARD_DATABASE_URL"}
    environ["SWITCHYARD_DATABASE_URL_FILE"] = _written(tmp_path, b"postgresql://from-file\r\n")
    assert read_settings(environ).database_url == "postgresql://from-file"
    (tmp_path / "port").write_text("9000\n")
    assert read_settings(NEEDED | {"SWITCHYARD_PORT_FILE": str(tmp_path / "port")}).port == 9000


def test_a_setting_given_both_ways_is_refused_by_name(tmp_path: Path) -> None:
    both = NEEDED | {"SWITCHYARD_DATABASE_URL_FILE": _written(tmp_path, b"x")}
    assert _mistakes(both) == ["SWITCHYARD_DATABASE_URL: is given twice: SWITCHYARD_DATABASE_URL_FILE is given too"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (f"{CANARY}\xff".encode("latin-1"), "cannot be read: it is not a file of UTF-8 text (line 1)"),
        (CANARY.encode("utf-16"), "cannot be read: it is UTF-16; save it as UTF-8"),
        (b"c4\x00nary", "cannot be read: it is not a file of UTF-8 text (it holds a NUL)"),
        (b"x" * (FILE_BYTES + 1), f"is over {FILE_BYTES} bytes"),
        (b"\r\n", "is empty; leave it out if it is not wanted"),
        (f"{CANARY}\n{CANARY}".encode(), "must be printable ASCII without blanks"),
        (f"{CANARY}é".encode(), "must be printable ASCII without blanks"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_not_quoted(tmp_path: Path, content: bytes, reason: str) -> None:
    path = _written(tmp_path, content)
    found = _mistakes(NEEDED | {"SWITCHYARD_QDRANT_API_KEY_FILE": path})
    assert found == [f"SWITCHYARD_QDRANT_API_KEY_FILE ({path}): {reason}"]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/no/such/file", "SWITCHYARD_DATABASE_URL_FILE (/no/such/file): cannot be read: No such file or directory"),
        ("/", "SWITCHYARD_DATABASE_URL_FILE (/): it is a directory, not a file"),
        ("/etc/hosts/x", "SWITCHYARD_DATABASE_URL_FILE (/etc/hosts/x): cannot be read: Not a directory"),
        # An address or a key where a path belongs is a secret in the wrong place.
        (f"postgresql://u:{CANARY}@h/d", "SWITCHYARD_DATABASE_URL_FILE: cannot be read: No such file or directory"),
        (CANARY, "SWITCHYARD_DATABASE_URL_FILE: cannot be read: No such file or directory"),
        ("x\x00y", "SWITCHYARD_DATABASE_URL_FILE: cannot be read: no file can have that name"),
    ],
)
def test_a_path_that_leads_to_no_file_is_told_with_its_variable(path: str, shown: str) -> None:
    environ = {name: value for name, value in NEEDED.items() if name != "SWITCHYARD_DATABASE_URL"}
    assert _mistakes(environ | {"SWITCHYARD_DATABASE_URL_FILE": path}) == [shown]


def test_a_setting_whose_own_name_ends_in_file_is_no_reference_to_one(tmp_path: Path) -> None:
    assert read_settings(NEEDED).nodes_file == "/etc/switchyard/nodes.toml"
    environ = {name: value for name, value in NEEDED.items() if name != "SWITCHYARD_NODES_FILE"}
    environ["SWITCHYARD_NODES_FILE_FILE"] = _written(tmp_path, b"/etc/nodes.toml\n")
    assert read_settings(environ).nodes_file == "/etc/nodes.toml"


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("SWITCHYARD_NODE", ""),
        ("SWITCHYARD_NO_SUCH_FILE", ""),
        ("SWITCHYARD_", ""),
        ("SWITCHYARD_port", "; is SWITCHYARD_PORT meant?"),
        ("SWITCHYARD_LOGLEVEL", "; is SWITCHYARD_LOG_LEVEL meant?"),
    ],
)
def test_an_unknown_name_is_refused_by_name(variable: str, meant: str) -> None:
    assert _mistakes(NEEDED | {variable: "/dev/null"}) == [f"{variable}: is not a setting{meant}"]


def test_every_mistake_is_told_at_once_a_line_each() -> None:
    environ = {
        **NEEDED,
        "SWITCHYARD_DATABASE_URL": f"postgresql+psycopg://u:{CANARY}@h",
        "SWITCHYARD_PORT": "99999",
        "SWITCHYARD_GAP_S": "nan",
        "SWITCHYARD_QDRANT_API_KEY_FILE": "/no/such/file",
        "SWITCHYARD_TYPO": "x",
    }
    del environ["SWITCHYARD_CACHE_URL"]
    with pytest.raises(SettingsWrong) as caught:
        read_settings(environ)
    first, *lines = str(caught.value).splitlines()
    assert first == "6 mistakes in the configuration"
    assert [line.split(":")[0].split()[0] for line in lines] == [
        "SWITCHYARD_TYPO",
        "SWITCHYARD_DATABASE_URL",
        "SWITCHYARD_GAP_S",
        "SWITCHYARD_PORT",
        "SWITCHYARD_QDRANT_API_KEY_FILE",
        "SWITCHYARD_CACHE_URL",
    ]
    assert CANARY not in str(caught.value)


def test_what_is_needed_is_told_by_name() -> None:
    assert _mistakes({}) == [f"{name}: is needed and not given" for name in NEEDED]


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(Settings)])
def test_an_empty_value_is_a_mistake_unless_it_is_the_default(field: str) -> None:
    variable = f"SWITCHYARD_{field.upper()}"
    given = gather(NEEDED | {variable: " "})
    expected = (
        []
        if field in {"cors_origins", "webhook_allow"}
        else [f"{variable}: is empty; leave it out if it is not wanted"]
    )
    assert [str(mistake) for mistake in given.mistakes] == expected


def test_each_default_is_of_its_own_kind_and_defaults_go_together() -> None:
    settings = make_settings(dict.fromkeys((name.removeprefix("SWITCHYARD_").lower() for name in NEEDED), ""))
    for field in msgspec.structs.fields(Settings):
        if not field.required and field.default not in (None, ""):
            value = getattr(settings, field.name)
            assert kinds_of(Settings)[field.name].read(str(value)) == value, field.name
    assert all(relation.holds(settings) for relation in RELATIONS)


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"RUN_LEASE_S": "300"}, "RUN_LEASE_S"),
        ({"RUN_LIMIT_S": "10"}, "RUN_LEASE_S"),
        ({"REDIS_TIMEOUT_S": "10"}, "REDIS_TIMEOUT_S"),
        ({"REDIS_CA": "/ca.pem"}, "REDIS_CA"),
        ({"QDRANT_CA": "/ca.pem"}, "QDRANT_CA"),
        ({"RERANK_CA": "/ca.pem", "RERANK_URL": "http://reranker/rerank"}, "RERANK_CA"),
        ({"RERANK_KEY": "a-key-of-some-length"}, "RERANK_KEY"),
        (
            {"QDRANT_WRITE_CONSISTENCY_FACTOR": "3", "QDRANT_REPLICATION_FACTOR": "2"},
            "QDRANT_WRITE_CONSISTENCY_FACTOR",
        ),
        ({"MAX_MESSAGE_CHARACTERS": "250001"}, "MAX_BODY_BYTES"),
        ({"MAX_BODY_BYTES": "7999"}, "MAX_BODY_BYTES"),
    ],
)
def test_settings_that_do_not_go_together_are_told(changes: dict[str, str], variable: str) -> None:
    (found,) = _mistakes(NEEDED | {f"SWITCHYARD_{name}": value for name, value in changes.items()})
    assert found.startswith(f"SWITCHYARD_{variable}: ")


def test_a_relation_to_a_mistaken_setting_is_not_told_of() -> None:
    assert _mistakes(NEEDED | {"SWITCHYARD_RUN_LIMIT_S": "inf", "SWITCHYARD_RUN_LEASE_S": "200"}) == [
        "SWITCHYARD_RUN_LIMIT_S: must be a number from 1 to 604800, not inf"
    ]


INJECTED = {
    "SWITCHYARD_SERVICE_HOST": "10.0.0.1",
    "SWITCHYARD_SERVICE_PORT": "8000",
    "SWITCHYARD_SERVICE_PORT_HTTP": "8000",
    "SWITCHYARD_PORT": "tcp://10.0.0.1:8000",
    "SWITCHYARD_PORT_8000_TCP": "tcp://10.0.0.1:8000",
    "SWITCHYARD_PORT_8000_TCP_PROTO": "tcp",
    "SWITCHYARD_PORT_8000_TCP_PORT": "8000",
    "SWITCHYARD_PORT_8000_TCP_ADDR": "10.0.0.1",
    "SWITCHYARD_PORT_53_UDP": "udp://10.0.0.1:53",
    "SWITCHYARD_REDIS_SERVICE_HOST": "10.0.0.2",
    "SWITCHYARD_REDIS_PORT": "tcp://[fd00::1]:6379",
    "SWITCHYARD_REDIS_PORT_6379_TCP_ADDR": "fd00::1",
    "SWITCHYARD_METRICS_PORT": "tcp://10.0.0.3:9100",
}


def test_what_kubernetes_makes_of_services_is_ignored_and_the_defaults_hold() -> None:
    # kubernetes/kubernetes, pkg/kubelet/envvars/envvars.go: FromServices and makeLinkVariables.
    given = gather(NEEDED | INJECTED)
    assert (given.mistakes, given.injected) == ([], sorted(INJECTED))
    assert (read_settings(NEEDED | INJECTED).port, read_settings(NEEDED | INJECTED).metrics_port) == (8000, 0)


def test_a_port_that_is_no_injected_address_is_the_setting(tmp_path: Path) -> None:
    assert read_settings(NEEDED | {"SWITCHYARD_PORT": "9000"}).port == 9000
    by_file = {"SWITCHYARD_PORT": "tcp://10.0.0.1:8000", "SWITCHYARD_PORT_FILE": _written(tmp_path, b"9001")}
    assert read_settings(NEEDED | by_file).port == 9001
    assert _mistakes(NEEDED | {"SWITCHYARD_PORT": "http://10.0.0.1:8000"})
    assert _mistakes(NEEDED | {"SWITCHYARD_SERVICE": "x"}) == ["SWITCHYARD_SERVICE: is not a setting"]


def test_names_of_the_local_stack_and_of_tests_are_left_alone() -> None:
    assert read_settings(NEEDED | {"SWITCHYARD_LOCAL_KEY": "x", "SWITCHYARD_TEST_SEED": "1"}).port == 8000


def test_a_process_without_a_name_is_called_after_its_host() -> None:
    assert read_settings(NEEDED).replica == socket.gethostname()
    assert read_settings(NEEDED | {"SWITCHYARD_REPLICA": "a"}).replica == "a"


def test_the_command_line_needs_the_database_only_and_reads_its_address_from_a_file(tmp_path: Path) -> None:
    environ = {"SWITCHYARD_DATABASE_URL_FILE": _written(tmp_path, b"postgresql://from-file\r\n")}
    assert read_database(environ).database_url == "postgresql://from-file"


@pytest.mark.parametrize("command", [["migrate"], ["tenants", "list"], ["keys", "list"]])
def test_the_command_line_lists_every_mistake_with_status_2(tmp_path: Path, command: list[str]) -> None:
    notes = io.StringIO()
    environ = {"SWITCHYARD_DATABASE_URL_FILE": str(tmp_path / "missing"), "SWITCHYARD_PORT": "99999"}
    status = run(build_parser().parse_args(command), environ, Console(io.StringIO()), Console(notes))
    assert status == 2
    assert notes.getvalue().splitlines() == [
        "switchyard: 2 mistakes in the configuration",
        f"  SWITCHYARD_DATABASE_URL_FILE ({tmp_path}/missing): cannot be read: No such file or directory",
        "  SWITCHYARD_PORT: must be a whole number from 1 to 65535, not 99999",
    ]


def test_a_chat_without_a_usable_address_and_key_says_both(tmp_path: Path) -> None:
    notes = io.StringIO()
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbf\r\nsecond line")
    given = build_parser().parse_args(["chat", "hi", "--key-file", str(tmp_path / "key")])
    status = run(given, {"SWITCHYARD_LOCAL_URL": "http://host:0"}, Console(io.StringIO()), Console(notes))
    assert status == 2
    assert [line.split(":")[0].strip() for line in notes.getvalue().splitlines()[1:]] == [
        "SWITCHYARD_LOCAL_URL",
        "--key-file",
    ]


@pytest.mark.requirement("FAM-08.30-days")
def test_expired_sessions_with_their_checkpoints_are_kept_for_thirty_days() -> None:
    assert read_settings(NEEDED).session_days == 30
