"""Writes docs/reference and the runbooks as pages, or with --check says which are old: `python -m ops.docs`."""

from app.finish import finish
from ops.docs.api_page import write_api
from ops.docs.dialects_page import write_dialects
from ops.docs.errors_page import write_errors
from ops.docs.life_page import write_life
from ops.docs.runbook_pages import runbook_pages
from ops.docs.settings_page import write_settings
from ops.docs.words_page import write_words
from ops.pages import ROOT, Pages

REFERENCE = Pages(
    ROOT / "docs" / "reference",
    {
        "api.md": write_api,
        "dialects.md": write_dialects,
        "errors.md": write_errors,
        "life.md": write_life,
        "settings.md": write_settings,
        "words.md": write_words,
    },
    target="docs",
)

RUNBOOKS = Pages(ROOT / "nginx" / "pages" / "runbooks", runbook_pages(), target="docs")

if __name__ == "__main__":
    finish(lambda: max(REFERENCE.run(), RUNBOOKS.run()))
