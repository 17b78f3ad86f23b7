"""Prompts: files with front matter, checked when they are loaded, filled when they are used."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from app.inference.tiers import Tier

_FRONT = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
_VARIABLE = re.compile(r"\{\{ *([a-z_]+) *\}\}")


class PromptWrong(Exception):
    """A prompt file cannot be used; the message names the file and the fault."""


class FrontMatter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a prompt says of itself; `tier` overrides the rating of the question."""

    name: str
    version: int
    variables: tuple[str, ...] = ()
    tier: Tier | None = None
    output_schema: dict[str, Any] | None = None


class Prompt(msgspec.Struct, frozen=True):
    """A prompt: its front matter and its text with `{{ variable }}` places."""

    front: FrontMatter
    text: str

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text with every variable replaced, once: a value that looks like a variable stays as it is.

        Raises PromptWrong when `values` are not exactly the declared variables.
        """
        if set(values) != set(self.front.variables):
            raise PromptWrong(f"{self.front.name} takes {sorted(self.front.variables)}, given {sorted(values)}")
        return _VARIABLE.sub(lambda place: values[place.group(1)], self.text)


def parse_prompt(source: str, where: str) -> Prompt:
    """Read one prompt file. Raises PromptWrong when the front matter or a variable is wrong."""
    found = _FRONT.match(source)
    if found is None:
        raise PromptWrong(f"{where}: no front matter")
    try:
        front = msgspec.yaml.decode(found.group(1), type=FrontMatter)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise PromptWrong(f"{where}: {error}") from error
    used = set(_VARIABLE.findall(found.group(2)))
    if used != set(front.variables):
        raise PromptWrong(f"{where}: declares {sorted(front.variables)} and uses {sorted(used)}")
    return Prompt(front, found.group(2).strip())


def load_prompts(directory: Path) -> dict[str, Prompt]:
    """Return the prompts under `directory` by name, `<team>/<agent>`. Raises PromptWrong."""
    prompts: dict[str, Prompt] = {}
    for path in sorted(directory.rglob("*.md")):
        name = path.relative_to(directory).with_suffix("").as_posix()
        prompt = parse_prompt(path.read_text(encoding="utf-8"), str(path))
        if prompt.front.name != name:
            raise PromptWrong(f"{path}: is named {prompt.front.name}, expected {name}")
        prompts[name] = prompt
    return prompts
