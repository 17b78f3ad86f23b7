"""What presentations and workbooks are read as."""

import pytest

from app.retrieval.chunks import split
from app.retrieval.formats.reading import reader_of
from app.retrieval.media import MediaType
from app.retrieval.parts import Parts
from app.retrieval.sections import cut
from app.retrieval.unreadable import DocumentUnreadable, Unreadable
from tests.fakes import files
from tests.fakes import office_files as office

ROWS = [["Cable", "Run"], ["Door", "60 metres"]]
DRAWN = "| Cable | Run |\n| - | - |\n| Door | 60 metres |\n"


def slides(raw: bytes) -> Parts:
    """What the reader of presentations brings."""
    return reader_of(MediaType.PPTX).read(raw, None)


def sheets(raw: bytes) -> Parts:
    """What the reader of workbooks brings."""
    return reader_of(MediaType.XLSX).read(raw, None)


def values(*codes_and_values: tuple[str, str], is_1904: bool = False) -> list[str]:
    """What cells of those number formats show for those values."""
    rows = [
        (n, office.cell(f"A{n}", "x", "str") + office.cell(f"B{n}", value, style=n))
        for n, (_, value) in enumerate(codes_and_values, 1)
    ]
    raw = office.xlsx({"S": office.sheet(*rows)}, formats=[code for code, _ in codes_and_values], is_1904=is_1904)
    lines = [line for line in sheets(raw).text.splitlines() if line.startswith("| x")]
    return [line.removeprefix("| x | ").removesuffix(" |") for line in lines]


@pytest.mark.requirement("UPL-04.types")
def test_a_slide_is_a_page_with_title_list_table_and_notes() -> None:
    first = office.shape("Prices fall", "by a tenth") + office.shape("Lift Link", kind="ctrTitle")
    second = office.shape("Cables", kind="title") + office.slide_table(ROWS) + office.shape("7", kind="sldNum")
    core = '<c xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Deck</dc:title></c>'
    raw = office.pptx(
        office.slide(first),
        office.slide(second),
        notes={2: office.shape("Say that it is new.") + office.shape("2", kind="sldNum")},
        more={"docProps/core.xml": core},
    )
    parts = slides(raw)
    pages = [parts.text[at:to] for at, to in zip(parts.pages, [*parts.pages[1:], None], strict=True)]
    assert pages == [
        "# Lift Link\n\n- Prices fall\n- by a tenth\n\n",
        f"# Cables\n\n{DRAWN}\n## Notes\n\nSay that it is new.\n",
    ]
    assert parts.title == "Deck"
    chunks = list(split(parts.text, cut(parts), is_markdown=False))
    assert [(chunk.page, chunk.heading) for chunk in chunks] == [(1, "Lift Link"), (2, "Cables"), (2, "Cables > Notes")]


def test_a_slide_without_a_title_stands_under_its_number_and_a_hidden_one_only_counts() -> None:
    hidden = office.slide(office.shape("secret", kind=""), attributes=' show="0"')
    parts = slides(
        office.pptx(office.slide(office.shape("One.", kind="")), hidden, office.slide(office.shape("Three.")))
    )
    assert parts.text == "# Slide 1\n\nOne.\n\n# Slide 3\n\nThree.\n"
    assert [parts.text[at:].split("\n")[0] for at in parts.pages] == ["# Slide 1", "# Slide 3", "# Slide 3"]


def test_parts_outside_of_the_package_are_not_looked_for() -> None:
    outside = office.relations(("slide", "../../../../etc/passwd"))
    away = office.relations(("slide", "slides/slide1.xml"), mode="External")
    for told in (outside, away):
        raw = office.pptx(office.slide(office.shape("inside")), more={"ppt/_rels/presentation.xml.rels": told})
        assert slides(raw).text == ""


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (files.docx(""), Unreadable.TYPE_MISMATCH),
        (office.pptx(more={"ppt/presentation.xml": "<a/>"}), Unreadable.TYPE_MISMATCH),
        (office.pptx(more={"ppt/presentation.xml": "<a"}), Unreadable.MALFORMED),
        (office.pptx("<!DOCTYPE a><a/>"), Unreadable.BOMB),
        (office.pptx(more={"ppt/media/a.bin": bytes(40 << 20)}), Unreadable.BOMB),
        (
            office.pptx(more={"ppt/presentation.xml": f"<presentation>{'<sldId/>' * 5001}</presentation>"}),
            Unreadable.TOO_MANY_PAGES,
        ),
    ],
)
def test_a_presentation_that_cannot_be_read_says_why(raw: bytes, reason: Unreadable) -> None:
    with pytest.raises(DocumentUnreadable) as caught:
        slides(raw)
    assert caught.value.why is reason


def test_a_sheet_is_a_heading_over_its_tables_with_header_rows_and_captions() -> None:
    prices = office.plain_sheet(
        [["Price list"], ["Valid in 2026"], ["Part", "", "Euro"], ["FR-1", "", "12.5"]], first=2
    )
    parts = sheets(office.xlsx({"Prices": prices, "Empty": office.sheet(), "Cables": office.plain_sheet(ROWS)}))
    assert parts.text == (
        f"# Prices\n\nPrice list\n\nValid in 2026\n| Part | Euro |\n| - | - |\n| FR-1 | 12.5 |\n\n# Cables\n\n{DRAWN}"
    )
    assert [heading.title for heading in parts.headings] == ["Prices", "Cables"]
    assert [parts.text[table.head : table.end] for table in parts.tables] == [
        "| FR-1 | 12.5 |\n",
        "| Door | 60 metres |\n",
    ]


