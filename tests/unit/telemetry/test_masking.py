"""Secrets go, in every spelling; everything else stays as it was."""

import io
import logging
import sys
import threading
from collections.abc import Generator
from pathlib import Path

import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from app.console import Console
from app.telemetry.crashes import Crashes, quieten_libraries
from app.telemetry.logs import BoundedQueueHandler, Logs, configure
from app.telemetry.masking import MASK, Mask, spellings
from app.telemetry.secrets import find_secrets, mask_of
from tests.fakes.plain_logs import log_plainly

PREFIX = "SWITCHYARD_"
SPECIAL = "p@ss:w/ord%Canary-7#é"
KEY = "sy_abcdefghijkl_" + "Zx9-" * 10 + "abc"


def masked(text: str, **environ: str) -> str:
    """Return what a process with these settings writes for `text`."""
    return mask_of({f"{PREFIX}{name}": value for name, value in environ.items()}, PREFIX).text(text)


@pytest.mark.parametrize(
    "written",
    [
        f"connection to postgresql://sy:{SPECIAL}@db:5432/x failed",
        f"FATAL: '{SPECIAL}' is not",
        f"{SPECIAL!r} and {SPECIAL!a} and {SPECIAL.encode()!r}",
        "p%40ss%3Aw%2Ford%25Canary-7%23%C3%A9",
        "p%40ss:w%2ford%25canary-7%23%c3%a9",
        msgspec.json.encode({"a": msgspec.json.encode(SPECIAL).decode()}).decode(),
        SPECIAL.encode().decode("latin-1"),
        SPECIAL.upper(),
    ],
)
def test_a_password_is_masked_in_every_spelling(written: str) -> None:
    shown = masked(written, DATABASE_URL=f"postgresql://sy:{SPECIAL}@db:5432/x")
    assert MASK in shown
    assert "canary" not in shown.lower()


def test_the_address_around_a_password_stays() -> None:
    url = "postgresql+psycopg://sy:hunter2-hunter2@db.internal:5432/x?sslmode=verify-full"
    assert masked(f"no answer of {url}", DATABASE_URL=url) == (
        "no answer of postgresql+psycopg://***@db.internal:5432/x?sslmode=verify-full"
    )


@pytest.mark.parametrize(
    ("taken_for", "written"),
    [
        ("host", 'could not translate host name "ss:w" to address'),
        ("port", 'invalid integer value "w/ord%Canary-7" for connection option'),
        ("path", "database 'ord%Canary-7' does not exist"),
        ("fragment", "nothing at ord%25Canary-7"),
    ],
)
def test_a_piece_of_a_password_that_a_library_takes_for_something_else_is_masked(taken_for: str, written: str) -> None:
    shown = masked(written, DATABASE_URL=f"postgresql://sy:{SPECIAL}@db:5432/x")
    assert MASK in shown, taken_for
    assert "Canary" not in shown
    assert "ss:w" not in shown


@pytest.mark.parametrize(
    "value",
    [
        "redis://:a1b2c3d4e5@cache:6379/0",
        "  redis://:a1b2c3d4e5@cache:6379/0\r\n",
        "redis:/:a1b2c3d4e5@cache:6379/0",
        ":a1b2c3d4e5@cache",
        "user:a1b2c3d4e5@cache:99999",
        "redis://cache:6379/0?password=a1b2c3d4e5",
        "host=db user=x password='a1b2c3d4e5' dbname=y",
        "http://one:6333,https://key:a1b2c3d4e5@two:6333",
        "https://a1b2c3d4e5@two:6333",
    ],
)
def test_the_secret_of_a_badly_written_address_is_known(value: str) -> None:
    assert masked("it was a1b2c3d4e5.", CACHE_URL=value) == "it was ***."


def test_a_short_secret_is_masked_by_its_place_alone() -> None:
    url = "redis://u:a@cache:6379/0"
    shown = masked(f"a cache at {url}, that is u:a@cache, answers a late", CACHE_URL=url)
    assert shown == "a cache at redis://***@cache:6379/0, that is ***@cache, answers a late"


