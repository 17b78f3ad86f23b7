"""What is taken, and under which name."""

import unicodedata
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BadInput, MediaTypeUnknown
from app.retrieval.arriving import checked_text, take_head
from app.retrieval.media import HEAD_BYTES, MediaType, charset_of, media_type_of
from app.retrieval.names import NAME_BYTES, clean_name
from tests.fakes import files


async def read(content: bytes, size: int, charset: str | None = None) -> bytes:
    """What passes the check when `content` arrives in pieces of `size`."""

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(content), size):
            yield content[start : start + size]

    head, whole = await take_head(body())
    return b"".join([piece async for piece in checked_text(whole, head, charset)])


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


PDF = b"%PDF-1.7\n..."
MAIL = b"Received: from a\r\n by b\r\nFrom: Jo <jo@example.com>\r\nSubject: Lamps\r\n\r\nText"


def packed(name: str, types: str = "") -> bytes:
    """The head of an office file whose first part after its types has that name."""
    return files.zipped({files.TYPES: f"<Types>{types}</Types>", name: "x"})[:HEAD_BYTES]


def typed(word: str) -> bytes:
    """The head of an office file in which nothing but the list of types is seen."""
    types = f'<Override ContentType="application/vnd.openxmlformats-officedocument.{word}.main+xml"/>' * 300
    return packed("docProps/thumbnail.jpeg", types)[:400]


DOCX = packed("word/document.xml")
PAGE = b"\n<!-- saved --><!DOCTYPE html><html>"
SEALED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("name", "declared", "head", "kind"),
    [
        ("a.md", "", b"text", MediaType.MARKDOWN),
        ("a.MD", "text/markdown; charset=utf-8", b"text", MediaType.MARKDOWN),
        ("a.markdown", "application/octet-stream", b"text", MediaType.MARKDOWN),
        ("a.md", "text/plain", b"<p align=center>logo</p>", MediaType.MARKDOWN),
        ("a.txt", "TEXT/PLAIN", b"a,b\n1,2\n", MediaType.TEXT),
        ("a.csv", "application/vnd.ms-excel", b"a,b\n1,2\n", MediaType.CSV),
        ("a.html", "", b"<p>no frame", MediaType.HTML),
        ("a", "", PAGE, MediaType.HTML),
        ("a.htm", "text/html", "\ufeff<html>".encode("utf-16-le"), MediaType.HTML),
        ("report", "", PDF, MediaType.PDF),
        ("report.v2", "application/pdf", b"\n junk" + PDF, MediaType.PDF),
        ("a.docx", "", DOCX, MediaType.DOCX),
        ("a", "", DOCX, MediaType.DOCX),
        ("a.docx", "", SEALED, MediaType.DOCX),
        ("a.XLSX", "", SEALED, MediaType.XLSX),
        ("a.PPTX", "", packed("ppt/presentation.xml"), MediaType.PPTX),
        ("a", "", packed("ppt/presentation.xml"), MediaType.PPTX),
        ("a", "application/zip", packed("xl/workbook.xml"), MediaType.XLSX),
        ("a", "", packed("xl/workbook.xml"), MediaType.XLSX),
        ("a", "", typed("presentationml.presentation"), MediaType.PPTX),
        ("a", "", typed("spreadsheetml.sheet"), MediaType.XLSX),
        ("a.pptx", "", packed("docProps/thumbnail.jpeg"), MediaType.PPTX),
        ("a.docm", "", DOCX, MediaType.DOCX),
        ("a.json", "application/json", b' {"a": [1, -2.5e3, true, null, "\\u00e9\\""]}\n', MediaType.JSON),
        ("a", "", b'[{"a": 1}, {"a": "cut o', MediaType.JSON),
        ("a", "", b'{"a": tru', MediaType.JSON),
        ("a", "", '{"wide": "text"}'.encode("utf-16"), MediaType.JSON),
        ("a", "", b'{"a": 1}\n{"a": 2}\n', MediaType.JSON_LINES),
        ("a.json", "", b'{"a": 1}\n{"a": 2}\n', MediaType.JSON),
        ("a.NDJSON", "application/x-ndjson", b'{"a": 1}\n', MediaType.JSON_LINES),
        ("a.md", "", b'{"a": 1}', MediaType.MARKDOWN),
        ("a.txt", "", b"[1] see below", MediaType.TEXT),
        ("a", "", b"[1] see below", MediaType.TEXT),
        ("a", "", MAIL, MediaType.EML),
        ("a.EML", "message/rfc822", MAIL, MediaType.EML),
        ("a.eml", "", b"From jo@example.com Mon Jan  5\n" + MAIL, MediaType.EML),
        ("a.txt", "", MAIL, MediaType.TEXT),
        ("a", "text/plain", b"text", MediaType.TEXT),
        ("a", "text/csv", b"a,b", MediaType.CSV),
        ("server.log", "", b"text", MediaType.TEXT),
        ("a.txt", "", "text".encode("utf-16"), MediaType.TEXT),
        ("a.txt", "", "wide text without a mark".encode("utf-16-be"), MediaType.TEXT),
        ("a.txt", "", b"one \x00 zero", MediaType.TEXT),
        ("a.txt", "", b"\x1b[1mbold\x1b[0m\t\f", MediaType.TEXT),
    ],
)
def test_content_says_the_type_and_the_name_breaks_ties(name: str, declared: str, head: bytes, kind: MediaType) -> None:
    assert media_type_of(name, declared, head) is kind


