"""Files of every type that is taken, made as small as they can be."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from email.message import EmailMessage

from ops.sample_pdf import assemble, flow, write_pdf

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
TYPES = "[Content_Types].xml"
HEADING_STYLES = "".join(
    f'<w:style w:type="paragraph" w:styleId="H{level}"><w:name w:val="heading {level}"/></w:style>'
    for level in range(1, 4)
)
STYLES = (
    f'<w:styles xmlns:w="{W}">{HEADING_STYLES}<w:style w:styleId="C"><w:name w:val="caption"/></w:style></w:styles>'
)


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    """A ZIP archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(zipfile.ZipInfo(name), part, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def docx(body: str, *, title: str = "", more: Mapping[str, str | bytes] | None = None) -> bytes:
    """A Word document with that XML as its body."""
    core = f'<c xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></c>'
    return zipped(
        {
            TYPES: "<Types/>",
            "word/document.xml": f'<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>',
            "word/styles.xml": STYLES,
            "docProps/core.xml": core,
            **(more or {}),
        }
    )


def paragraph(text: str, style: str = "", properties: str = "") -> str:
    """A paragraph of a Word document."""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{named}{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table of a Word document."""
    cells = ("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def pdf(*pages: Sequence[str | Sequence[str]], title: str = "") -> bytes:
    """A PDF with those lines on its pages."""
    return write_pdf([flow(lines) for lines in pages], title=title)


def encrypted_pdf() -> bytes:
    """A PDF that no empty password opens."""
    keys = b"/O <%s> /U <%s>" % (b"41" * 32, b"42" * 32)
    locked = b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 %s >> /ID [<%s> <%s>]" % (keys, b"43" * 16, b"43" * 16)
    return write_pdf([flow(["secret"])], extra=locked)


def scanned_pdf() -> bytes:
    """A PDF whose page is one grey picture."""
    drawn = b"q 500 0 0 700 40 40 cm /I Do Q\n"
    return assemble(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            b" /Resources << /XObject << /I 5 0 R >> >> >>",
            b"<< /Length %d >>\nstream\n%sendstream" % (len(drawn), drawn),
            b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8"
            b" /Length 1 >>\nstream\n\x80\nendstream",
        ],
        b"/Root 1 0 R",
    )


def mail(attached: Mapping[str, bytes]) -> bytes:
    """A mail with a line of text, and files attached by their names."""
    made = EmailMessage()
    made["From"], made["Subject"] = "jo@example.com", "Lamps"
    made.set_content("The lamps are attached.")
    for name, content in attached.items():
        made.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return made.as_bytes()