@pytest.mark.parametrize("secret", ["run", "pass", "connection", "database", "switchyard"])
def test_a_secret_that_is_a_word_spoils_no_other_word(secret: str) -> None:
    line = f"runs passed, connections of database.away, switchyard_total, {secret}s"
    assert masked(line, DATABASE_URL=f"postgresql://u:{secret}@db/x") == line


def test_a_word_of_eight_letters_is_masked_where_it_stands_alone() -> None:
    shown = masked("no role 'switchyard', sorry", DATABASE_URL="postgresql://u:switchyard@db/x")
    assert shown == "no role '***', sorry"


def test_every_line_of_a_file_is_masked_and_all_of_it(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"\xef\xbb\xbffirst-line-0451\r\nsecond-line-0452\n")
    environ = {"SWITCHYARD_QDRANT_API_KEY_FILE": str(file)}
    mask = mask_of(environ, PREFIX)
    shown = mask.text("Illegal header value b'first-line-0451\\r\\nsecond-line-0452\\n'; second-line-0452")
    assert "0451" not in shown
    assert "0452" not in shown


def test_passwords_in_the_addresses_of_nodes_are_known(tmp_path: Path) -> None:
    file = tmp_path / "nodes.toml"
    file.write_text('[[nodes]]\nname = "a"\nurl = "http://u:n0de-s\\u0065cret@gpu:11434"\n')
    mask = mask_of({"SWITCHYARD_NODES_FILE": str(file)}, PREFIX)
    assert mask.text("got n0de-secret from node a") == "got *** from node a"


def test_a_misspelt_setting_and_a_variable_of_another_program_hold_secrets_too() -> None:
    found = find_secrets(
        {
            "SWITCHYARD_QDRANT_APIKEY": "mis-spelt-1",
            "HTTPS_PROXY": "http://u:pr0xy-pass@p:1",
            "PGPASSWORD": "pg-pass-1",
        },
        PREFIX,
    )
    assert {"mis-spelt-1", "pr0xy-pass", "pg-pass-1"} <= found.secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET http://u:p@host/x", "GET http://***@host/x"),
        ("amqp+ssl://token@host", "amqp+ssl://***@host"),
        ("redis://a:b@one,redis://c:d@two", "redis://***@one,redis://***@two"),
        ("host=h password='x y' dbname=d", "host=h password=*** dbname=d"),
        ("?user=u&sslpassword=abc&x=1", "?user=u&sslpassword=***&x=1"),
        ("(b'api-key', b'abc'), (b'x', b'y')", "(b'api-key', b***), (b'x', b'y')"),
        ("authorization: Bearer abcdef.ghi", "authorization: Bearer ***"),
        ("'Authorization': 'Basic dTpw'", "'Authorization': 'Basic ***'"),
        (f"X-API-Key: {KEY}", "X-API-Key: ***"),
        (f"the key {KEY} is", "the key sy_abcdefghijkl_*** is"),
        (f"Bearer {KEY[:40]}", "Bearer sy_abcdefghijkl_***"),
        ('{"password": "a\\"b", "x": 1}', '{"password": ***, "x": 1}'),
        ("the api key is missing, wrong or revoked", "the api key is missing, wrong or revoked"),
        ("WRONGPASS invalid username-password pair", "WRONGPASS invalid username-password pair"),
        ("http://host:80/a?b=c", "http://host:80/a?b=c"),
    ],
)
def test_what_stands_where_secrets_stand_is_masked_whoevers_it_is(text: str, shown: str) -> None:
    assert Mask().text(text) == shown


@given(st.text(st.characters(codec="utf-8"), min_size=8).filter(lambda secret: not secret.strip().isalpha()))
def test_no_spelling_of_any_long_secret_is_left(secret: str) -> None:
    mask = Mask([secret])
    for form in spellings(secret):
        if len(form) >= 8 and not form.isalpha():
            assert form.lower() not in mask.text(f"<{form}>").lower().replace(MASK, "")


