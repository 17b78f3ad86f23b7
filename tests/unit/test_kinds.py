"""What each kind of value takes and refuses, and in which words; no reason quotes a secret."""

import pytest

from app import kinds
from app.kinds import Kind, ValueWrong
from app.settings import Settings
from app.urls import normal_address
from app.variables import kinds_of

CANARY = "c4nary"
KINDS = kinds_of(Settings)


def _reason(kind: Kind, text: str) -> str:
    with pytest.raises(ValueWrong) as caught:
        kind.read(text)
    return str(caught.value)


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("65535", 65_535), ("08000", 8000), ("+80", 80)])
def test_a_port_is_a_whole_number_that_can_be_listened_on(text: str, value: int) -> None:
    assert kinds.port().read(text) == value


@pytest.mark.parametrize("text", ["0", "65536", "99999", "-1", "8000.0", "8_000", "http", "80 80", "٨٠", "1" * 5000])
def test_another_port_is_refused(text: str) -> None:
    assert _reason(kinds.port(), text).startswith("must be a whole number from 1 to 65535")


@pytest.mark.parametrize(("text", "value"), [("20", 20.0), ("0.5", 0.5), (".5", 0.5), ("1e1", 10.0), ("3600", 3600.0)])
def test_seconds_are_a_finite_number_within_bounds(text: str, value: float) -> None:
    assert KINDS["gap_s"].read(text) == value


@pytest.mark.parametrize(
    "text", ["nan", "-nan", "inf", "-inf", "Infinity", "1e400", "0", "-1", "3601", "1_0", "20s", "5,0", "0x10"]
)
def test_seconds_that_nobody_could_wait_for_are_refused(text: str) -> None:
    assert _reason(KINDS["gap_s"], text).startswith("must be a number from 0.01 to 3600")


@pytest.mark.parametrize(("text", "level"), [("info", "INFO"), ("Warning", "WARNING"), ("CRITICAL", "CRITICAL")])
def test_a_log_level_is_one_that_logging_knows_in_any_case(text: str, level: str) -> None:
    assert KINDS["log_level"].read(text) == level


@pytest.mark.parametrize("text", ["VERBOSE", "trace", "20", "INFO,DEBUG"])
def test_another_log_level_is_refused_with_the_choices(text: str) -> None:
    assert _reason(KINDS["log_level"], text).startswith("must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL")


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False)])
def test_a_switch_is_true_or_false(text: str, value: object) -> None:
    assert kinds.switch().read(text) is value


@pytest.mark.parametrize("text", ["1", "yes", "on", "none"])
def test_another_word_for_a_switch_is_refused_with_the_choices(text: str) -> None:
    assert _reason(kinds.switch(), text).startswith("must be one of true, false")


@pytest.mark.parametrize("text", ["0.0.0.0", "::", "localhost", "replica-1.example", "fd00::1"])  # noqa: S104
def test_an_address_to_listen_on_is_a_name_or_an_ip_address(text: str) -> None:
    assert KINDS["host"].read(text) == text


@pytest.mark.parametrize("text", ["http://a", "a:80", "[::]", "a b", "256.0.0.1", "-a", "a..b", "1.2.3"])
def test_another_address_to_listen_on_is_refused(text: str) -> None:
    assert "host name or an IP address" in _reason(KINDS["host"], text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("http://qdrant-1:6333", "http://qdrant-1:6333"),
        ("http://a/, https://b:443/x/", "http://a,https://b:443/x"),
        ("http://[::1]:6333", "http://[::1]:6333"),
        ("HTTP://Host_1", "http://Host_1"),
    ],
)
def test_http_addresses_are_taken_item_by_item(text: str, value: str) -> None:
    assert kinds.http_addresses().read(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("qdrant:6333", "must begin with http:// or https://"),
        ("ftp://a", "must begin with http:// or https://"),
        ("http:/a", "must begin with http:// or https://"),
        ("http://", "has no host"),
        ("http://:6333", "has no host"),
        ("http://a:", "has a colon and no port after it"),
        ("http://a:0", "its port must be a number from 1 to 65535"),
        ("http://a:65536", "its port must be a number from 1 to 65535"),
        ("http://a:http", "its port must be a number from 1 to 65535"),
        ("http://a b", "has a blank or a control character in it"),
        ("http://a\tb", "has a blank or a control character in it"),
        ("http://[::1", "its host in brackets is not an IPv6 address"),
        ("http://300.1.1.1", "its host is neither a name nor an address"),
        ("http://a?x=1", "has a query or a fragment, which do not belong there"),
        ("http://a/#", "has a query or a fragment, which do not belong there"),
        (f"http://u:{CANARY}@a", "has a user or a password in it, which do not belong there"),
        ("http://a,", "has an empty item: one comma too many"),
        (",", "has an empty item: one comma too many"),
        ("http://a,http://b:0", "item 2 its port must be a number from 1 to 65535"),
        ("http://a,http://a/", "names an item twice"),
    ],
)
def test_another_http_address_is_refused_with_the_reason(text: str, reason: str) -> None:
    assert _reason(kinds.http_addresses(), text) == reason


