"""Writes docs/reference, or with --check says which pages are old: `python -m ops.docs`."""

import sys

from ops.docs.api_page import write_api
from ops.docs.errors_page import write_errors
from ops.docs.settings_page import write_settings
from ops.docs.words_page import write_words
from ops.pages import ROOT, Pages

REFERENCE = Pages(
    ROOT / "docs" / "reference",
    {
        "api.md": write_api,
        "errors.md": write_errors,
        "settings.md": write_settings,
        "words.md": write_words,
    },
    target="docs",
)

if __name__ == "__main__":
    sys.exit(REFERENCE.run())
