"""What an office file says of itself in its core properties (ECMA-376 part 2, §8.3)."""

from app.retrieval.formats.builder import one_line
from app.retrieval.formats.encodings import storable
from app.retrieval.formats.package import Package
from app.retrieval.formats.xml import feed

PART = "docProps/core.xml"
TITLE = "http://purl.org/dc/elements/1.1/ title"


def title_of(package: Package) -> str:
    """Return the title; "" where there is none. Raises DocumentUnreadable."""
    title = _Title()
    if (core := package.read(PART)) is not None:
        feed(core, title.start, title.end, title.text)
    return one_line(storable(title.found))


class _Title:
    """The title in the core properties."""

    def __init__(self) -> None:
        self.found = ""
        self._is_in = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        del attributes
        self._is_in = name == TITLE

    def end(self, name: str) -> None:
        del name
        self._is_in = False

    def text(self, text: str) -> None:
        if self._is_in:
            self.found += text