@pytest.mark.parametrize(
    "text",
    [
        "redis://cache",
        "redis://:p%40ss@cache:6379/0",
        "rediss://user:p@cache:6380/15?ssl_certfile=/c.pem&ssl_keyfile=/k.pem",
        "unix:///run/redis.sock?db=1",
        "redis://[::1]:6379/",
    ],
)
def test_addresses_of_redis_are_taken(text: str) -> None:
    assert kinds.redis_address().read(text) == text


@pytest.mark.parametrize(
    "text",
    [
        f"http://:{CANARY}@cache",
        f"redis://:{CANARY}/word@cache:6379/0",
        f"redis://:{CANARY}#word@cache:6379/0",
        f"redis://:{CANARY}@cache:99999",
        f"redis://:{CANARY}@cache:6379/main",
        f"redis://:{CANARY}@cache:6379/-1",
        f"redis://:{CANARY}@cache/0?socket_timeout=100",
        f"redis://:{CANARY}@cache/0?ssl_certfile=/c.pem",
        f"redis://:{CANARY}@ca che",
        f"redis://:{CANARY}@",
        f"{CANARY}@cache:6379",
        "unix://",
        "unix:///run/redis.sock?db=x",
    ],
)
def test_a_broken_address_of_redis_is_refused_without_its_password(text: str) -> None:
    assert CANARY not in _reason(kinds.redis_address(), text)


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql+psycopg://u:{CANARY}@h/d",
        f"postgresql://u:{CANARY}@h:99999/d",
        f"postgresql://u:{CANARY}@h:port/d",
        f"postgresql://u:{CANARY}@h/d?no_such_option=1",
        f"postgresql://u:{CANARY}%zz@h/d",
        f"postgresql://u:{CANARY} @h/d",
        f"host=h password={CANARY}",
        f"mysql://u:{CANARY}@h/d",
    ],
)
def test_a_broken_address_of_postgresql_is_refused_without_its_password(text: str) -> None:
    assert CANARY not in _reason(KINDS["database_url"], text)


@pytest.mark.parametrize(
    "text", ["postgresql://u:p@h:5432/d", "postgres://h", "postgresql://h1:5432,h2:5433/d?sslmode=require"]
)
def test_addresses_of_postgresql_are_taken(text: str) -> None:
    assert KINDS["database_url"].read(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("*", "*"),
        ("https://a.example", "https://a.example"),
        ("https://A.Example:443,http://localhost:3000", "https://a.example,http://localhost:3000"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_origins_are_kept_as_browsers_send_them(text: str, value: str) -> None:
    assert KINDS["cors_origins"].read(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "a.example",
        "https://a.example/",
        "https://a.example/x",
        "https://a?b",
        "null",
        "https://*.a",
        "*,https://a",
        "ws://a",
    ],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    _reason(KINDS["cors_origins"], text)


@pytest.mark.parametrize("text", ["a b", "a/b", "", "-a", "a\nb", "ä", "x" * 254])
def test_a_replicas_name_fits_labels_and_headers(text: str) -> None:
    assert "letters, digits" in _reason(KINDS["replica"], text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://GPU:11434", "http://gpu:11434"),
        ("http://gpu", "http://gpu:80/"),
        ("https://gpu:443/ollama/", "https://gpu/ollama"),
        ("http://localhost:11434", "http://127.0.0.1:11434"),
        ("http://gpu.:1", "http://gpu:1"),
        ("http://[0:0::1]:1", "http://[::1]:1"),
    ],
)
def test_two_ways_of_writing_an_address_are_one_address(one: str, other: str) -> None:
    assert normal_address(one) == normal_address(other)


def test_another_scheme_port_or_path_is_another_address() -> None:
    written = ["http://gpu", "https://gpu", "http://gpu:81", "http://gpu/a", "http://gpu/A"]
    assert len({normal_address(text) for text in written}) == len(written)
