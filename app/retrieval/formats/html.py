"""Reads web pages: headings, paragraphs, lists and tables as a browser would find them."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from app.retrieval.formats.builder import Builder, one_line
from app.retrieval.formats.encodings import decode, storable
from app.retrieval.formats.html_limits import refuse_laborious
from app.retrieval.parts import Parts
from app.retrieval.unreadable import DocumentUnreadable, Unreadable

DEPTH = 512
"""Browsers stop nesting at 512 too (HTMLConstructionSite.h, kMaximumHTMLParserDOMTreeDepth)."""
HEADINGS = {f"h{level}": level for level in range(1, 7)}
SKIPPED = frozenset(
    {"script", "style", "template", "noscript", "head", "svg", "math", "iframe", "object", "select", "button", "nav"}
)
BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "div", "dl", "dt"}
    | {"fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "html", "li", "main", "ol", "p", "pre"}
    | {"section", "summary", "ul", "table", *HEADINGS}
)
META_BYTES = 4096

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)


def read(raw: bytes, charset: str | None) -> Parts:
    """Read a web page; what it says of its encoding counts where the uploader said nothing.

    Raises DocumentUnreadable.
    """
    text, encoding = _decoded(raw, charset)
    refuse_laborious(text)
    tree = LexborHTMLParser(text)
    found = tree.css_first("head > title")
    title = one_line(storable(found.text())) if found is not None else ""
    builder = Builder()
    if tree.body is not None:
        _Page(builder).write(tree.body)
    return builder.parts(title=title, encoding=encoding)


def _decoded(raw: bytes, charset: str | None) -> tuple[str, str]:
    said = _CHARSET.search(raw[:META_BYTES])
    if charset is None and said is not None:
        try:
            return decode(raw, said.group(1).decode("ascii"))
        except DocumentUnreadable:
            # Pages that were saved as another encoding still name the old one.
            return decode(raw, None)
    return decode(raw, charset)


class _Page:
    """Walks the tree without recursion, for pages nest as deep as they like."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._words: list[str] = []
        self._mark = ""

    def write(self, body: LexborNode) -> None:
        """Write what the body shows."""
        waiting: list[tuple[LexborNode, int, bool]] = [(body, 0, False)]
        while waiting:
            node, depth, is_left = waiting.pop()
            if depth > DEPTH:
                raise DocumentUnreadable(Unreadable.BOMB)
            if is_left:
                self._leave(node)
            elif self._enter(node):
                waiting.append((node, depth, True))
                waiting.extend((child, depth + 1, False) for child in reversed(list(_children(node))))
        self._flush()

    def _enter(self, node: LexborNode) -> bool:
        """Take a node in; return whether its children are to follow."""
        tag = node.tag or ""
        if tag == "-text":
            self._words.append(node.text_content or "")
            return False
        if tag in SKIPPED or tag.startswith(("-", "!")) or _is_hidden(node):
            return False
        if tag == "br":
            self._words.append("\n")
        if tag not in BLOCKS:
            return True
        self._flush()
        if tag == "li":
            self._mark = "- "
        return not self._write_whole(node, tag)

    def _write_whole(self, node: LexborNode, tag: str) -> bool:
        """Write a heading, a table or what is set as it is; return whether it was one."""
        if tag in HEADINGS:
            self._builder.heading(HEADINGS[tag], storable(_visible(node)))
        elif tag == "table" and not _is_layout(node):
            self._table(node)
        elif tag == "pre":
            self._builder.paragraph(storable(node.text()).strip("\n"))
        else:
            return False
        return True

    def _leave(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag in BLOCKS:
            self._flush()
        elif tag in {"td", "th"}:
            self._words.append(" ")
        elif tag == "tr":
            self._flush()

    def _flush(self) -> None:
        lines = (one_line(line) for line in storable("".join(self._words)).split("\n"))
        text = "\n".join(line for line in lines if line)
        self._words.clear()
        if text:
            self._builder.paragraph(f"{self._mark}{text}")
            self._mark = ""

    def _table(self, node: LexborNode) -> None:
        caption = node.css_first("caption")
        rows: list[list[str]] = []
        heads = 0
        for row in node.css("tr"):
            cells = [cell for cell in _children(row) if cell.tag in {"td", "th"}]
            if len(rows) == heads and cells and _names_columns(row, cells):
                heads += 1
            rows.append([text for cell in cells for text in _spanned(cell)])
        self._builder.table(rows, heads, storable(_visible(caption)) if caption is not None else "")


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.child
    while child is not None:
        yield child
        child = child.next


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    style = (attributes.get("style") or "").replace(" ", "").lower()
    return "hidden" in attributes or "display:none" in style or "visibility:hidden" in style


def _is_layout(table: LexborNode) -> bool:
    """Whether a table only places things: it holds others, or has one column."""
    if table.css_first("table table") is not None or table.css_first("h1, h2, h3, p + p, ul") is not None:
        return True
    return all(sum(cell.tag in {"td", "th"} for cell in _children(row)) < 2 for row in table.css("tr"))


def _names_columns(row: LexborNode, cells: list[LexborNode]) -> bool:
    parent = row.parent
    return (parent is not None and parent.tag == "thead") or all(cell.tag == "th" for cell in cells)


def _spanned(cell: LexborNode) -> list[str]:
    """Return the text of a cell, and blanks for the further columns that it spans."""
    span = cell.attributes.get("colspan") or "1"
    columns = min(max(int(span), 1), 100) if span.isdecimal() and len(span) < 4 else 1
    return [storable(_visible(cell)), *[""] * (columns - 1)]


def _visible(node: LexborNode) -> str:
    return one_line(node.text(separator=" "))