@pytest.mark.requirement("UPL-10.refuses")
@pytest.mark.parametrize(
    ("name", "declared", "head", "told"),
    [
        ("a.pdf", "application/pdf", b"text", "ends in .pdf but holds text"),
        ("a.md", "", PDF, "ends in .md but holds PDF"),
        ("a.txt", "", PAGE, "ends in .txt but holds a web page"),
        ("a.pdf", "", DOCX, "ends in .pdf but holds a Word document"),
        ("a.md.exe", "", b"text", "files ending in .exe are not taken"),
        ("a.exe", "", b"MZ\x90\x00\x03", "holds a program"),
        ("a.txt", "", b"MZ\x90\x00\x03", "holds a program"),
        ("a.png", "image/png", b"\x89PNG\r\n", "holds a picture"),
        ("a.docx", "", b"PK\x03\x04rest", "holds a ZIP archive"),
        ("a.xlsx", "", DOCX, "ends in .xlsx but holds a Word document"),
        ("a.docx", "", packed("ppt/presentation.xml"), "ends in .docx but holds a presentation"),
        ("a.pptx", "", packed("xl/workbook.xml"), "ends in .pptx but holds a workbook"),
        ("a.pdf", "", SEALED, "ends in .pdf but holds an office document"),
        ("a.json", "", b"text", "ends in .json but holds text"),
        ("a.json", "", b"[link](https://example.com) and more", "ends in .json but holds text"),
        ("a.jsonl", "", b'{"a": 1} and more', "ends in .jsonl but holds text"),
        ("a.eml", "", b"Dear Sir: this is a letter", "ends in .eml but holds text"),
        ("a.eml", "", b"title: a\ndate: b\n\ntext", "ends in .eml but holds text"),
        ("a.eml", "", PDF, "ends in .eml but holds PDF"),
        ("a.doc", "", SEALED, "files ending in .doc are not taken"),
        ("a.txt", "", bytes(range(256)) * 4, "holds binary data"),
        ("a.txt", "", b"ab\x00\x01\x02\x03", "holds binary data"),
        ("a.txt", "text/markdown", b"text", "Content-Type text/markdown"),
        ("a.md", "image/png", b"text", "Content-Type image/png"),
    ],
)
def test_what_cannot_be_read_and_contradictions_are_refused_and_told(
    name: str, declared: str, head: bytes, told: str
) -> None:
    with pytest.raises(MediaTypeUnknown) as caught:
        media_type_of(name, declared, head)
    assert told in caught.value.detail
    assert caught.value.facts["taken"] == (
        ".md, .markdown, .txt, .html, .htm, .csv, .pdf, .docx, .pptx, .xlsx, .json, .jsonl, .ndjson, .eml"
    )


@pytest.mark.parametrize(
    ("declared", "charset"),
    [
        ("", None),
        ("text/plain", None),
        ("text/plain; charset=utf-8", "utf-8"),
        ('text/plain; x=y; charset="Windows-1251"', "cp1251"),
        ("text/csv;charset=ISO-8859-1", "cp1252"),
        ("text/plain; charset=Shift_JIS", "shift_jis"),
    ],
)
def test_the_client_may_say_the_encoding(declared: str, charset: str | None) -> None:
    assert charset_of(declared) == charset


@pytest.mark.parametrize("charset", ["klingon", "hex", "rot13", "zip"])
def test_an_encoding_that_is_none_is_refused(charset: str) -> None:
    with pytest.raises(BadInput):
        charset_of(f"text/plain; charset={charset}")


@pytest.mark.parametrize("size", [1, 3, 10_000])
@pytest.mark.parametrize(
    "content",
    [
        b"plain",
        "\ufeffmarked".encode(),
        ("Grüße 🦊 漢字\n" * 700).encode(),
        "Größe".encode("cp1252"),
        "wide text".encode("utf-16"),
        "保険".encode("cp932"),
    ],
)
async def test_text_passes_unchanged_however_it_is_cut(content: bytes, size: int) -> None:
    assert await read(content, size) == content


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("content", "charset", "at"),
    [
        ("€".encode() * 3 + b"\xff", None, 9),
        ("a€".encode() + b"b\xe2\x82", None, 5),
        (b"caf\xe9!", "utf-8", 3),
        (b"ab\x81", "cp932", 2),
    ],
)
async def test_where_the_encoding_is_certain_the_first_byte_that_is_not_of_it_is_named(
    content: bytes, charset: str | None, at: int, size: int
) -> None:
    with pytest.raises(BadInput) as caught:
        await read(content, size, charset)
    assert caught.value.facts["at_byte"] == at


async def test_an_empty_upload_is_refused() -> None:
    with pytest.raises(BadInput):
        await read(b"", 1)
