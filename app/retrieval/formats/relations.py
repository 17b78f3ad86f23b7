"""Which parts of an office package a part refers to (ECMA-376 part 2, §6.5)."""

import posixpath
from dataclasses import dataclass

from app.retrieval.formats.package import Package
from app.retrieval.formats.xml import feed, ignored, value_of, word_of


@dataclass(frozen=True, slots=True)
class Relation:
    """A part that another one refers to; `kind` is the last word of the relation's type."""

    kind: str
    part: str


def relations_of(package: Package, part: str) -> dict[str, Relation]:
    """Return what `part` refers to inside of the package, by the ids it uses; "" is the package itself.

    A target is a name in the package and nothing else: no path leads out of it. Raises DocumentUnreadable.
    """
    folder, name = posixpath.split(part)
    raw = package.read(posixpath.join(folder, "_rels", f"{name}.rels"))
    found: dict[str, Relation] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        if word_of(name) != "Relationship" or value_of(attributes, "TargetMode") == "External":
            return
        target = posixpath.normpath(posixpath.join("/", folder, value_of(attributes, "Target"))).lstrip("/")
        found[value_of(attributes, "Id")] = Relation(value_of(attributes, "Type").rpartition("/")[2], target)

    if raw is not None:
        feed(raw, start, ignored, ignored)
    return found


def find_main(package: Package, usual: str) -> str:
    """Return the name of the part that the package is about: `usual` where it does not say."""
    named = (one.part for one in relations_of(package, "").values() if one.kind == "officeDocument")
    return next(named, usual)


def relation_id(attributes: dict[str, str]) -> str:
    """Return the id by which an element names a relation: the attribute `id` of another namespace than its own."""
    return next((value for name, value in attributes.items() if name.endswith(" id")), "")
