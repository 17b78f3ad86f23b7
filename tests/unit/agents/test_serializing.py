"""What a checkpoint may hold, and what is refused when it is read."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Send

from app.agents.serializing import CorruptCheckpoint, StrictSerializer, storable
from app.errors import RunFailed
from app.text import clean, is_storable

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN)
def test_every_plain_value_comes_back_as_it_was_stored(value: object) -> None:
    serializer = StrictSerializer()
    ready = storable(value)
    assert serializer.loads_typed(serializer.dumps_typed(ready)) == ready


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_any_text_becomes_text_that_postgresql_can_hold(text: str) -> None:
    assert is_storable(clean(text))
    clean(text).encode()


def test_ordinary_text_is_kept_letter_by_letter() -> None:
    assert clean("Grüße, 世界 🎉\n") == "Grüße, 世界 🎉\n"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 2**80, [1, {"x": float("nan")}]])
def test_a_number_that_cannot_be_stored_fails_the_run_by_name(value: object) -> None:
    with pytest.raises(RunFailed) as caught:
        storable(value)
    assert caught.value.facts["reason"] == "unstorable"


@dataclass
class Planted:
    command: str


@pytest.mark.parametrize("value", [Planted("x"), {"deep": [Planted("x")]}])
def test_a_class_of_no_checkpoint_of_ours_is_refused_and_not_built(value: object) -> None:
    permissive = JsonPlusSerializer(allowed_msgpack_modules=True)
    with pytest.raises(CorruptCheckpoint):
        StrictSerializer().loads_typed(permissive.dumps_typed(value))


@pytest.mark.parametrize("kind", ["json", "pickle", "msgpack+aes", ""])
def test_any_other_encoding_is_refused(kind: str) -> None:
    with pytest.raises(CorruptCheckpoint):
        StrictSerializer().loads_typed((kind, b"\x80"))


class Vehicle(msgspec.Struct, frozen=True):
    """A struct within a struct."""

    plate: str
    since: datetime


class Policy(msgspec.Struct, frozen=True):
    """A struct that a team declares."""

    number: str
    vehicle: Vehicle
    note: str = ""


POLICY = Policy("P-1", Vehicle("B 1", datetime(2026, 3, 1, tzinfo=UTC)), "Grüße\x00")


def identity(value: object) -> object:
    """Return it."""
    return value


def sent(value: object) -> object:
    """Return a branch that is to be begun with it."""
    return Send("look", {"it": value})


def held(value: object) -> object:
    """Return a list and a map with it."""
    return [value, {"it": value}]


@pytest.mark.parametrize("around", [identity, held, sent])
def test_a_declared_struct_comes_back_as_one_wherever_it_stands(around: Callable[[object], object]) -> None:
    serializer = StrictSerializer((Policy,))
    clean_one = msgspec.structs.replace(POLICY, note="Grüße")
    assert serializer.loads_typed(serializer.dumps_typed(storable(around(POLICY)))) == around(clean_one)


def test_a_struct_that_no_team_declares_is_not_stored() -> None:
    with pytest.raises(RunFailed) as failed:
        StrictSerializer((Vehicle,)).dumps_typed({"it": POLICY})
    assert failed.value.facts["reason"] == "unstorable"


@pytest.mark.parametrize("stored", [{"$struct": "Other"}, {"$struct": "Policy", "number": "P-1"}, {"$struct": 7}])
def test_a_stored_struct_that_is_none_of_ours_is_refused(stored: dict[str, object]) -> None:
    blob = JsonPlusSerializer().dumps_typed([stored])
    with pytest.raises(CorruptCheckpoint):
        StrictSerializer((Policy,)).loads_typed(blob)


def test_the_previous_version_reads_a_struct_as_a_plain_map() -> None:
    assert StrictSerializer().dumps_typed({}) == StrictSerializer((Policy,)).dumps_typed({})
    kind, blob = StrictSerializer((Policy,)).dumps_typed(POLICY)
    assert JsonPlusSerializer().loads_typed((kind, blob))["number"] == "P-1"


def test_two_declared_structs_have_two_names() -> None:
    other = msgspec.defstruct("Policy", [("number", str)])
    with pytest.raises(ValueError, match="Policy"):
        StrictSerializer((Policy, other))
