"""The runbooks as pages that nginx serves: what an alert's `runbook_url` leads to."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

from ops.pages import ROOT

FOLDER = ROOT / "ops" / "runbooks"
INDEX = "README"
# What the pages link to beside each other, by where the installation serves it.
SERVED: Mapping[str, str] = {"docs/reference/errors.md": "/docs/errors"}
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}"
    "pre{background:#f2f2f2;padding:.6rem;overflow-x:auto}code{font-size:.92em}"
)
_LINK = re.compile(r"\[([^\]]*)\]\(([^)]*)\)")


def runbook_pages() -> Mapping[str, Callable[[], str]]:
    """Return the function of each page by the name of its file."""
    return {_name(path.stem): partial(write_runbook, path) for path in sorted(FOLDER.glob("*.md"))}


def write_runbook(path: Path) -> str:
    """Return the page of one runbook."""
    text = path.read_text(encoding="utf-8")
    title = escape(text.partition("\n")[0].removeprefix("# "))
    body = MarkdownIt("commonmark").render(_LINK.sub(_link, text))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'{body}<p><a href="index.html">All runbooks</a></p>\n</body>\n</html>\n'
    )


def _name(stem: str) -> str:
    return "index.html" if stem == INDEX else f"{stem}.html"


def _link(found: re.Match[str]) -> str:
    """Return a link that works where the page is served, or only its words where the target is served nowhere."""
    words, target = found[1], found[2]
    if "://" in target:
        return found[0]
    place = (FOLDER / target).resolve()
    if place.parent == FOLDER:
        return f"[{words}]({_name(place.stem)})"
    served = SERVED.get(place.relative_to(ROOT).as_posix())
    return words if served is None else f"[{words}]({served})"
