"""The reference describes every public name, and each of them once."""

from __future__ import annotations

import re
from importlib import import_module
from inspect import getmodule, isclass, isfunction
from types import ModuleType

import pytest
from site_pages import PAGES, prose_of, text_of

import bonas

REFERENCE = [page for page in PAGES if page.startswith("api/")]
AUTOMODULE = re.compile(r"^\.\. automodule:: ([\w.]+)\n((?:   :[\w-]+:.*\n)*)", re.M)


def described() -> dict[str, set[str]]:
    """Return the modules of the reference, with the names that each of them describes."""
    found: dict[str, set[str]] = {}
    for page in REFERENCE:
        for module, options in AUTOMODULE.findall(text_of(page)):
            excluded = re.search(r":exclude-members: (.*)", options)
            left_out = set(excluded[1].split(", ")) if excluded else set()
            members = set() if ":no-members:" in options else public_names(import_module(module))
            assert left_out <= members or module == "bonas.deploy.estimators"
            found[module] = members - left_out
        for name in re.findall(r"^\.\. auto(?:function|class):: ([\w.]+)$", text_of(page), re.M):
            module, _, name = name.rpartition(".")
            found.setdefault(module, set()).add(name)
    return found


def public_names(module: ModuleType) -> set[str]:
    """Return the names that a module offers: its ``__all__``, or what it defines."""
    if hasattr(module, "__all__"):
        return set(module.__all__)
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (isclass(value) or isfunction(value))
        and getmodule(value) is module
    }


def test_every_public_package_is_described() -> None:
    assert {f"bonas.{part}" for part in bonas._PARTS} <= set(described())


def test_every_public_name_of_bonas_is_described_or_leads_to_its_description() -> None:
    here = described()["bonas"]
    leads = dict(
        re.findall(r"^\| `bonas\.(\w+)` \| \{py:\w+\}`([\w.]+)` \|$", text_of("api/bonas"), re.M)
    )
    packages = {*bonas._PARTS, "__version__"}
    assert {*here, *leads, *packages} == set(dir(bonas))
    assert not here & set(leads)
    for name, target in leads.items():
        module, _, last = target.rpartition(".")
        assert last in described()[module]
        assert getattr(import_module(module), last) is getattr(bonas, name)


def test_no_public_class_or_function_is_described_twice() -> None:
    seen: dict[int, str] = {}  # within one module, a second name is an alias and says so
    for module, names in described().items():
        for name in names:
            value = getattr(import_module(module), name)
            if isclass(value) or isfunction(value):
                assert seen.setdefault(id(value), module) == module, name


def test_every_public_class_and_function_has_a_description() -> None:
    for module, names in described().items():
        for name in names:
            value = getattr(import_module(module), name)
            if isclass(value) or isfunction(value):
                assert value.__doc__, f"{module}.{name}"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_refers_to_public_names_alone(page: str) -> None:
    for target in re.findall(r"\{py:(?:class|func|exc|mod|data)\}`~?([\w.]+)`", prose_of(page)):
        module, _, name = target.rpartition(".")
        assert target in described() or name in described().get(module, set()), target
