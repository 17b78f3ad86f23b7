"""What a checkpoint may hold, and what is refused when it is read."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from app.agents.checkpoints import CorruptCheckpoint, StrictSerializer, storable
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
