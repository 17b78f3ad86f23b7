"""What JSON, JSON Lines and mails are read as."""

from email.message import EmailMessage

import pytest

from app.retrieval.formats.reading import reader_of
from app.retrieval.media import MediaType
from app.retrieval.parts import Parts
from app.retrieval.unreadable import DocumentUnreadable, Unreadable
from tests.fakes import files

PAGE = "<html><body><h1>Offer</h1><table><tr><th>Part<th>Euro<tr><td>FR-1<td>12</table><p>Größe</body></html>"
HEAD = b"From: Jo <jo@example.com>\r\nSubject: Lamps\r\nDate: Mon, 5 Jan 2026 10:00:00 +0100\r\n"


def said(raw: bytes, kind: MediaType = MediaType.JSON) -> Parts:
    """What the reader of the type brings."""
    return reader_of(kind).read(raw, None)


def why(raw: bytes, kind: MediaType = MediaType.JSON) -> Unreadable:
    """Why it cannot be read."""
    with pytest.raises(DocumentUnreadable) as caught:
        said(raw, kind)
    return caught.value.why


def mail(text: str = "Plain text.") -> EmailMessage:
    """A mail with that text."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Jörg <jo@example.com>", "sam@example.com", "Lämpchen"
    made.set_content(text)
    return made


def test_objects_are_headings_over_lines_and_numbers_stay_as_they_are_written() -> None:
    parts = said(
        b'{"title": "Prices", "vat": 1.10, "id": 90071992547409931234, "no": null, "office": {"open": {"mon": "8-12"}}}'
    )
    assert parts.title == "Prices"
    assert parts.text == (
        "title: Prices\nvat: 1.10\nid: 90071992547409931234\nno: null\n\n# office\n\n## open\n\nmon: 8-12\n"
    )


def test_a_list_of_like_objects_is_a_table_and_any_other_its_items() -> None:
    parts = said(
        b'{"parts": [{"no": "FR-1", "tags": ["a", "b"]}, {"no": "FR-2", "on": true}],'
        b' "seen": ["x", 2], "odd": [[1], {"a": {"b": 2}}]}'
    )
    assert parts.text == (
        "seen: x; 2\n\n# parts\n\n| no | tags | on |\n| - | - | - |\n| FR-1 | a; b |  |\n| FR-2 |  | true |\n\n"
        "# odd\n\n## 1\n\n- 1\n\n## 2\n\n### a\n\nb: 2\n"
    )
    (table,) = parts.tables
    assert parts.text[table.head : table.end] == "| FR-1 | a; b |  |\n| FR-2 |  | true |\n"


def test_members_of_one_name_are_both_kept() -> None:
    assert said(b'{"a": 1, "a": 2}').text == "a: 1\na: 2\n"


@pytest.mark.parametrize("kind", [MediaType.JSON, MediaType.JSON_LINES])
def test_lines_of_json_are_the_rows_of_a_table(kind: MediaType) -> None:
    parts = said('{"part": "Öl", "euro": 1.50}\n{"part": "FR-2"}\n'.encode("utf-16"), kind)
    assert parts.text == "| part | euro |\n| - | - |\n| Öl | 1.50 |\n| FR-2 |  |\n"
    assert parts.encoding == "utf-16-le"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"a": 1', Unreadable.MALFORMED),
        (b'{"a": 1} x', Unreadable.MALFORMED),
        (b'{"a": 1}\n{"a": ', Unreadable.MALFORMED),
        (b"[" * 100_000, Unreadable.BOMB),
        (b'{"a":' * 70 + b"1" + b"}" * 70, Unreadable.BOMB),
        (b'{"a": "\xe9"}', Unreadable.ENCODING_UNKNOWN),
        (b" \n ", Unreadable.NO_TEXT),
    ],
)
def test_json_that_cannot_be_read_says_why(raw: bytes, reason: Unreadable) -> None:
    assert why(raw) is reason


def test_a_mail_says_who_wrote_when_and_of_what_and_its_page_is_read_as_one() -> None:
    made = mail()
    made["Date"] = "Mon, 05 Jan 2026 10:00:00 +0100"
    made.add_alternative(PAGE, subtype="html")
    parts = said(made.as_bytes(), MediaType.EML)
    assert parts.title == "Lämpchen"
    assert parts.text == (
        "# Lämpchen\n\nFrom: Jörg <jo@example.com>\nTo: sam@example.com\nDate: Mon, 05 Jan 2026 10:00:00 +0100\n\n"
        "# Offer\n\n| Part | Euro |\n| - | - |\n| FR-1 | 12 |\n\nGröße\n"
    )
    assert [(one.level, one.title) for one in parts.headings] == [(1, "Lämpchen"), (2, "Offer")]
    (table,) = parts.tables
    assert parts.text[table.start : table.end] == "| Part | Euro |\n| - | - |\n| FR-1 | 12 |\n"


def test_what_is_attached_is_read_by_its_content_or_named_with_the_reason() -> None:
    made = mail()
    made.add_attachment(files.pdf(["# Sheet", "A line."]), maintype="application", subtype="x-any", filename="sheet")
    made.add_attachment(
        "Öl;1\nRuß;2\n".encode("cp1252"), maintype="text", subtype="csv", params={"charset": "cp1252"}, filename="a.csv"
    )
    made.add_attachment(files.encrypted_pdf(), maintype="application", subtype="pdf", filename="b.pdf")
    made.add_attachment(b"MZ\x90\x00", maintype="application", subtype="pdf", filename="c.pdf")
    text = said(made.as_bytes(), MediaType.EML).text.partition("Plain text.")[2]
    assert text == (
        "\n\n## Attachment: sheet\n\n# Sheet\n\nA line.\n\n## Attachment: a.csv\n\nÖl;1\nRuß;2\n\n"
        "## Attachment: b.pdf\n\n(application/pdf, 1027 bytes, not read: encrypted)\n\n"
        "## Attachment: c.pdf\n\n(application/pdf, 4 bytes, not read: type_mismatch)\n"
    )


def test_mails_in_mails_are_read_so_deep_and_no_deeper() -> None:
    made = mail("level 0")
    for level in range(1, 7):
        outer = mail(f"level {level}")
        outer.add_attachment(made)
        made = outer
    text = said(made.as_bytes(), MediaType.EML).text
    assert [level for level in range(7) if f"level {level}" in text] == [3, 4, 5, 6]
    assert "not read: bomb" in text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"Content-Type: text/plain; charset=iso-8859-7\r\n\r\n\xe3\xe5\xe9\xdc", "γειά"),
        (b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nR3LDtsOfZQ==", "Größe"),
        (b"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=B6=C3=9Fe", "Größe"),
        (b"\r\nplain", "plain"),
    ],
)
def test_the_text_of_a_mail_is_decoded_as_it_says(body: bytes, text: str) -> None:
    assert said(HEAD + body, MediaType.EML).text.endswith(f"\n\n{text}\n")


@pytest.mark.parametrize("subject", [b"=?utf-8?b?!?=", b"=?klingon?q?x?=", b"\xff\xfe", b"=?utf-8?q?=FF?=", b"a\x00b"])
def test_a_field_that_is_broken_is_shown_as_far_as_it_can_be(subject: bytes) -> None:
    parts = said(b"From: a@example.com\r\nSubject: x" + subject + b"\r\n\r\ntext", MediaType.EML)
    assert parts.text.endswith("From: a@example.com\n\ntext\n")
    parts.text.encode()


def test_a_mail_of_a_thousand_parts_is_none_that_a_program_wrote() -> None:
    parts = b"--x\r\n\r\na\r\n" * 1_001
    assert (
        why(HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + parts + b"--x--", MediaType.EML)
        is Unreadable.BOMB
    )
