"""Facts about the wheel: one top-level package, with real files behind the repository's links."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINKS = ("encoders", "surrogates", "studies")
UNSHIPPED = {"bonas/benchmarks/tables/data/make.py"}  # it reads files that are not shipped
BUILD = "import sys; from hatchling.build import *; globals()['build_' + sys.argv[1]](sys.argv[2])"


def build(kind: str, source: Path, target: Path) -> Path:
    """Build a ``wheel`` or an ``sdist`` of the project in ``source``, without a network."""
    subprocess.run([sys.executable, "-c", BUILD, kind, str(target)], cwd=source, check=True)
    (built,) = target.iterdir()
    return built


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return contents(build("wheel", ROOT, tmp_path_factory.mktemp("wheel")))


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the sdist unpacks to."""
    sdist = build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))
    target = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(target, filter="data")
    (folder,) = target.iterdir()
    return folder


def sources() -> Iterator[str]:
    """Yield the files of the package, as a wheel should name them."""
    for folder, prefix in [(ROOT / "bonas", "bonas"), *((ROOT / n, f"bonas/{n}") for n in LINKS)]:
        for path in folder.rglob("*"):
            name = f"{prefix}/{path.relative_to(folder).as_posix()}"
            if path.is_file() and "__pycache__" not in path.parts and name not in UNSHIPPED:
                yield name


def test_the_links_are_relative() -> None:
    for name in LINKS:
        assert (ROOT / "bonas" / name).readlink() == Path("..") / name


def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: dict[str, bytes]) -> None:
    shipped = {name for name in wheel if ".dist-info/" not in name}
    assert shipped == set(sources())
    assert {name.split("/")[0] for name in shipped} == {"bonas"}
    assert {f"bonas/{name}/__init__.py" for name in LINKS} <= shipped
    assert "bonas/py.typed" in shipped


def test_the_data_of_tables_are_shipped_without_the_script_that_made_them(
    wheel: dict[str, bytes],
) -> None:
    folder = "bonas/benchmarks/tables/data/"
    assert all((ROOT / name).is_file() for name in UNSHIPPED)
    assert {name for name in wheel if name.startswith(folder)} == {
        f"{folder}README.md",
        f"{folder}nas_bench_201.npz",
    }


def test_the_files_behind_the_links_are_real(wheel: dict[str, bytes]) -> None:
    for name in LINKS:
        for path in (ROOT / name).rglob("*.py"):
            inside = f"bonas/{name}/{path.relative_to(ROOT / name).as_posix()}"
            assert wheel[inside] == path.read_bytes()


def test_the_metadata_name_the_command_the_licence_and_the_python(wheel: dict[str, bytes]) -> None:
    (info,) = {name.split("/")[0] for name in wheel if ".dist-info/" in name}
    metadata = HeaderParser().parsestr(wheel[f"{info}/METADATA"].decode())
    assert metadata["Name"] == "bonas"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "bonas = bonas.cli:main" in wheel[f"{info}/entry_points.txt"].decode().splitlines()
    assert wheel[f"{info}/licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()


def test_the_sdist_builds_the_same_wheel(
    wheel: dict[str, bytes], unpacked: Path, tmp_path: Path
) -> None:
    assert not any(path.is_symlink() for path in unpacked.rglob("*"))
    assert contents(build("wheel", unpacked, tmp_path)) == wheel


def test_no_file_is_loaded_under_two_names() -> None:
    code = """
import bonas, collections, os, pkgutil, sys
folders = tuple(os.path.realpath(os.path.join(sys.argv[1], f)) + os.sep for f in sys.argv[2:])
for module in pkgutil.walk_packages(bonas.__path__, "bonas."):
    if not module.name.endswith("__main__"):
        __import__(module.name)
names = collections.defaultdict(set)
for name, module in list(sys.modules.items()):
    file = getattr(module, "__file__", None)
    if file and os.path.realpath(file).startswith(folders):
        names[os.path.realpath(file)].add(name)
assert names, "nothing of bonas was loaded from the repository"
print([sorted(found) for found in names.values() if len(found) > 1])
print([name for name in sys.argv[3:] if name in sys.modules])
"""
    command = [sys.executable, "-c", code, str(ROOT), "bonas", *LINKS]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[]", "[]"]
