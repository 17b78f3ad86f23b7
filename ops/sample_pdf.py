"""Writes PDF files without a library: text in Helvetica on pages, the same bytes every time.

`python -m ops.sample_pdf` writes the sheet of the sample handbook.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.finish import finish

SAMPLE = Path(__file__).parents[1] / "samples" / "handbook" / "08-lift-link.pdf"
TOP = 780
LEFT = 60


@dataclass(frozen=True, slots=True)
class Text:
    """Words at a place of a page, in points from its lower left corner."""

    words: str
    x: float
    y: float
    size: float = 11
    is_bold: bool = False


def flow(lines: Sequence[str | Sequence[str]], columns: Sequence[float] = (LEFT, 300, 400)) -> list[Text]:
    """Set lines from the top of a page down: `# ` makes a heading, a list of words a row of a table, "" a gap."""
    placed: list[Text] = []
    y = float(TOP)
    for line in lines:
        if isinstance(line, str):
            is_heading = line.startswith("# ")
            placed.append(Text(line.removeprefix("# "), LEFT, y, 18 if is_heading else 11, is_heading))
            y -= 30 if is_heading else 15
        else:
            placed.extend(Text(cell, x, y) for cell, x in zip(line, columns, strict=False) if cell)
            y -= 15
    return [text for text in placed if text.words]


def write_pdf(pages: Sequence[Sequence[Text]], title: str = "", extra: bytes = b"") -> bytes:
    """Return a PDF of these pages; `extra` goes into its trailer."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
        b" /F2 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >> >>",
    ]
    for number, page in enumerate(pages):
        drawn = b"".join(_drawn(text) for text in page)
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font 3 0 R >>"
            f" /Contents {5 + 2 * number} 0 R >>".encode()
        )
        bodies.append(b"<< /Length %d >>\nstream\n%sendstream" % (len(drawn), drawn))
    bodies.append(b"<< /Title (%s) >>" % _escaped(title))
    return assemble(bodies, b"/Root 1 0 R /Info %d 0 R %s" % (len(bodies), extra))


def assemble(bodies: Sequence[bytes], trailer: bytes) -> bytes:
    """Return a PDF of numbered objects, the first is 1, with what its trailer says."""
    written = bytearray(b"%PDF-1.4\n")
    places: list[int] = []
    for number, body in enumerate(bodies, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    written += b"".join(b"%010d 00000 n \n" % place for place in places)
    written += b"trailer\n<< /Size %d %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(bodies) + 1, trailer, start)
    return bytes(written)


def _drawn(text: Text) -> bytes:
    font = b"F2" if text.is_bold else b"F1"
    return b"BT /%s %g Tf %g %g Td (%s) Tj ET\n" % (font, text.size, text.x, text.y, _escaped(text.words))


def _escaped(words: str) -> bytes:
    return words.encode("cp1252", "replace").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


CABLES = (
    ("Cable", "Order number", "Longest run"),
    ("Control, 8 wires", "FR-5108", "35 metres"),
    ("Control, 12 wires", "FR-5112", "20 metres"),
    ("Door contact", "FR-5120", "60 metres"),
    ("Mains, 3 wires", "FR-5131", "15 metres"),
    ("Antenna, low loss", "FR-5140", "9 metres"),
)


def sample() -> bytes:
    """Return the handbook's installation sheet of Lift Link: two pages, a table on the second."""
    first = (
        "# Lift Link: installation sheet",
        "Lift Link lets a Skiff S2 call a lift and ride in it. Its controller is mounted in the machine room",
        "by the lift's own service company, which takes about four hours a lift.",
        "",
        "# Before the visit",
        "The owner of the building signs form LL-7 and sends it to Ferrant ten working days ahead.",
        "The controller draws 11 watts and needs a socket of its own with a 6 ampere fuse.",
    )
    second = (
        "# Cables",
        "Only these cables may be used; each is sold by the metre. The controller hangs at least 40",
        "centimetres from the lift's frequency converter.",
        "",
        *CABLES,
    )
    return write_pdf([flow(first), flow(second)], title="Lift Link installation sheet")


def main() -> int:
    """Write the sheet; return the exit status."""
    SAMPLE.write_bytes(sample())
    return 0


if __name__ == "__main__":
    finish(main)
