"""Reads presentations (OOXML, ECMA-376 part 1, §19): a slide is a page, with its title, text, tables and notes."""

from dataclasses import dataclass, field

from app.retrieval.formats.builder import Builder
from app.retrieval.formats.core import title_of
from app.retrieval.formats.encodings import storable
from app.retrieval.formats.package import Package
from app.retrieval.formats.relations import find_main, relation_id, relations_of
from app.retrieval.formats.xml import feed, ignored, value_of, word_of
from app.retrieval.parts import Parts
from app.retrieval.unreadable import DocumentUnreadable, Unreadable

PRESENTATION = "ppt/presentation.xml"
SLIDES = 5_000
NOTES = "Notes"
TITLES = frozenset({"title", "ctrTitle"})
LISTS = frozenset({"body", "obj"})
LEFT_OUT = frozenset({"dt", "ftr", "hdr", "sldNum", "sldImg"})
"""Placeholders (§19.7.10) of what stands on every slide, and of the slide's picture over its notes."""
SKIPPED = frozenset({"Fallback"})
"""What is said a second time, for older programs."""


def read(raw: bytes, charset: str | None) -> Parts:
    """Read a presentation. Raises DocumentUnreadable: those of Package, `type_mismatch`, `too_many_pages`."""
    del charset
    package = Package(raw)
    main = find_main(package, PRESENTATION)
    presentation = package.read(main)
    if presentation is None:
        raise DocumentUnreadable(Unreadable.TYPE_MISMATCH)
    order = _Order()
    feed(presentation, order.start, ignored, ignored)
    if not order.is_presentation:
        raise DocumentUnreadable(Unreadable.TYPE_MISMATCH)
    if len(order.slides) > SLIDES:
        raise DocumentUnreadable(Unreadable.TOO_MANY_PAGES)
    relations = relations_of(package, main)
    builder = Builder()
    for number, slide in enumerate(order.slides, 1):
        builder.page()
        if (relation := relations.get(slide)) is not None:
            _write_slide(builder, package, relation.part, number)
    return builder.parts(title=title_of(package))


def _write_slide(builder: Builder, package: Package, part: str, number: int) -> None:
    slide = _read_shapes(package, part)
    if slide is None or slide.is_hidden:
        return
    notes = next((one.part for one in relations_of(package, part).values() if one.kind == "notesSlide"), "")
    said = _read_shapes(package, notes) if notes else None
    told = [block for block in said.blocks if block.kind in LISTS] if said is not None else []
    if not slide.blocks and not told:
        return
    # Without a heading of its own, what it says would stand under that of the slide before.
    builder.heading(1, " ".join(" ".join(block.lines) for block in slide.titles) or f"Slide {number}")
    for block in slide.blocks:
        if block.kind not in TITLES:
            _write(builder, block, is_list=block.kind in LISTS)
    if told:
        builder.heading(2, NOTES)
    for block in told:
        _write(builder, block, is_list=False)


def _read_shapes(package: Package, part: str) -> "_Shapes | None":
    raw = package.read(part)
    if raw is None:
        return None
    shapes = _Shapes()
    feed(raw, shapes.start, shapes.end, shapes.text)
    return shapes


def _write(builder: Builder, block: "_Block", *, is_list: bool) -> None:
    if block.rows:
        builder.table(block.rows, 1)
    elif is_list and len(block.lines) > 1:
        marked = (f"{'  ' * level}- {line}" for level, line in zip(block.levels, block.lines, strict=True))
        builder.paragraph("\n".join(marked))
    else:
        builder.paragraph("\n".join(block.lines))


class _Order:
    """The slides in their order, by their relations."""

    def __init__(self) -> None:
        self.slides: list[str] = []
        self.is_presentation = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        word = word_of(name)
        if word == "presentation":
            self.is_presentation = True
        elif word == "sldId":
            self.slides.append(relation_id(attributes))


@dataclass
class _Block:
    """What one shape says: lines and how deep each is in a list, or the rows of a table."""

    kind: str = ""
    lines: list[str] = field(default_factory=list[str])
    levels: list[int] = field(default_factory=list[int])
    rows: list[list[str]] = field(default_factory=list[list[str]])


class _Shapes:
    """Follows a slide, or the notes to one, shape by shape."""

    def __init__(self) -> None:
        self.blocks: list[_Block] = []
        self.is_hidden = False
        self._block: _Block | None = None
        self._pieces: list[str] = []
        self._level = 0
        self._is_text = self._is_table = False
        self._skipped = 0
        self._begun = {"sp": self._shape, "tbl": self._table, "tr": self._row, "tc": self._cell, "p": self._paragraph}
        self._ended = {"sp": self._end_shape, "tbl": self._end_shape, "p": self._end_paragraph}

    @property
    def titles(self) -> list[_Block]:
        """The blocks that are the slide's title."""
        return [block for block in self.blocks if block.kind in TITLES]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        word = word_of(name)
        if self._skipped or word in SKIPPED:
            self._skipped += 1
        elif word in self._begun:
            self._begun[word]()
        elif word == "sld":
            self.is_hidden = value_of(attributes, "show") in {"0", "false"}
        elif self._block is not None:
            self._inside(word, attributes, self._block)

    def end(self, name: str) -> None:
        word = word_of(name)
        if self._skipped:
            self._skipped -= 1
        elif word == "t":
            self._is_text = False
        elif word in self._ended:
            self._ended[word]()

    def text(self, text: str) -> None:
        if self._is_text and not self._skipped:
            self._pieces.append(storable(text))

    def _inside(self, word: str, attributes: dict[str, str], block: _Block) -> None:
        if word == "ph":
            block.kind = value_of(attributes, "type") or "obj"
        elif word == "pPr":
            level = value_of(attributes, "lvl")
            self._level = int(level) if level in set("012345678") else 0
        elif word == "t":
            self._is_text = True
        elif word == "br":
            self._pieces.append("\n")

    def _shape(self) -> None:
        self._block, self._is_table = _Block(), False

    def _table(self) -> None:
        self._block, self._is_table = _Block(), True

    def _row(self) -> None:
        if self._block is not None and self._is_table:
            self._block.rows.append([])

    def _cell(self) -> None:
        if self._block is not None and self._block.rows:
            self._block.rows[-1].append("")

    def _paragraph(self) -> None:
        self._pieces.clear()
        self._level = 0

    def _end_paragraph(self) -> None:
        text = "".join(self._pieces).strip()
        self._pieces.clear()
        block = self._block
        if block is None or not text:
            return
        if not self._is_table:
            block.lines.append(text)
            block.levels.append(self._level)
        elif block.rows and block.rows[-1]:
            block.rows[-1][-1] = f"{block.rows[-1][-1]} {text}".strip()

    def _end_shape(self) -> None:
        block, self._block = self._block, None
        if block is not None and block.kind not in LEFT_OUT and (block.lines or block.rows):
            self.blocks.append(block)
