"""YAML as tests of the files around the product read it: by libyaml, and each text once."""

from functools import cache
from typing import Any

import yaml


@cache
def parse(text: str) -> Any:  # noqa: ANN401 - what a text says is the reader's to know
    """Return what a text says; nobody may change it."""
    return yaml.load(text, Loader=yaml.CSafeLoader)
