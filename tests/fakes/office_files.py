"""Presentations and workbooks, made as small as they can be."""

from collections.abc import Mapping, Sequence
from html import escape

from tests.fakes.files import TYPES, zipped

P = "http://schemas.openxmlformats.org/presentationml/2006/main"
S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def relations(*targets: tuple[str, str], mode: str = "") -> str:
    """The relations of a part, rId1 and up, by kind and target."""
    told = f' TargetMode="{mode}"' if mode else ""
    ones = (
        f'<Relationship Id="rId{number}" Type="{RELATIONS}/{kind}" Target="{target}"{told}/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f"<Relationships>{''.join(ones)}</Relationships>"


def shape(*paragraphs: str, kind: str = "body") -> str:
    """A shape with a placeholder of that kind; "" has none."""
    placeholder = f'<p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr>' if kind else ""
    said = "".join(f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>" for text in paragraphs)
    return f"<p:sp>{placeholder}<p:txBody>{said}</p:txBody></p:sp>"


def slide_table(rows: Sequence[Sequence[str]]) -> str:
    """A table of a slide."""
    cells = (
        "".join(f"<a:tc><a:txBody><a:p><a:r><a:t>{cell}</a:t></a:r></a:p></a:txBody></a:tc>" for cell in row)
        for row in rows
    )
    return f"<p:graphicFrame><a:tbl>{''.join(f'<a:tr>{row}</a:tr>' for row in cells)}</a:tbl></p:graphicFrame>"


def slide(shapes: str, word: str = "sld", attributes: str = "") -> str:
    """The part of a slide, or of the notes to one."""
    tree = f"<p:cSld><p:spTree>{shapes}</p:spTree></p:cSld>"
    return f'<p:{word} xmlns:p="{P}" xmlns:a="{DRAWING}"{attributes}>{tree}</p:{word}>'


def pptx(*slides: str, notes: Mapping[int, str] | None = None, more: Mapping[str, str | bytes] | None = None) -> bytes:
    """A presentation of slides (parts), whose notes (shapes) are by number from 1."""
    parts: dict[str, str | bytes] = {}
    count = len(slides)
    # Stored the other way round: their order is what the presentation says.
    for number, part in enumerate(slides, 1):
        stored = count + 1 - number
        parts[f"ppt/slides/slide{stored}.xml"] = part
        if notes and number in notes:
            told = relations(("notesSlide", f"../notesSlides/n{stored}.xml"))
            parts[f"ppt/slides/_rels/slide{stored}.xml.rels"] = told
            parts[f"ppt/notesSlides/n{stored}.xml"] = slide(notes[number], "notes")
    ids = "".join(f'<p:sldId id="{number}" r:id="rId{count + 1 - number}"/>' for number in range(1, count + 1))
    named = f'xmlns:p="{P}" xmlns:r="{RELATIONS}"'
    return zipped(
        {
            TYPES: "<Types/>",
            "ppt/presentation.xml": f"<p:presentation {named}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": relations(
                *(("slide", f"slides/slide{n + 1}.xml") for n in range(count))
            ),
            **parts,
            **(more or {}),
        }
    )


def cell(place: str, value: str, kind: str = "", style: int = 0, inside: str = "v") -> str:
    """A cell; `kind` is the type of its value."""
    told = f' t="{kind}"' if kind else ""
    inner = f"<is><t>{value}</t></is>" if kind == "inlineStr" else f"<{inside}>{value}</{inside}>"
    return f'<c r="{place}"{told} s="{style}">{inner}</c>'


def sheet(*rows: tuple[int, str]) -> str:
    """The part of a sheet, of rows of cells by number."""
    told = "".join(f'<row r="{number}">{cells}</row>' for number, cells in rows)
    return f'<worksheet xmlns="{S}"><sheetData>{told}</sheetData></worksheet>'


def plain_sheet(rows: Sequence[Sequence[str]], first: int = 1) -> str:
    """A sheet of texts from the first column on."""
    return sheet(
        *(
            (number, "".join(cell(f"{chr(65 + at)}{number}", text, "inlineStr") for at, text in enumerate(row) if text))
            for number, row in enumerate(rows, first)
        )
    )


def xlsx(
    sheets: Mapping[str, str],
    *,
    strings: Sequence[str] = (),
    formats: Sequence[str] = (),
    states: Mapping[str, str] | None = None,
    is_1904: bool = False,
    more: Mapping[str, str | bytes] | None = None,
) -> bytes:
    """A workbook of sheets by name; `strings` are shared, the number formats are the styles from 1."""
    states = states or {}
    listed = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}" state="{states.get(name, "visible")}"/>'
        for n, name in enumerate(sheets, 1)
    )
    codes = "".join(
        f'<numFmt numFmtId="{163 + n}" formatCode="{escape(code, quote=True)}"/>' for n, code in enumerate(formats, 1)
    )
    used = "".join(f'<xf numFmtId="{163 + n if n else 0}"/>' for n in range(len(formats) + 1))
    named = f'xmlns="{S}" xmlns:r="{RELATIONS}"'
    targets = [("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(sheets) + 1)]
    day = '<workbookPr date1904="1"/>' if is_1904 else ""
    return zipped(
        {
            TYPES: "<Types/>",
            "xl/workbook.xml": f"<workbook {named}>{day}<sheets>{listed}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": relations(
                *targets, ("styles", "styles.xml"), ("sharedStrings", "/xl/ss.xml")
            ),
            "xl/styles.xml": f'<styleSheet xmlns="{S}"><numFmts>{codes}</numFmts><cellStyleXfs><xf numFmtId="14"/>'
            f"</cellStyleXfs><cellXfs>{used}</cellXfs></styleSheet>",
            "xl/ss.xml": f'<sst xmlns="{S}">{"".join(f"<si>{text}</si>" for text in strings)}</sst>',
            **{f"xl/worksheets/sheet{n}.xml": part for n, part in enumerate(sheets.values(), 1)},
            **(more or {}),
        }
    )
