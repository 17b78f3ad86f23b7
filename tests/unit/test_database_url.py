"""The address of PostgreSQL: one reading of it for all processes."""

import pytest

from app.database_url import Pooler, address_of, make_access, parse_database_url
from app.urls import AddressWrong

LIMITS = {"statement_timeout": "10s", "timezone": "UTC"}
SECRET = "canary-secret"


def told(url: str, ca: str | None = None) -> dict[str, str]:
    return parse_database_url(url, ca=ca).connect_parameters(LIMITS)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"postgresql://u:{SECRET}@db:5433/d?application_name=x", "postgresql://db:5433/d"),
        (f"postgresql://u:{SECRET}@db/d", "postgresql://db:5432/d"),
        (f"postgresql://u:{SECRET}@[::1]:1/d", "postgresql://[::1]:1/d"),
        (f"postgresql://u:{SECRET}@one:5433,two/d", "postgresql://one:5433,two:5432/d"),
        (f"postgresql://u:{SECRET}@/d", "postgresql://localhost:5432/d"),
    ],
)
def test_an_address_is_shown_without_its_user_and_password(url: str, shown: str) -> None:
    assert address_of(told(url)) == shown


def test_the_settings_of_the_address_stand_over_ours_and_beside_them() -> None:
    url = "postgresql://u@h/d?options=-c%20search_path%3Dother%20-cstatement_timeout%3D20s"
    assert told(url)["options"] == "-c statement_timeout=20s -c timezone=UTC -c search_path=other"
    assert told("postgresql://u@h/d?options=-csearch_path%3Da%2C%5C%20b")["options"].endswith(r"-c search_path=a,\ b")
    assert told("postgresql://u@h/d?options=--search-path%3Dother")["options"].endswith("-c search_path=other")


def test_an_equals_sign_in_a_value_may_stand_as_it_is() -> None:
    told_plainly = told("postgresql://u:p?x=1=2@h/d?options=-csearch_path=mine%20-cwork_mem=8MB&application_name=a=b")
    assert told_plainly["options"].endswith("-c search_path=mine -c work_mem=8MB")
    assert (told_plainly["application_name"], told_plainly["password"]) == ("a=b", "p?x=1=2")


def test_libpqs_own_parameters_are_respected() -> None:
    got = told(
        "postgres://u:p@one:5433,two:5434/d?sslmode=verify-ca&sslrootcert=/ca&application_name=mine"
        "&target_session_attrs=read-write&connect_timeout=9"
    )
    assert got == {
        "user": "u",
        "password": "p",
        "host": "one,two",
        "port": "5433,5434",
        "dbname": "d",
        "sslmode": "verify-ca",
        "sslrootcert": "/ca",
        "application_name": "mine",
        "target_session_attrs": "read-write",
        "connect_timeout": "9",
        "tcp_user_timeout": "10000",
        "options": "-c statement_timeout=10s -c timezone=UTC",
    }


def test_a_ca_means_that_the_servers_name_is_checked_unless_the_address_checks_less_of_it() -> None:
    assert told("postgresql://u@h/d", ca="/ca")["sslmode"] == "verify-full"
    assert told("postgresql://u@h/d?sslmode=verify-ca", ca="/ca")["sslmode"] == "verify-ca"
    assert told("postgresql://u@h/d", ca="/ca")["sslrootcert"] == "/ca"
    with pytest.raises(AddressWrong, match="sslmode=require does not check"):
        parse_database_url("postgresql://u@h/d?sslmode=require", ca="/ca")
    with pytest.raises(AddressWrong, match="another file"):
        parse_database_url("postgresql://u@h/d?sslrootcert=/other", ca="/ca")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "is empty"),
        ("host=h dbname=d", "blank"),
        ("host=h", "must begin with postgresql://"),
        ("postgresql+psycopg://u:{}@h/d", "without the name of a driver"),
        ("postgres+asyncpg://u:{}@h/d", "without the name of a driver"),
        ("mysql://u:{}@h/d", "must begin with postgresql://"),
        ("postgresql://u:{}@h/d\n", "blank"),
        ("postgresql://u:{}@h:5432 /d", "blank"),
        ("postgresql://u:{}@h/d#x", "%23"),
        ("postgresql://u:{}@h:99999/d", "65535"),
        ("postgresql://u:{}@h:0/d", "65535"),
        ("postgresql://u:{}@h:port/d", "port"),
        ("postgresql://u:{}%zz@h/d", "%25"),
        ("postgresql://u:{}@h/d?sslmod=require", "parameter"),
        ("postgresql://u:{}@[::1/d", "IPv6"),
        ("postgresql://u:{}@h/d?options=-W", "-c name=value"),
        ("postgresql://u:{}@h/d?options=-c%20search_path", "-c name=value"),
        ("postgresql://u:{}@h/d?options=-c%20a%27b", "options cannot be read"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_by_name_and_without_its_password(url: str, why: str) -> None:
    with pytest.raises(AddressWrong) as caught:
        parse_database_url(url.format(SECRET))
    assert why in str(caught.value)
    assert SECRET not in f"{caught.value!r} {caught.value.__cause__} {caught.value.__suppress_context__}"


def test_a_pooler_needs_a_direct_address_beside_it() -> None:
    with pytest.raises(AddressWrong, match="SWITCHYARD_DATABASE_DIRECT_URL"):
        make_access("postgresql://u@pooler/d", pooler="transaction")
    with pytest.raises(AddressWrong, match="SWITCHYARD_DATABASE_POOLER"):
        make_access("postgresql://u@h/d", direct_url="postgresql://u@h/d")
    access = make_access("postgresql://u@pooler/d", pooler="transaction", direct_url="postgresql://u@h/d")
    assert (access.address.parameters["host"], access.direct.parameters["host"]) == ("pooler", "h")
    assert access.pooler is Pooler.TRANSACTION
