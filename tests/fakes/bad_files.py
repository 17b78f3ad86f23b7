"""Files that are wrong in one way each, and mutations of them."""

import io
import random
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ops.sample_pdf import assemble, flow, sample, write_pdf
from tests.fakes import files
from tests.fakes.bad_office_files import bad_office_files

DOCX_XML = "word/document.xml"
HEAD = b"%PDF-1.7\n"
ATTACHED = (
    "cut-9.pdf",
    "encrypted.pdf",
    "scanned.pdf",
    "endless-pages.pdf",
    "many-pages.pdf",
    "loop.pdf",
    "zip-bomb.docx",
    "text-bomb.docx",
    "xml-outside.docx",
    "endless-slides.pptx",
    "bomb.pptx",
    "stairs.xlsx",
    "strings-deep.xlsx",
    "deep.html",
    "endless-attributes.html",
    "closed-deep.json",
)
"""Those that take no mail down that they are attached to: what can be read of it is."""


def bad_files() -> Mapping[str, bytes]:
    """Every bad file, by a name whose suffix says what it pretends to be."""
    alone = dict((*_pdfs(), *_packages(), *_xmls(), *_pages(), *_texts(), *_disguises(), *bad_office_files()))
    return {**alone, **dict(_attached(alone))}


def _attached(alone: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield mails to which bad files are attached: each of some alone, one of them many times, and many at once."""
    for name in (*ATTACHED, "flate-bomb.pdf"):
        yield f"with-{name.replace('.', '-')}.eml", files.mail({name: alone[name]})
    for name in ("text-bomb.docx", "flate-bomb.pdf", "deep.html"):
        yield f"with-ten-{name.replace('.', '-')}.eml", files.mail({f"{n}-{name}": alone[name] for n in range(10)})
    yield "with-all.eml", files.mail({name: alone[name] for name in ATTACHED})


def mutation(content: bytes, seed: str) -> bytes:
    """Return the content with bytes changed, cut out, doubled or cut off, always the same for a seed."""
    draw = random.Random(seed)  # noqa: S311 - drawn to be repeated
    mutated = content[: 1 << 20]
    for _ in range(draw.randint(1, 12)):
        at, size = draw.randrange(len(mutated) + 1), draw.choice([1, 1, 2, 8, 64, 512])
        before, piece, after = mutated[:at], mutated[at : at + size], mutated[at + size :]
        changed = (draw.randbytes(len(piece)), b"", piece + piece, piece)
        mutated = before + draw.choice(changed) + (b"" if draw.random() < 0.02 else after)
    return mutated


def _pdfs() -> Iterator[tuple[str, bytes]]:
    whole = sample()
    for share in range(1, 20):
        yield f"cut-{share}.pdf", whole[: len(whole) * share // 20]
    yield "encrypted.pdf", files.encrypted_pdf()
    yield "scanned.pdf", files.scanned_pdf()
    yield "head-only.pdf", HEAD
    yield "zeros.pdf", HEAD + bytes(100_000)
    yield "no-xref.pdf", whole.replace(b"xref", b"xxxx")
    yield "wrong-xref.pdf", whole.replace(b"00000 n", b"00009 n")
    yield "no-pages.pdf", assemble([b"<< /Type /Catalog >>"], b"/Root 1 0 R")
    yield (
        "endless-pages.pdf",
        assemble(
            [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2147483647 >>"],
            b"/Root 1 0 R",
        ),
    )
    kids = b" ".join([b"3 0 R"] * 5_001)
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"
    tree = b"<< /Type /Pages /Kids [%s] /Count 5001 >>" % kids
    yield "many-pages.pdf", assemble([b"<< /Type /Catalog /Pages 2 0 R >>", tree, page], b"/Root 1 0 R")
    yield "flate-bomb.pdf", _streamed(b"BT /F1 9 Tf (aaaa) Tj ET\n" * 4_000_000)
    yield "deep-arrays.pdf", _streamed(b"[" * 2_000_000)
    yield "deep-dictionaries.pdf", assemble([b"<< /A " * 100_000 + b">>" * 100_000], b"/Root 1 0 R")
    yield "loop.pdf", assemble([b"<< /Type /Catalog /Pages 1 0 R /Kids [1 0 R] /Count 1 >>"], b"/Root 1 0 R")
    yield "huge-numbers.pdf", whole.replace(b"/MediaBox [0 0 595 842]", b"/MediaBox [-9e99 0 9e99 99999999999]")
    yield (
        "script.pdf",
        whole.replace(b"/Type /Catalog", b"/Type /Catalog /OpenAction << /S /JavaScript /JS (app.alert(1)) >>"),
    )
    yield "launch.pdf", whole.replace(b"/Type /Catalog", b"/Type /Catalog /OpenAction << /S /Launch /F (/bin/sh) >>")
    for size in (0.0001, 1e9):
        yield f"type-{size:g}.pdf", write_pdf([[replace(text, size=size) for text in flow(["a strange size"])]])


def _streamed(drawn: bytes) -> bytes:
    packed = zlib.compress(drawn, 9)
    font = b"/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    return assemble(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] %s /Contents 4 0 R >>" % font,
            b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(packed), packed),
        ],
        b"/Root 1 0 R",
    )


def _packages() -> Iterator[tuple[str, bytes]]:
    whole = files.docx(files.paragraph("text"))
    for share in range(1, 20):
        yield f"cut-{share}.docx", whole[: len(whole) * share // 20]
    yield "no-document.docx", files.zipped({files.TYPES: "<Types/>"})
    yield "zip-bomb.docx", files.docx(files.paragraph("text"), more={"word/media/a.bin": bytes(60 << 20)})
    yield "text-bomb.docx", files.docx(files.paragraph("a" * (40 << 20)))
    yield "many-parts.docx", files.docx("", more={f"word/media/{number}": "" for number in range(2_001)})
    yield "nested.docx", files.docx("", more={"word/embeddings/a.docx": whole})
    yield "nested-bomb.docx", files.docx("", more={"a.zip": files.zipped({"b": bytes(50 << 20)})})
    yield "encrypted.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le")
    yield "old.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096)
    yield (
        "macros.docx",
        files.docx(files.paragraph("text"), more={"word/vbaProject.bin": b"\xd0\xcf\x11\xe0 Auto_Open"}),
    )
    for name in ("../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "word/" + "a" * 60_000, "word/\x00.xml"):
        yield f"path-{len(name)}-{ord(name[0])}.docx", files.docx(files.paragraph("text"), more={name: "x"})
    flags = bytearray(whole)
    flags[6] |= 1
    at = whole.index(b"PK\x01\x02")
    flags[at + 8] |= 1
    yield "locked.docx", bytes(flags)
    sizes = bytearray(whole)
    sizes[at + 24 : at + 28] = b"\x01\x00\x00\x00"
    yield "lying-size.docx", bytes(sizes)
    out = io.BytesIO(whole)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(zipfile.ZipInfo("word/styles.XML"), "x")
    yield "two-cases.docx", out.getvalue()
    yield "prefixed.docx", b"MZ" + whole
    yield "twice.docx", whole + whole


def _xmls() -> Iterator[tuple[str, bytes]]:
    lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    bodies = {
        "laughs": f'<!DOCTYPE a [<!ENTITY l0 "lol">{lol}]><a>&l11;</a>',
        "outside": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        "network": '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>',
        "quadratic": f'<!DOCTYPE a [<!ENTITY x "{"a" * 50_000}">]><a>{"&x;" * 5_000}</a>',
        "deep": "<a>" * 100_000,
        "open": "<a",
        "no-xml": "text",
        "empty": "",
        "nul": "<a>\x00</a>",
        "attributes": "<a " + " ".join(f'a{n}="1"' for n in range(100_000)) + "/>",
        "long-name": f"<{'a' * 1_000_000}/>",
        "unbound": "<w:p/>",
    }
    for name, body in bodies.items():
        yield f"xml-{name}.docx", files.zipped({files.TYPES: "", DOCX_XML: body})
    cells = f"<w:tbl><w:tr>{'<w:tc/>' * 100_000}</w:tr></w:tbl>"
    yield "wide-table.docx", files.docx(cells)
    yield "tables.docx", files.docx("<w:tbl><w:tr><w:tc>" * 80 + "</w:tc></w:tr></w:tbl>" * 80)
    yield "ends.docx", files.docx("<w:tr><w:tc><w:p><w:r><w:t>x</w:t></w:r></w:p></w:tc></w:tr>")


def _pages() -> Iterator[tuple[str, bytes]]:
    start = b"<!DOCTYPE html>"
    yield "deep.html", start + b"<div>" * 100_000
    yield "deep-tables.html", start + b"<table><tr><td>" * 5_000
    yield "deep-formatting.html", start + b"<b><i>" * 50_000 + b"x"
    yield "wide-span.html", start + b"<table><tr><td colspan=99999999>a<td>b<tr><td>c<td>d</table>"
    yield "script.html", start + b"<script>while (1) {}</script><p>text"
    yield "open-comment.html", start + b"<!--" + b"a" * 1_000_000
    yield "attributes.html", start + b"<p " + b" ".join(b"a%d=1" % n for n in range(3_000)) + b">x"
    yield "endless-attributes.html", start + b"<p " + b" ".join(b"a%d=1" % n for n in range(50_000)) + b">x"
    yield "bodies.html", start + b"".join(b"<body a%d=1>" % n for n in range(30_000)) + b"x"
    yield "quoted-attributes.html", start + b"<p " + b"a='>' " * 50_000 + b">x"
    yield "foreign.html", start + b"<svg><title>" + b"<div>" * 3_000 + b"x"
    yield "entities.html", start + b"&amp;" * 500_000
    yield "base.html", start + b'<base href="file:///etc/"><img src=passwd><iframe src=passwd></iframe>'
    yield "empty.html", start
    yield "nul.html", start + b"a\x00b" * 100
    yield "charset.html", b"<html><meta charset=utf-7>+ADw-script+AD4-"
    yield "rows.html", start + b"<table>" + b"<tr><td>a<td>b" * 60_000


def _texts() -> Iterator[tuple[str, bytes]]:
    yield "columns.csv", (",".join(f"c{n}" for n in range(10_000)) + "\n").encode() * 20
    yield "open-quote.csv", b'a,"b\n' + b"c,d\n" * 100_000
    yield "quotes.csv", b'"' * 1_000_001
    yield "one-cell.csv", b"a,b\n" + b"x" * 1_000_000
    yield "rows.csv", b"a,b\n" + b"1,2\n" * 400_000
    yield "line-ends.csv", b"\r" * 500_000 + b"a,b\n1,2"
    yield "formula.csv", b"a,b\n=cmd|' /C calc'!A0,2\n"
    yield "one-line.txt", b"a" * 4_000_000
    yield "nuls.txt", b"a b\x00c " * 3
    yield "wide-odd.txt", "text in two bytes ".encode("utf-16")[:-1]
    yield "one-byte.txt", b"\xff"
    yield "zeros.txt", bytes(100_000)
    yield "marks-only.txt", b"\xff\xfe"
    yield "half.txt", "text ".encode("utf-16-le") * 500 + b"x"
    yield "lone.txt", "\ud800 lone".encode("utf-16-le", "surrogatepass")
    yield "page.txt", bytes(range(160, 256)) * 10
    yield "mixed.txt", "Größe ".encode() + "Größe ".encode("cp1252")
    yield "controls.txt", b"\x1b[2J" * 1000
    yield "marks.txt", ("a" + "\u0301" * 100_000).encode()
    yield "directions.txt", ("\u202e" * 1_000 + "a").encode()
    for mark, name in ((b"# ", "hash"), (b"> ", "quote"), (b"|-" * 50 + b"\n", "rule"), (b"```\n", "fence")):
        yield f"{name}.md", mark * (300_000 // len(mark)) + b"x"


def _disguises() -> Iterator[tuple[str, bytes]]:
    whole = sample()
    yield "junk-before.pdf", b"#!/bin/sh\nrm -rf /\n" + whole
    yield "junk-after.pdf", whole + b"PK\x03\x04" + bytes(1000)
    yield "page-too.pdf", b"<!DOCTYPE html><script>1</script>" + whole
    yield "program-too.docx", files.docx(files.paragraph("text")) + b"\x7fELF"
    yield "sheet.docx", files.zipped({files.TYPES: "<Types/>", "xl/workbook.xml": "<a/>"})
    yield "picture.pdf", HEAD + b"\x89PNG\r\n\x1a\n" + bytes(1000)
    yield "archive.pdf", HEAD + files.zipped({"a": "b"})