class Written:
    """Logging into memory, of a process that knows a secret."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        mask = mask_of({"SWITCHYARD_CACHE_URL": "redis://:line\tbreak-0451@cache/0"}, PREFIX)
        self.logs: Logs = configure("DEBUG", process="replica-1", stream=self.stream, mask=mask, caches=False)

    def text(self) -> str:
        """Close, and return what was written."""
        self.logs.close()
        return self.stream.getvalue()


@pytest.fixture
def written() -> Generator[Written]:
    """Logging as a process has it; undone afterwards."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level, sys.excepthook, threading.excepthook, sys.unraisablehook)
    to_memory = Written()
    yield to_memory
    to_memory.logs.close()
    root.handlers[:], root.level = before[0], before[1]
    sys.excepthook, threading.excepthook, sys.unraisablehook = before[2:]
    log_plainly()


@pytest.mark.requirement("UPL-42.logs")
def test_every_way_into_the_log_is_masked(written: Written) -> None:
    secret = "line\tbreak-0451"
    structlog.get_logger().info("x", at={"deep": [{"er": secret}], secret: 1}, thing=OSError(secret))
    structlog.get_logger().info("x", api_key=17, headers=[("api-key", "abc")])
    logging.getLogger("psycopg").warning("error connecting in %r: %s", "pool-1", secret)
    logging.getLogger("uvicorn.error").debug(f"state {secret}")  # noqa: G004 - as libraries do
    try:
        raise OSError(secret) from ConnectionError(f"no {secret}")
    except OSError:
        logging.getLogger("lib").exception(secret)
    text = written.text()
    lines = [msgspec.json.decode(line) for line in text.splitlines()]
    assert len(lines) == 5
    assert "0451" not in text
    assert lines[0]["at"] == {"deep": [{"er": MASK}], MASK: 1}
    assert (lines[1]["api_key"], lines[1]["headers"]) == (MASK, [["api-key", MASK]])
    assert lines[2]["message"] == "error connecting in 'pool-1': ***"
    assert lines[4]["exception"].startswith("ConnectionError: no ***\nthen\n")


def test_a_record_that_cannot_be_written_is_told_of_without_what_it_holds(
    written: Written, capsys: pytest.CaptureFixture[str]
) -> None:
    # To the handler alone: pytest's own would raise.
    record = logging.makeLogRecord({"name": "lib", "msg": "%d bottles", "args": ("0451",)})
    (ours,) = (one for one in logging.getLogger().handlers if isinstance(one, BoundedQueueHandler))
    ours.handle(record)
    (line,) = [msgspec.json.decode(line) for line in written.text().splitlines()]
    assert (line["message"], line["of"]) == ("logs.unwritable", "lib")
    assert "0451" not in "".join(capsys.readouterr())


def test_what_ends_a_process_or_a_thread_is_masked(written: Written) -> None:
    told = io.StringIO()
    Crashes(Console(told, Mask(["s3cret-0451"])).say).watch()
    sys.excepthook(OSError, OSError("no s3cret-0451"), None)
    assert told.getvalue() == "OSError: no ***\n"
    thread = threading.Thread(target=_raise, args=(OSError("redis://u:s3cret-0451@host"),), name="scraper")
    thread.start()
    thread.join()
    (line,) = [msgspec.json.decode(line) for line in written.text().splitlines()]
    assert line["message"] == "a thread ended by an exception: scraper"
    assert line["exception"].endswith("OSError: redis://***@host")


def _raise(error: Exception) -> None:
    raise error


def test_a_command_tells_errors_masked_and_nothing_below_and_its_output_is_its_answer_alone(
    written: Written, capsys: pytest.CaptureFixture[str]
) -> None:
    written.logs.close()
    told = io.StringIO()
    root = logging.getLogger()
    before = list(root.handlers)
    quieten_libraries(Console(told, Mask(["s3cret-0451"])).say)
    logging.getLogger("psycopg").warning("error connecting: s3cret-0451")
    logging.getLogger("lib").error("lost s3cret-0451")
    structlog.get_logger("ours").warning("store.down", remedy="start it")
    root.handlers[:] = before
    logging.captureWarnings(capture=False)
    assert told.getvalue() == "lib: lost ***\n"
    assert capsys.readouterr().out == ""
