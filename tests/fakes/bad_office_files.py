"""Presentations, workbooks, mails and JSON that are wrong in one way each."""

import base64
import json
from collections.abc import Iterator, Mapping
from email.message import EmailMessage

from tests.fakes import files
from tests.fakes import office_files as office

HEAD = b"From: Jo <jo@example.com>\r\nSubject: Lamps\r\nMIME-Version: 1.0\r\n"
SLIDE = office.slide(office.shape("Title", kind="title") + office.shape("text"))
ROWS = [["Part", "Euro"], ["FR-1", "12"]]
XML: Mapping[str, str] = {
    "laughs": '<!DOCTYPE a [<!ENTITY b "lol"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;</a>',
    "outside": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "deep": "<a>" * 100_000,
    "open": "<a",
    "empty": "",
    "other": "<a/>",
    "nul": "<a>\x00</a>",
}


def bad_office_files() -> Iterator[tuple[str, bytes]]:
    """Yield each by a name whose suffix says what it pretends to be."""
    yield from _presentations()
    yield from _workbooks()
    yield from _mails()
    yield from _jsons()


def _cuts(name: str, whole: bytes, parts: int = 8) -> Iterator[tuple[str, bytes]]:
    stem, _, suffix = name.rpartition(".")
    for share in range(1, parts):
        yield f"{stem}-{share}.{suffix}", whole[: len(whole) * share // parts]


def _presentations() -> Iterator[tuple[str, bytes]]:
    whole = office.pptx(SLIDE, office.slide(office.slide_table(ROWS)), notes={1: office.shape("note")})
    yield from _cuts("cut.pptx", whole)
    for name, xml in XML.items():
        yield f"main-{name}.pptx", office.pptx(SLIDE, more={"ppt/presentation.xml": xml})
        yield f"slide-{name}.pptx", office.pptx(xml)
    loop = office.relations(("slide", "../presentation.xml"), ("notesSlide", "slide1.xml"))
    yield "loop.pptx", office.pptx(SLIDE, more={"ppt/slides/_rels/slide1.xml.rels": loop})
    yield (
        "endless-slides.pptx",
        office.pptx(more={"ppt/presentation.xml": f"<presentation>{'<sldId/>' * 5_001}</presentation>"}),
    )
    same = "".join(f'<p:sldId id="{n}" r:id="rId1"/>' for n in range(4_000))
    named = f'xmlns:p="{office.P}" xmlns:r="{office.RELATIONS}"'
    yield (
        "one-slide-often.pptx",
        office.pptx(SLIDE, more={"ppt/presentation.xml": f"<p:presentation {named}>{same}</p:presentation>"}),
    )
    for place in ("../../../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "\\\\host\\share", "a" * 60_000):
        told = office.relations(("slide", place))
        yield f"target-{len(place)}.pptx", office.pptx(SLIDE, more={"ppt/_rels/presentation.xml.rels": told})
    macros = {"ppt/vbaProject.bin": b"\xd0\xcf\x11\xe0 Auto_Open", "ppt/activeX/activeX1.bin": b"x"}
    yield "macros.pptx", office.pptx(SLIDE, more=macros)
    yield "bomb.pptx", office.pptx(SLIDE, more={"ppt/media/a.bin": bytes(40 << 20)})
    yield "wide-table.pptx", office.pptx(office.slide(office.slide_table([["x"] * 20_000] * 5)))
    yield "encrypted.pptx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le")
    yield "old.pptx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096)
    yield "word.pptx", files.docx(files.paragraph("text"))


def _workbooks() -> Iterator[tuple[str, bytes]]:
    whole = office.xlsx({"S": office.plain_sheet(ROWS)}, strings=["<t>x</t>"], formats=["yyyy-mm-dd"])
    yield from _cuts("cut.xlsx", whole)
    for name, xml in XML.items():
        yield f"main-{name}.xlsx", office.xlsx({}, more={"xl/workbook.xml": xml})
        yield f"sheet-{name}.xlsx", office.xlsx({"S": xml})
        yield f"strings-{name}.xlsx", office.xlsx({"S": office.plain_sheet(ROWS)}, more={"xl/ss.xml": xml})
    places = ("A1048577", "ZZZZ1", "A0", "XFD1048576", "-1", "A" * 10_000, "a1")
    cells = "".join(office.cell(place, "x", "str") for place in places)
    yield "places.xlsx", office.xlsx({"S": office.sheet((10**9, cells), (-1, cells))})
    stairs = ((n, office.cell(f"{_letters(n)}{n}", "1")) for n in range(1, 4_000))
    yield (
        "stairs.xlsx",
        office.xlsx({"S": office.sheet(*((n, f"{office.cell(f'A{n}', 'x', 'str')}{row}") for n, row in stairs))}),
    )
    yield "wide.xlsx", office.xlsx({"S": office.sheet(*((n, "<c><v>1</v></c>" * 16_384) for n in range(1, 6)))})
    yield "missing-strings.xlsx", office.xlsx({"S": office.sheet((1, office.cell("A1", "99999999999", "s")))})
    yield from _numbers()


def _numbers() -> Iterator[tuple[str, bytes]]:
    numbers = ("1e999", "-1e999", "nan", "inf", "0x10", "1" * 5_000, "1_0", "", "\u0661")
    styled = [(n, office.cell(f"A{n}", one, style=1 + n % 3)) for n, one in enumerate(numbers, 1)]
    yield "numbers.xlsx", office.xlsx({"S": office.sheet(*styled)}, formats=["yyyy-mm-dd", "[h]:mm", "0.00%"])
    codes = ["[" * 50_000, '"' * 50_001, "0." + "0" * 50_000 + "%", "\\" * 999, ";;;"]
    yield (
        "formats.xlsx",
        office.xlsx(
            {"S": office.sheet((1, "".join(office.cell(f"{_letters(n)}1", "0.5", style=n) for n in range(1, 6))))},
            formats=codes,
        ),
    )
    yield (
        "loop.xlsx",
        office.xlsx(
            {"S": office.sheet()}, more={"xl/_rels/workbook.xml.rels": office.relations(("worksheet", "workbook.xml"))}
        ),
    )
    yield "many-sheets.xlsx", office.xlsx({f"S{n}": office.plain_sheet(ROWS) for n in range(1_500)})
    yield "long-names.xlsx", office.xlsx({"N" * 100_000: office.plain_sheet(ROWS)})
    yield (
        "formula.xlsx",
        office.xlsx({"S": office.sheet((1, "<c t=\"str\"><f>cmd|' /C calc'!A0</f><v>=cmd|' /C calc'!A0</v></c>"))}),
    )
    yield "hidden.xlsx", office.xlsx({"S": office.plain_sheet(ROWS)}, states={"S": "veryHidden"})
    yield (
        "macros.xlsx",
        office.xlsx(
            {"S": office.plain_sheet(ROWS)}, more={"xl/vbaProject.bin": b"Auto_Open", "xl/externalLinks/e.xml": "<a/>"}
        ),
    )
    yield "bomb.xlsx", office.xlsx({"S": f"<a>{' ' * (60 << 20)}</a>"})
    yield "slides.xlsx", office.pptx(SLIDE)
    yield "binary.xlsx", files.zipped({files.TYPES: "<Types/>", "xl/workbook.bin": b"\x83\x01"})


def _mails() -> Iterator[tuple[str, bytes]]:
    made = EmailMessage()
    made["From"], made["Subject"] = "jo@example.com", "Lamps"
    made.set_content("text")
    made.add_attachment(files.pdf(["text"]), maintype="application", subtype="pdf", filename="a.pdf")
    yield from _cuts("cut.eml", made.as_bytes(), 6)
    mixed = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
    yield "no-parts.eml", HEAD + mixed
    yield "many-parts.eml", HEAD + mixed + b"--x\r\n\r\na\r\n" * 50_000
    yield "same-boundary.eml", HEAD + mixed + (b"--x\r\n" + mixed) * 300
    nested = b"".join(
        b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (n, n + 1) for n in range(2_000)
    )
    yield "deep.eml", HEAD + b"Content-Type: multipart/mixed; boundary=b0\r\n\r\n" + nested
    yield "deep-mails.eml", HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 3_000 + b"From: a\r\n\r\ntext"
    yield "long-field.eml", HEAD + b"To: " + b"a@example.com, " * 100_000 + b"\r\n\r\ntext"
    yield "many-fields.eml", HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(100_000)) + b"\r\ntext"
    yield "words.eml", b"From: a@example.com\r\nSubject: " + b"=?utf-8?q?=C3=A9?= " * 20_000 + b"\r\n\r\ntext"
    yield "no-words.eml", b"From: a@example.com\r\nSubject: =?a?b?c?= =?utf-8?b?@@?= =?\r\n\r\n"
    yield "continued.eml", b"From: a@example.com\r\nSubject:\r\n" + b" x\r\n" * 100_000 + b"\r\ntext"
    yield (
        "names.eml",
        HEAD
        + b"Content-Disposition: attachment; "
        + b"; ".join(b"filename*%d*=utf-8''%%ff" % n for n in range(3_000))
        + b"\r\n\r\ntext",
    )
    yield "path.eml", HEAD + b'Content-Disposition: attachment; filename="../../etc/passwd"\r\n\r\nroot:x'
    yield "base64.eml", HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"@=!" * 100_000
    yield "uuencoded.eml", HEAD + b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 ../a\nM\xff\nend\n"
    yield "quoted.eml", HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=" * 100_000
    for charset in (b"klingon", b"utf-7", b"hex", b"../../x", b"utf-16", b"a" * 10_000):
        yield f"charset-{len(charset)}.eml", HEAD + b"Content-Type: text/plain; charset=%s\r\n\r\n\xff\xfe" % charset
    bomb = base64.encodebytes(files.docx("", more={"word/media/a.bin": bytes(40 << 20)}))
    attached = b'Content-Type: application/octet-stream; name="a.docx"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    yield "bomb.eml", HEAD + mixed + (b"--x\r\n" + attached + bomb) * 20 + b"--x--"
    yield "page.eml", HEAD + b"Content-Type: text/html\r\n\r\n" + b"<div>" * 100_000
    yield "empty.eml", HEAD + b"\r\n"
    yield "signed.eml", HEAD + b"Content-Type: application/pkcs7-mime; name=smime.p7m\r\n\r\nMIIB"


