"""Durations, JSON errors and names as Go and Ollama have them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.local.ollama import duration, gojson, names
from ops.local.ollama.faults import Refused, bad_request

MISSING = bad_request("model is required")


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("5m", 300_000_000_000),
        ("1h15m30.5s", 4_530_500_000_000),
        ("-1.5s", -1_500_000_000),
        ("+3ms", 3_000_000),
        (".5s", 500_000_000),
        ("2.s", 2_000_000_000),
        ("1us1ns", 1_001),
        ("1\u00b5s", 1_000),
    ],
)
def test_a_go_duration_is_read(text: str, nanoseconds: int) -> None:
    assert duration.parse(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 'time: invalid duration ""'),
        ("-", 'time: invalid duration "-"'),
        ("s", 'time: invalid duration "s"'),
        (".s", 'time: invalid duration ".s"'),
        ("--1s", 'time: invalid duration "--1s"'),
        ("1", 'time: missing unit in duration "1"'),
        ("1h2", 'time: missing unit in duration "1h2"'),
        ("1x", 'time: unknown unit "x" in duration "1x"'),
        ("999999999999h", 'time: invalid duration "999999999999h"'),
    ],
)
def test_a_wrong_duration_is_named_in_gos_words(text: str, words: str) -> None:
    with pytest.raises(duration.InvalidDuration) as caught:
        duration.parse(text)
    assert str(caught.value) == words


@given(st.text(max_size=12))
def test_no_text_breaks_the_duration_reader(text: str) -> None:
    with suppress(duration.InvalidDuration):
        assert abs(duration.parse(text)) <= duration.FOREVER_NS


@pytest.mark.parametrize(
    ("value", "nanoseconds"),
    [(0, 0), (90, 90_000_000_000), (0.5, 500_000_000), (-1, duration.FOREVER_NS), ("-1s", duration.FOREVER_NS)],
)
def test_keep_alive_is_seconds_or_a_duration(value: gojson.Json, nanoseconds: int) -> None:
    assert duration.keep_alive(value) == nanoseconds


def test_an_enormous_keep_alive_is_for_ever() -> None:
    assert duration.keep_alive(1e300) == duration.FOREVER_NS


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "missing request body"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b"{,}", "invalid character ',' looking for beginning of object key string"),
        (b'{"a":-}', "invalid character '}' in numeric literal"),
        (b'{"a":1.}', "invalid character '}' after decimal point in numeric literal"),
        (b'{"a":1e}', "invalid character '}' in exponent of numeric literal"),
        (b'{"a":01}', "invalid character '1' after object key:value pair"),
        (b'{"a":"\\u12x4"}', "invalid character 'x' in \\u hexadecimal character escape"),
        (b"{'a':1}", "invalid character '\\'' looking for beginning of object key string"),
        (b"NaN", "invalid character 'N' looking for beginning of value"),
        (b'{"a":', "unexpected EOF"),
        (b'{"a":1e999}', "json: cannot unmarshal number into Go value of type float64"),
        (b'{"a":' + b"9" * 400 + b"}", "json: cannot unmarshal number into Go value of type float64"),
        (b"[" * 5000, "exceeded max depth"),
    ],
)
def test_broken_json_is_explained_in_gos_words(body: bytes, words: str) -> None:
    with pytest.raises(Refused) as caught:
        gojson.parse(body)
    assert (caught.value.status, caught.value.text) == (400, words)


@given(st.binary(max_size=40))
def test_no_bytes_break_the_json_reader(body: bytes) -> None:
    with suppress(Refused):
        assert gojson.encode(gojson.parse(body))


def test_lone_surrogates_become_replacement_characters() -> None:
    assert gojson.parse(b'{"\\ud800":["a\\udfffb"]}') == {"\ufffd": ["a\ufffdb"]}


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert gojson.parse(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_markup_is_escaped_as_go_escapes_it() -> None:
    assert gojson.encode({"a": "<&>\u2028"}) == b'{"a":"\\u003c\\u0026\\u003e\\u2028"}'


@pytest.mark.parametrize(
    ("text", "full", "shortest"),
    [
        ("llama", "registry.ollama.ai/library/llama:latest", "llama:latest"),
        ("llama:1b", "registry.ollama.ai/library/llama:1b", "llama:1b"),
        ("me/llama", "registry.ollama.ai/me/llama:latest", "me/llama:latest"),
        ("host:80/me/llama:1b", "host:80/me/llama:1b", "host:80/me/llama:1b"),
        ("https://host/me/llama", "host/me/llama:latest", "host/me/llama:latest"),
    ],
)
def test_a_name_is_completed(text: str, full: str, shortest: str) -> None:
    name = names.parse(text)
    assert (name.full, name.shortest, name.is_valid) == (full, shortest, True)


@pytest.mark.parametrize("text", [":a", "a:", "a/", "/a", "a b", "../a/b", ".hidden", "a/b.c/d", "\u00e9"])
def test_an_invalid_name_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        names.resolve(text, MISSING)
    assert caught.value.text == "invalid model name"


@given(st.text(max_size=30))
def test_a_valid_name_never_leaves_the_store(text: str) -> None:
    name = names.parse(text)
    if name.is_valid:
        assert not {".", ".."} & {name.host, name.namespace, name.model, name.tag}
        assert "/" not in name.host + name.namespace + name.model + name.tag


@pytest.mark.parametrize("text", ["big:cloud", "big:70b-cloud"])
def test_a_cloud_model_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        names.resolve(text, MISSING)
    assert caught.value.status == 403


def test_the_local_suffix_is_dropped() -> None:
    assert names.resolve("llama:1b:local", MISSING).shortest == "llama:1b"
