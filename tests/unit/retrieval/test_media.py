"""What is taken, and under which name."""

import unicodedata
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BadInput, MediaTypeUnknown
from app.retrieval.media import NAME_BYTES, MediaType, checked_text, clean_name, media_type_of


async def read(content: bytes, size: int) -> bytes:
    """What passes the check when `content` arrives in pieces of `size`."""

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(content), size):
            yield content[start : start + size]

    return b"".join([piece async for piece in checked_text(body())])


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("notes.md", "notes.md"),
        (" notes.md ", "notes.md"),
        ("C:\\fakepath\\notes.md", "notes.md"),
        ("../../etc/notes.md", "notes.md"),
        ("cafe\u0301.md", "café.md"),
        ("میخواهم\u200cم.md", "میخواهم\u200cم.md"),
        ("a;rm -rf ~$(x).md", "a;rm -rf ~$(x).md"),
    ],
)
def test_a_name_is_the_last_part_in_one_normal_form(name: str, clean: str) -> None:
    assert clean_name(name) == clean


@pytest.mark.parametrize(
    "name", ["", "  ", "..", "/", "a/", "a\x00.md", "a\n.md", "a\u202egnp.md", "a\ud800.md", "a" * 300, "é" * 128]
)
def test_a_name_that_hides_something_or_is_too_long_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        clean_name(name)


@given(st.text())
def test_a_clean_name_stays_as_it_is(name: str) -> None:
    try:
        clean = clean_name(name)
    except BadInput:
        return
    assert clean_name(clean) == clean
    assert unicodedata.is_normalized("NFC", clean)
    assert len(clean.encode()) <= NAME_BYTES
    assert "/" not in clean


@pytest.mark.parametrize(
    ("name", "declared", "kind"),
    [
        ("a.md", "", MediaType.MARKDOWN),
        ("a.MD", "text/markdown; charset=utf-8", MediaType.MARKDOWN),
        ("a.markdown", "application/octet-stream", MediaType.MARKDOWN),
        ("a.md", "text/plain", MediaType.MARKDOWN),
        ("a.txt", "TEXT/PLAIN", MediaType.TEXT),
    ],
)
def test_the_suffix_says_the_type_and_the_client_may_agree(name: str, declared: str, kind: MediaType) -> None:
    assert media_type_of(name, declared) is kind


@pytest.mark.requirement("UPL-10.refuses")
@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("a.pdf", "application/pdf"),
        ("a", "text/plain"),
        ("a.md.exe", ""),
        ("a.txt", "text/markdown"),
        ("a.md", "image/png"),
    ],
)
def test_other_suffixes_and_contradictions_are_refused(name: str, declared: str) -> None:
    with pytest.raises(MediaTypeUnknown) as caught:
        media_type_of(name, declared)
    if name.endswith((".pdf", ".exe")):
        assert caught.value.facts["taken"] == ".md, .markdown, .txt"


@pytest.mark.parametrize("size", [1, 3, 10_000])
@pytest.mark.parametrize(
    "text", ["plain", "\ufeffmarked", "Grüße 🦊 漢字\n" * 700, "one \x00 zero", "\x1b[1mbold\x1b[0m\t\f"]
)
async def test_text_passes_unchanged_however_it_is_cut(text: str, size: int) -> None:
    assert await read(text.encode(), size) == text.encode()


@pytest.mark.parametrize("size", [1, 3, 10_000])
@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\n...",
        b"PK\x03\x04rest",
        b"\x89PNG\r\n",
        "text".encode("utf-16"),
        bytes(range(256)) * 4,
        b"ab\x00\x01\x02\x03",
    ],
)
async def test_binary_content_is_refused_however_it_is_cut(content: bytes, size: int) -> None:
    with pytest.raises((MediaTypeUnknown, BadInput)) as caught:
        await read(content, size)
    if size > 16:
        assert caught.type is MediaTypeUnknown


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(("content", "at"), [(b"caf\xe9!", 3), (b"ab\xe2\x82", 2), ("€".encode() * 3 + b"\xff", 9)])
async def test_the_first_byte_that_is_not_utf8_is_named(content: bytes, at: int, size: int) -> None:
    with pytest.raises(BadInput) as caught:
        await read(content, size)
    assert caught.value.facts["at_byte"] == at


async def test_an_empty_upload_is_refused() -> None:
    with pytest.raises(BadInput):
        await read(b"", 1)