def _jsons() -> Iterator[tuple[str, bytes]]:
    whole = json.dumps({"title": "x", "rows": [{"a": n, "b": [1, 2]} for n in range(20)]}).encode()
    yield from _cuts("cut.json", whole, 6)
    yield "deep.json", b"[" * 1_000_000
    yield "deep-objects.json", b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    yield "closed-deep.json", b"[" * 500 + b"]" * 500
    yield "numbers.json", b"[" + b",".join([b"9" * 10_000] * 100) + b"]"
    yield "words.json", b'{"a": NaN, "b": -Infinity, "c": 1e999}'
    yield "lone.json", b'{"a": "\\ud800", "\\udc00": "\\u0000"}'
    yield "names.json", b"[" + b",".join(b'{"n%d": 1}' % n for n in range(50_000)) + b"]"
    yield "wide.json", b"[{" + b",".join(b'"c%d": 1' % n for n in range(10_000)) + b"},{}]"
    yield "empties.json", b"[" + b"[]," * 1_000_000 + b"[]]"
    yield "same-names.json", b"{" + b",".join([b'"a": {"b": 1}'] * 50_000) + b"}"
    yield "long-name.json", b'{"' + b"a" * 1_000_000 + b'": {"b": 1}}'
    yield "long-text.json", b'{"a": "' + b"x" * 8_000_000 + b'"}'
    yield "comment.json", b'{"a": 1 /* no */}'
    yield "quotes.json", b"{'a': 1}"
    yield "lines-cut.jsonl", b'{"a": 1}\n' * 1_000 + b'{"a"'
    yield "lines.jsonl", b'{"a": 1}\n' * 200_000
    yield "scalars.jsonl", b'{"a": 1}\n1\n"x"\nnull\n'
    yield "nuls.jsonl", b'{"a": "x\x00y"}\n\x00'
    yield "blank.jsonl", b"\n" * 100_000


def _letters(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
