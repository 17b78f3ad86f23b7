"""Prompts: files with front matter, checked when they are loaded, filled when they are used."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from app.files import FileUnreadable, read_text
from app.inference.words.tiers import Tier
from app.mistakes import ConfigurationWrong, Mistake

FILE_BYTES = 1_000_000

_FRONT = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
_VARIABLE = re.compile(r"\{\{ *([a-z_]+) *\}\}")


class PromptWrong(ConfigurationWrong):
    """Prompt files cannot be used; each mistake names the file and the fault."""


class FrontMatter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a prompt says of itself; `tier` overrides the rating of the question, `opening` stands before the answer."""

    name: str
    version: int
    variables: tuple[str, ...] = ()
    tier: Tier | None = None
    opening: str = ""
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
            raise PromptWrong(Mistake(self.front.name, f"takes {sorted(self.front.variables)}, given {sorted(values)}"))
        return _VARIABLE.sub(lambda place: values[place.group(1)], self.text)


def parse_prompt(source: str, where: str) -> Prompt:
    """Read one prompt file. Raises PromptWrong when the front matter or a variable is wrong."""
    found = _FRONT.match(source)
    if found is None:
        raise PromptWrong(Mistake(where, "no front matter"))
    try:
        front = msgspec.yaml.decode(found.group(1), type=FrontMatter)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise PromptWrong(Mistake(where, " ".join(str(error).split()))) from error
    used = set(_VARIABLE.findall(found.group(2)))
    if used != set(front.variables):
        raise PromptWrong(Mistake(where, f"declares {sorted(front.variables)} and uses {sorted(used)}"))
    return Prompt(front, found.group(2).strip())


def load_prompts(directory: Path, needed: Mapping[str, Collection[str]] = MappingProxyType({})) -> dict[str, Prompt]:
    """Return the prompts under `directory` by name, `<team>/<agent>`.

    Raises PromptWrong with what is wrong in every file, and each of `needed` (names and their variables) that is
    missing or has other variables.
    """
    if not directory.is_dir():
        raise PromptWrong(Mistake(str(directory), "there is no such directory"))
    prompts: dict[str, Prompt] = {}
    mistakes: list[Mistake] = []
    wrong: set[str] = set()
    for path in sorted(directory.rglob("*.md")):
        name = path.relative_to(directory).with_suffix("").as_posix()
        try:
            prompts[name] = _load(path, name)
        except PromptWrong as error:
            wrong.add(name)
            mistakes += error.mistakes
    for name, variables in needed.items():
        if name not in prompts and name not in wrong:
            mistakes.append(Mistake(str(directory / f"{name}.md"), "is needed and not there"))
        elif name in prompts and set(prompts[name].front.variables) != set(variables):
            mistakes.append(Mistake(str(directory / f"{name}.md"), f"must have the variables {sorted(variables)}"))
    if mistakes:
        raise PromptWrong(*mistakes)
    return prompts


def _load(path: Path, name: str) -> Prompt:
    try:
        prompt = parse_prompt(read_text(path, limit_bytes=FILE_BYTES), str(path))
    except FileUnreadable as error:
        raise PromptWrong(Mistake(str(path), str(error))) from None
    if prompt.front.name != name:
        raise PromptWrong(Mistake(str(path), f"is named {prompt.front.name}, expected {name}"))
    return prompt
