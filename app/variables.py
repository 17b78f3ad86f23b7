"""Reads variables into values of their kinds: themselves or by file, trimmed, with all mistakes found."""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import msgspec

from app.files import BOM, FileUnreadable, read_text
from app.kinds import Kind, ValueWrong
from app.mistakes import Mistake

FILE = "_FILE"
FILE_BYTES = 65_536
"""The most that a file with a setting may hold: nobody has a longer password."""

# What Kubernetes tells every container of a namespace of its Services (pkg/kubelet/envvars/envvars.go, FromServices and
# makeLinkVariables): a Service called `switchyard` gives names that begin like ours.
_INJECTED_NAME = re.compile(
    r"_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?", re.ASCII
)
_INJECTED_PORT = re.compile(r"(tcp|udp|sctp)://\S+:[0-9]+", re.ASCII)
_PATH = re.compile(r"(?!.*(://|@))(/|\.{1,2}/|~/)[\x21-\x7e]*", re.ASCII)


@dataclass(slots=True)
class Given:
    """What the variables say: values by field, mistakes, and the names that Kubernetes injected."""

    values: dict[str, object] = field(default_factory=dict[str, object])
    mistakes: list[Mistake] = field(default_factory=list[Mistake])
    injected: list[str] = field(default_factory=list[str])


def kinds_of(struct: type[msgspec.Struct]) -> dict[str, Kind]:
    """Return the kind of each field: the one that its annotation carries. Raises TypeError for a field without one."""
    found: dict[str, Kind] = {}
    for one in msgspec.structs.fields(struct):
        kinds = [kind for kind in get_args(one.type)[1:] if isinstance(kind, Kind)]
        if len(kinds) != 1:
            raise TypeError(f"{struct.__name__}.{one.name} says no kind")
        found[one.name] = kinds[0]
    return found


def is_injected(variable: str, value: str, prefix: str) -> bool:
    """Whether Kubernetes made this variable from a Service whose name begins like `prefix`."""
    rest = f"_{variable.removeprefix(prefix)}"
    for start in (match.start() for match in re.finditer("_", rest)):
        if _INJECTED_NAME.fullmatch(rest[start:]):
            return True
    return rest.endswith("_PORT") and _INJECTED_PORT.fullmatch(value.strip()) is not None


def read_variables(
    kinds: Mapping[str, Kind],
    environ: Mapping[str, str],
    prefix: str,
    *,
    needed: Collection[str] = (),
    left_alone: Sequence[str] = (),
) -> Given:
    """Return what `environ` says of `kinds`: `port` is the variable `{prefix}PORT`, or the file `{prefix}PORT_FILE`.

    Every other name that begins with `prefix` is a mistake, but those that begin with one of `left_alone`.
    """
    given = Given()
    names = {f"{prefix}{name.upper()}": name for name in kinds}
    found: dict[str, None] = {}
    for variable in sorted(environ):
        if not variable.startswith(prefix) or variable.startswith(tuple(left_alone)):
            continue
        if is_injected(variable, environ[variable], prefix):
            given.injected.append(variable)
        elif (name := names.get(variable) or names.get(variable.removesuffix(FILE))) is not None:
            found[name] = None
        else:
            given.mistakes.append(Mistake(variable, f"is not a setting{_meant(variable, names, prefix)}"))
    plain = {variable: value for variable, value in environ.items() if variable not in given.injected}
    for name in found:
        _read(given, name, kinds[name], plain, f"{prefix}{name.upper()}")
    for name in needed:
        if name not in found:
            given.mistakes.append(Mistake(f"{prefix}{name.upper()}", "is needed and not given"))
    return given


def _read(given: Given, name: str, kind: Kind, environ: Mapping[str, str], variable: str) -> None:
    place, text = variable, environ.get(variable, "")
    if f"{variable}{FILE}" in environ:
        if variable in environ:
            given.mistakes.append(Mistake(variable, f"is given twice: {variable}{FILE} is given too"))
            return
        place, path = _shown(f"{variable}{FILE}", environ[f"{variable}{FILE}"].strip())
        try:
            text = read_text(Path(path), limit_bytes=FILE_BYTES)
        except FileUnreadable as error:
            given.mistakes.append(Mistake(place, str(error)))
            return
    text = text.strip().strip(BOM).strip()
    if not text and not kind.takes_empty:
        given.mistakes.append(Mistake(place, "is empty; leave it out if it is not wanted"))
        return
    try:
        given.values[name] = kind.read(text) if text else text
    except ValueWrong as error:
        given.mistakes.append(Mistake(place, str(error)))


def _shown(variable: str, path: str) -> tuple[str, str]:
    # A secret that was put where a path belongs is not quoted.
    return (f"{variable} ({path})" if _PATH.fullmatch(path) else variable), path


def _meant(variable: str, known: Collection[str], prefix: str) -> str:
    names = {name.removeprefix(prefix): name for name in known}
    close = difflib.get_close_matches(variable.removeprefix(prefix).upper(), names, n=1, cutoff=0.9)
    return f"; is {names[close[0]]} meant?" if close else ""