def test_a_blank_row_divides_tables_unless_values_go_on_below_it() -> None:
    rows = [["Part", "Euro"], ["FR-1", "1"], [], ["FR-2", "2"], [], ["Cable", "Run"], ["Door", "60"]]
    parts = sheets(office.xlsx({"S": office.plain_sheet(rows)}))
    assert [parts.text[table.start : table.end] for table in parts.tables] == [
        "| Part | Euro |\n| - | - |\n| FR-1 | 1 |\n| FR-2 | 2 |\n",
        "| Cable | Run |\n| - | - |\n| Door | 60 |\n",
    ]


def test_cells_show_shared_texts_results_of_formulas_errors_and_truth() -> None:
    cells = (
        office.cell("A1", "0", "s") + office.cell("B1", "1", "s"),
        office.cell("A2", "sum", "inlineStr") + '<c r="B2"><f>SUM(C1:C9)</f><v>42</v></c>',
        office.cell("A3", "text", "inlineStr") + '<c r="B3" t="str"><f>A1</f><v>as text</v></c>',
        office.cell("A4", "none", "inlineStr") + '<c r="B4"><f>A1</f></c><c><v>7</v></c>',
        office.cell("A5", "#DIV/0!", "e") + office.cell("B5", "1", "b") + office.cell("C5", "2026-01-05", "d"),
        office.cell("A6", "99", "s") + office.cell("B6", "1E+3") + office.cell("ZZZZ6", "beyond", "str"),
    )
    strings = ["<t>Key</t>", "<r><t>Va</t></r><r><t>lue</t></r><rPh><t>kana</t></rPh>"]
    parts = sheets(office.xlsx({"S": office.sheet(*enumerate(cells, 1))}, strings=strings))
    assert parts.text.splitlines()[2:] == [
        "| Key | Value |  |",
        "| - | - | - |",
        "| sum | 42 |  |",
        "| text | as text |  |",
        "| none |  | 7 |",
        "| #DIV/0! | TRUE | 2026-01-05 |",
        "|  | 1000 | beyond |",
    ]


def test_numbers_are_shown_as_their_formats_say() -> None:
    shown = {
        ("yyyy-mm-dd", "46027"): "2026-01-05",
        ("dd/mm/yy hh:mm", "46027.4375"): "2026-01-05 10:30",
        ("mmm", "1"): "1900-01-01",
        ("d", "59"): "1900-02-28",
        ("d.m.", "61"): "1900-03-01",
        ("h:mm", "0.5"): "12:00",
        ("mm:ss", "46027.00058"): "00:00:50",
        ("[h]:mm", "1.5"): "36:00",
        ("[Red]0.00", "-3.14159"): "-3.14159",
        ('0 "days"', "3"): "3",
        ("0%", "0.125"): "13%",
        ("0.0%", "0.125"): "12.5%",
        ("General", "0.30000000000000004"): "0.3",
        ("General", "12345678901234567890"): "12345678901234567890",
        ("yyyy", "-4"): "-4",
        ("yyyy", "99999999"): "99999999",
        ("0%", "1e300"): "1e300",
        ("0", "no number"): "no number",
    }
    assert dict(zip(shown, values(*shown), strict=True)) == shown
    assert values(("yyyy-mm-dd", "44565"), ("d", "0"), is_1904=True) == ["2026-01-05", "1904-01-01"]


def test_hidden_sheets_are_left_out() -> None:
    raw = office.xlsx(
        {"A": office.plain_sheet(ROWS), "B": office.plain_sheet([["secret"]])}, states={"B": "veryHidden"}
    )
    assert "secret" not in sheets(raw).text


def test_a_table_whose_blank_cells_would_fill_the_memory_is_too_large() -> None:
    rows = (
        office.cell(f"{chr(65 + n // 26 // 26)}{chr(65 + n // 26 % 26)}{chr(65 + n % 26)}{n + 1}", "1")
        for n in range(3000)
    )
    with pytest.raises(DocumentUnreadable) as caught:
        sheets(
            office.xlsx(
                {"S": office.sheet(*((n, row + office.cell(f"A{n}", "x", "str")) for n, row in enumerate(rows, 1)))}
            )
        )
    assert caught.value.why is Unreadable.TOO_LARGE


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (files.docx(""), Unreadable.TYPE_MISMATCH),
        (office.xlsx({}, more={"xl/workbook.xml": "<a/>"}), Unreadable.TYPE_MISMATCH),
        (office.xlsx({"S": "<a"}), Unreadable.MALFORMED),
        (office.xlsx({"S": "<a>" * 300}), Unreadable.BOMB),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), Unreadable.TYPE_MISMATCH),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), Unreadable.ENCRYPTED),
    ],
)
def test_a_workbook_that_cannot_be_read_says_why(raw: bytes, reason: Unreadable) -> None:
    with pytest.raises(DocumentUnreadable) as caught:
        sheets(raw)
    assert caught.value.why is reason
