"""The programs of docs/your_model.md and docs/models run, with a small budget."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import bonas

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [DOCS / "your_model.md", *sorted(DOCS.glob("models/*.md"))]
OTHERS = {"diffusers", "gymnasium", "lightning", "monai", "peft", "timm", "transformers"}
"""Optional packages: a program that needs one is skipped where it is not installed."""


def programs() -> list[Any]:
    """Return every block of Python of every page by the heading above it."""
    found, heading = [], ""
    for page in PAGES:
        for part in re.findall(r"^## [^\n]*$|^```python\n.*?^```$", page.read_text(), re.M | re.S):
            if part.startswith("## "):
                heading = part.removeprefix("## ")
            else:
                code = part.removeprefix("```python\n").removesuffix("```")
                found.append(pytest.param(code, id=heading))
    return found


def test_no_program_was_lost() -> None:
    assert len(programs()) == 15


@pytest.mark.parametrize("code", programs())
def test_a_program_runs(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr(bonas, "optimize", _briefly(bonas.optimize))
    for line in code.splitlines():
        name = re.match(r"(?:import|from) (\w+)", line)
        if name and name[1] in OTHERS:
            pytest.importorskip(name[1], reason=f"the program needs {name[1]}")
            warnings.simplefilter("ignore")  # those libraries have warnings of their own
    names: dict[str, Any] = {"__name__": "your_model"}
    exec(compile(code, "your_model.md", "exec"), names)
    result = names["result"]
    assert not result.failures
    assert len(result.candidates) == 2


def _briefly(optimize: Callable[..., Any]) -> Callable[..., Any]:
    def brief(space: Any, budget: int, **settings: Any) -> Any:
        return optimize(space, 2, progress=False, **settings)

    return brief
