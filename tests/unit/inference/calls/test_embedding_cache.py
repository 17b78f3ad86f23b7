"""Where the vector of a text is kept, and how."""

import math
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ids import TenantId
from app.inference.calls.embedding_cache import key_of, pack, plain, unpack

ONE, OTHER = TenantId(UUID(int=1)), TenantId(UUID(int=2))


@given(vector=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
def test_what_a_model_computed_comes_back_bit_for_bit(vector: list[float]) -> None:
    assert unpack(pack(vector)) == tuple(vector)
    assert len(pack(vector)) == 4 * len(vector)


@pytest.mark.parametrize("kept", [None, b"", b"abc", "text"])
def test_what_is_no_vector_is_as_if_it_were_not_there(kept: bytes | str | None) -> None:
    assert unpack(kept) is None


@pytest.mark.requirement("FIN-80.key")
def test_a_key_is_a_digest_of_the_weights_and_the_text_for_its_tenant() -> None:
    # printf 'abc\0a lamp' | sha256sum
    content = "e1e592723fc986c05de17435ce2dd12c1ac576746d1397655545cc2648af64cb"
    key = key_of(ONE, "abc", "a lamp")
    assert key == f"sy:vector:00000000000000000000000000000001:{content}"
    assert len({key, key_of(OTHER, "abc", "a lamp"), key_of(ONE, "abd", "a lamp"), key_of(ONE, "abc", "a lamb")}) == 4


def test_a_text_is_the_same_however_its_letters_are_composed() -> None:
    assert plain(" cafe\u0301\n") == plain("caf\u00e9") == "caf\u00e9"
    assert plain("Cafe") != plain("cafe"), "some models tell capitals apart"


def test_half_of_a_surrogate_pair_has_a_key_too() -> None:
    assert key_of(ONE, "abc", "\ud800") != key_of(ONE, "abc", "\ud801")


def test_float32_is_what_is_kept() -> None:
    kept = unpack(pack([0.1])) or (0.0,)
    assert kept[0] != 0.1
    assert math.isclose(kept[0], 0.1, rel_tol=1e-7)
