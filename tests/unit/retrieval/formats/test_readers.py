"""What each format is read as: text, headings, tables, pages, title."""

import pytest

from app.retrieval.chunks import Chunk, split
from app.retrieval.formats.reading import reader_of
from app.retrieval.media import MediaType
from app.retrieval.parts import Parts
from app.retrieval.sections import cut
from app.retrieval.unreadable import DocumentUnreadable, Unreadable
from ops.sample_pdf import SAMPLE, sample
from tests.fakes import files

ROWS = [["Cable", "Number", "Run"], ["Control", "FR-5108", "35 metres"], ["Door", "FR-5120", "60 metres"]]
DRAWN = "| Cable | Number | Run |\n| - | - | - |\n| Control | FR-5108 | 35 metres |\n| Door | FR-5120 | 60 metres |\n"


def read(raw: bytes, media_type: MediaType, charset: str | None = None) -> Parts:
    """What the reader of the type brings."""
    return reader_of(media_type).read(raw, charset)


def chunks_of(parts: Parts) -> list[Chunk]:
    """All chunks of what was read."""
    return list(split(parts.text, cut(parts), is_markdown=False))


def why(raw: bytes, media_type: MediaType) -> Unreadable:
    """Why the document cannot be read."""
    with pytest.raises(DocumentUnreadable) as caught:
        read(raw, media_type)
    return caught.value.why


def test_a_pdf_has_pages_headings_a_table_and_a_title() -> None:
    parts = read(SAMPLE.read_bytes(), MediaType.PDF)
    assert parts.title == "Lift Link installation sheet"
    assert [heading.title for heading in parts.headings] == [
        "Lift Link: installation sheet",
        "Before the visit",
        "Cables",
    ]
    assert [parts.text[start:].splitlines()[0] for start in parts.pages] == [
        "# Lift Link: installation sheet",
        "# Cables",
    ]
    (table,) = parts.tables
    assert parts.text[table.start : table.head] == "| Cable | Order number | Longest run |\n| - | - | - |\n"
    assert [parts.text[row:].splitlines()[0] for row in table.rows][1:3] == [
        "| Control, 12 wires | FR-5112 | 20 metres |",
        "| Door contact | FR-5120 | 60 metres |",
    ]
    assert [(chunk.page, chunk.heading) for chunk in chunks_of(parts)] == [
        (1, "Lift Link: installation sheet"),
        (1, "Before the visit"),
        (2, "Cables"),
        (2, "Cables"),
    ]


def test_the_sample_is_what_its_program_writes() -> None:
    assert SAMPLE.read_bytes() == sample()


def test_a_paragraph_is_cut_where_a_page_ends_and_every_chunk_is_of_one_page() -> None:
    lines = [f"Line {number} of the page says what the one before it did not say." for number in range(45)]
    parts = read(files.pdf(lines, lines, lines), MediaType.PDF)
    chunks = chunks_of(parts)
    assert [start for start in parts.pages if not any(chunk.start == start for chunk in chunks)] == []
    assert {chunk.page for chunk in chunks} == {1, 2, 3}
    assert all(1 + sum(chunk.end > start for start in parts.pages[1:]) == chunk.page for chunk in chunks)


def test_a_blank_page_counts() -> None:
    parts = read(files.pdf(["One."], [], ["Three."]), MediaType.PDF)
    assert [(chunk.text, chunk.page) for chunk in chunks_of(parts)] == [("One.", 1), ("Three.", 3)]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (files.scanned_pdf(), Unreadable.SCANNED),
        (files.encrypted_pdf(), Unreadable.ENCRYPTED),
        (files.pdf([]), Unreadable.NO_TEXT),
        (files.pdf(["text"])[:200], Unreadable.MALFORMED),
        (b"%PDF-1.7", Unreadable.MALFORMED),
    ],
)
def test_a_pdf_that_cannot_be_read_says_why(raw: bytes, reason: Unreadable) -> None:
    assert why(raw, MediaType.PDF) is reason


def test_a_word_document_has_headings_lists_tables_and_notes() -> None:
    body = (
        files.paragraph("Lift Link", "H1")
        + files.paragraph("Cables", "H2")
        + files.paragraph("Only these.")
        + files.paragraph("Sold by the metre", properties="<w:numPr/>")
        + files.paragraph("Table 1: cables", "C")
        + files.table(ROWS)
        + "<w:p><w:r><w:t>Kept </w:t></w:r><w:del><w:r><w:delText>not this</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>words</w:t></w:r></w:ins><w:r><w:tab/><w:t>and more</w:t></w:r></w:p>"
    )
    notes = f'<w:footnotes xmlns:w="{files.W}"><w:footnote>{files.paragraph("A note.")}</w:footnote></w:footnotes>'
    parts = read(files.docx(body, title="Sheet", more={"word/footnotes.xml": notes}), MediaType.DOCX)
    assert parts.text == (
        f"# Lift Link\n\n## Cables\n\nOnly these.\n\n- Sold by the metre\n\nTable 1: cables\n{DRAWN}\n"
        "Kept words\tand more\n\nA note.\n"
    )
    assert parts.title == "Sheet"
    (table,) = parts.tables
    assert parts.text[table.start : table.end] == f"Table 1: cables\n{DRAWN}"
    assert {chunk.heading for chunk in chunks_of(parts)} == {"Lift Link > Cables"}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (files.zipped({files.TYPES: "<Types/>"}), Unreadable.TYPE_MISMATCH),
        (files.docx("<w:p>"), Unreadable.MALFORMED),
        (files.docx("x")[:100], Unreadable.MALFORMED),
        (files.docx("<w:p>" * 300 + "</w:p>" * 300), Unreadable.BOMB),
        (files.docx("", more={"word/media/a.bin": bytes(30 << 20)}), Unreadable.BOMB),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), Unreadable.ENCRYPTED),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 an old document", Unreadable.TYPE_MISMATCH),
        (
            files.zipped({files.TYPES: "", "word/document.xml": "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"}),
            Unreadable.BOMB,
        ),
    ],
)
def test_a_word_document_that_cannot_be_read_says_why(raw: bytes, reason: Unreadable) -> None:
    assert why(raw, MediaType.DOCX) is reason


