"""Every error class has its section, and the messages shown there are those of the code."""

from __future__ import annotations

import ast
import re
from functools import cache
from inspect import getmembers, isclass
from pathlib import Path

import pytest
from site_pages import text_of

import bonas
from bonas import errors

SECTIONS = dict(re.findall(r"^## `(\w+)`\n(.*?)(?=^## )", text_of("troubleshooting"), re.M | re.S))


@cache
def texts_of_the_code() -> tuple[str, ...]:
    """Return every text of the package, what is filled in as ``...``."""
    found = []
    package = Path(bonas.__file__).parent
    linked = [package / name for name in ("encoders", "studies", "surrogates")]
    for path in (path for folder in [package, *linked] for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [v.value if isinstance(v, ast.Constant) else "..." for v in node.values]
                found.append("".join(map(str, parts)))
    return tuple(found)


def test_every_error_class_has_its_section() -> None:
    classes = {
        name
        for name, value in getmembers(errors, isclass)
        if issubclass(value, errors.BonasError) and value is not errors.BonasError
    }
    assert set(SECTIONS) == classes


@pytest.mark.parametrize("name", SECTIONS)
def test_a_message_that_is_shown_is_one_of_the_code(name: str) -> None:
    for message in re.findall(r"^    (.*)$", SECTIONS[name], re.M):
        fixed = [part.strip() for part in message.split("...") if part.strip(" .;:,()")]
        assert fixed, message
        assert any(_holds(text, fixed) for text in texts_of_the_code()), message


def _holds(text: str, parts: list[str]) -> bool:
    end = 0
    for part in parts:
        place = text.find(part, end)
        if place < 0:
            return False
        end = place + len(part)
    return True
