"""The lock files hold what pyproject.toml asks for, with hashes and without addresses."""

import ast
import re
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.sources import ROOT, none, sources

OWN = {"app", "grafana", "ops", "tests"}
LOCKS = ("runtime", "local", "dev", "peers-litellm", "clients")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")
# Imported through the package named here, which pins it.
COMES_WITH = {
    "jsonschema": "openai",
    "langchain_core": "langgraph",
    "markdown_it": "litestar",
    "multipart": "litestar",
    "packaging": "pytest",
    "pydantic": "ollama",
    "pytest_asyncio": "pytest-asyncio",
    "rich": "litestar",
    "sqlalchemy": "alembic",
    "yarl": "aiohttp",
}


@cache
def owned() -> Mapping[str, list[str]]:
    """Return the distributions that bring each importable name."""
    return packages_distributions()


@cache
def pinned(name: str) -> dict[str, str]:
    """Return package to version of one lock."""
    lines = (ROOT / "requirements" / f"{name}.lock").read_text().splitlines()
    matches = [match for line in lines if (match := _PINNED.match(line))]
    return {canonicalize_name(match[1]): match[2] for match in matches}


def asked(*groups: str) -> list[Requirement]:
    """Return the requirements of the project and of dependency groups."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    texts = [*project["project"]["dependencies"], *(text for g in groups for text in project["dependency-groups"][g])]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize(("name", "groups"), [("runtime", ()), ("local", ("local",)), ("dev", ("local", "dev"))])
def test_a_lock_satisfies_what_is_asked_for(name: str, groups: tuple[str, ...]) -> None:
    found = pinned(name)
    for requirement in asked(*groups):
        version = found.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in {name}.lock: run make lock"
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement} against {version}: make lock"


def test_a_peers_lock_satisfies_its_own_list_and_shares_none_of_ours() -> None:
    listed = (ROOT / "requirements" / "peers-litellm.in").read_text().splitlines()
    found = pinned("peers-litellm")
    for requirement in [Requirement(line) for line in listed if not line.startswith("#")]:
        assert requirement.specifier.contains(found[canonicalize_name(requirement.name)]), str(requirement)
    assert "litellm" not in pinned("dev")


def test_a_smaller_lock_is_part_of_the_larger_one() -> None:
    assert pinned("runtime").items() <= pinned("local").items() <= pinned("dev").items()


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    assert "://" not in text
    assert "--index" not in text
    blocks = re.split(r"\n(?=[a-z0-9])", text)
    none([block.split()[0] for block in blocks if "--hash=sha256:" not in block])


@pytest.mark.parametrize(
    ("folders", "groups"),
    [(("app", "alembic"), ()), (("ops",), ("local", "dev")), (("tests",), ("local", "dev")), (("grafana",), ("dev",))],
)
def test_what_is_imported_is_asked_for(folders: tuple[str, ...], groups: tuple[str, ...]) -> None:
    known = {canonicalize_name(requirement.name) for requirement in asked(*groups)}
    owners = owned()
    missing: set[str] = set()
    for source in sources(*folders):
        for node in source.nodes:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for top in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - OWN:
                distributions = {canonicalize_name(owner) for owner in owners.get(top, [top])}
                if not distributions & known and COMES_WITH.get(top) not in known:
                    missing.add(f"{source.path} imports {top}")
    none(sorted(missing))