def test_a_web_page_is_read_as_a_browser_shows_it() -> None:
    page = """<!DOCTYPE html><title>Sheet &amp; more</title><style>p {color: red}</style><script>let a = 1</script>
    <nav>Home</nav><h1>Lift <i>Link</i></h1><p>First line<br>second&nbsp;line <b>bold</b>.<p>Not closed
    <ul><li>one<li>two</ul><p style="display: none">hidden</p><h2>Cables</h2>
    <table><caption>Table 1: cables</caption><tr><th>Cable<th>Number<th>Run
    <tr><td>Control<td>FR-5108<td>35 metres<tr><td>Door<td>FR-5120<td>60 metres</table><pre>a
  b</pre>"""
    parts = read(page.encode(), MediaType.HTML)
    assert parts.text == (
        "# Lift Link\n\nFirst line\nsecond line bold.\n\nNot closed\n\n- one\n\n- two\n\n"
        f"## Cables\n\nTable 1: cables\n{DRAWN}\na\n  b\n"
    )
    assert parts.title == "Sheet & more"


def test_a_web_page_says_its_encoding_and_the_uploader_knows_better() -> None:
    page = b'<html><meta charset="windows-1251"><p>{}'
    word = "Договор"
    assert word in read(page.replace(b"{}", word.encode("cp1251")), MediaType.HTML).text
    assert word in read(page.replace(b"{}", word.encode("koi8_r")), MediaType.HTML, "koi8_r").text


def test_a_web_page_that_nests_too_deep_is_refused() -> None:
    assert why(b"<html>" + b"<div>" * 1000 + b"x", MediaType.HTML) is Unreadable.BOMB


@pytest.mark.parametrize(
    "page",
    [
        "<p " + " ".join(f"a{n}=1" for n in range(30_000)) + ">x",
        '<p title=">" ' + " ".join(f"a{n}" for n in range(600)) + ">x",
        "<body>" + "".join(f"<body a{n}='>'>" for n in range(600)),
    ],
)
def test_elements_with_attributes_without_end_are_refused(page: str) -> None:
    assert why(f"<!DOCTYPE html>{page}".encode(), MediaType.HTML) is Unreadable.BOMB


def test_what_only_looks_like_attributes_is_read() -> None:
    words = " ".join(f"w{n}" for n in range(600))
    page = f"<script>if (a<b) {words}</script><!-- <p {words} --><title>a<b {words}</title><p title='{words}'>Text"
    assert read(f"<!DOCTYPE html>{page}".encode(), MediaType.HTML).text == "Text\n"


def test_csv_is_its_own_text_and_its_header_leads_every_chunk_but_the_first() -> None:
    rows = "".join(f'{number},"Shelf {number}, of\n""steel""",{number * 3} euros\r\n' for number in range(200))
    text = f"number,name,price\r\n{rows}"
    parts = read(text.encode(), MediaType.CSV)
    chunks = chunks_of(parts)
    assert parts.text == text
    assert [chunk.lead for chunk in chunks] == ["", *["number,name,price\r\n"] * (len(chunks) - 1)]
    starts = [chunk.text.partition(",")[0] for chunk in chunks[1:]]
    assert all(start.isdecimal() for start in starts), "a chunk begins with a row, not in a quoted field"


def test_a_long_table_repeats_caption_and_header_and_cuts_between_rows() -> None:
    rows = [["Part", "Price"], *([f"part number {number}", f"{number} euros"] for number in range(120))]
    body = files.paragraph("Prices of parts", "C") + files.table(rows)
    chunks = chunks_of(read(files.docx(body), MediaType.DOCX))
    assert len(chunks) > 3
    assert {chunk.lead for chunk in chunks[1:]} == {"Prices of parts\n| Part | Price |\n| - | - |\n"}
    assert all(line.startswith("| part number") for chunk in chunks[1:] for line in chunk.text.splitlines())


def test_a_table_of_ten_thousand_columns_is_cut_and_repeats_no_header() -> None:
    row = ",".join(f"c{number}" for number in range(10_000))
    parts = read(f"{row}\n{row}\n".encode(), MediaType.CSV)
    chunks = chunks_of(parts)
    assert not any(chunk.lead for chunk in chunks)
    assert "".join(chunk.text for chunk in chunks).replace("\n", "") == row * 2
