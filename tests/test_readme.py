"""The programs of README.md run as they stand, and what it says of the package is so."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable
from functools import partial, partialmethod
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import bonas
from bonas.benchmarks.baselines import METHODS
from bonas.benchmarks.tables.registry import FOLDER_PROBLEMS, PROBLEMS
from bonas.cli import make_parser
from bonas.studies import SURROGATES
from bonas.supernets import Supernet

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [
    "README.md",
    "docs/cheaper.md",
    "docs/design.md",
    "docs/devices.md",
    "docs/production.md",
    "docs/workers.md",
]


def _briefly(search: Callable[..., Any]) -> Callable[..., Any]:
    """Return the search with a small budget, in this process."""

    def brief(space: Any, budget: int, **settings: Any) -> Any:
        settings = {k: v for k, v in settings.items() if k != "n_jobs"}
        reads = "warm_start" in settings  # knowledge, which "random" does not
        surrogate, n = ("gp", 5) if reads else ("random", 2)
        return search(space, n, progress=False, surrogate=surrogate, **settings)

    return brief


@pytest.mark.slow
# two evaluations make no curve to lay out
@pytest.mark.filterwarnings("ignore:constrained_layout not applied")
def test_its_programs_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ablate = bonas.ablate
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bonas, "optimize", _briefly(bonas.optimize))
    monkeypatch.setattr(
        bonas,
        "ablate",
        lambda space, variants, budget, seeds, **more: ablate(
            space, dict.fromkeys(variants, "random"), budget=2, seeds=1, progress=False, **more
        ),
    )
    monkeypatch.setattr(bonas, "check", partial(bonas.check, seconds=1))
    fit, scores = Supernet.fit, Supernet.scores
    monkeypatch.setattr(Supernet, "fit", partialmethod(fit, 10, progress=False))
    monkeypatch.setattr(
        Supernet, "scores", lambda own, n, **more: scores(own, 20 if n == 500 else n, **more)
    )
    finalize = partial(bonas.finalize, top_k=1, seeds=1, epochs=1, progress=False)
    monkeypatch.setattr(bonas, "finalize", finalize)
    names: dict[str, Any] = {"__name__": "readme"}
    for code in re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S):
        exec(compile(code, "README.md", "exec"), names)
        if "result" in names:
            assert not names["result"].failures
    assert (tmp_path / "report.html").exists()
    assert (tmp_path / "best.svg").exists()
    assert (tmp_path / "model" / "model.py").exists()
    assert (tmp_path / "report" / "report.md").exists()
    assert set(names["trial"].params) == set(names["space"].parameters)


def test_it_counts_methods_and_problems_right() -> None:
    problems = len(PROBLEMS) + len(FOLDER_PROBLEMS)
    assert f"# {len(METHODS)} methods, {problems} problems" in README


def test_it_names_every_surrogate() -> None:
    listed = re.search(r"`surrogate=` takes (.*?),\s*or a function", README, re.S)
    assert listed is not None
    assert set(re.findall(r'"(\w+)"', listed[1])) == set(SURROGATES)


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    files = re.findall(
        r"`((?:bonas|studies|surrogates|encoders|tests|examples|docs)/[\w/]+\.\w+)`", text
    )
    assert links or files
    folder = (ROOT / page).parent
    assert [name for name in links if not (folder / name).exists()] == []
    assert [name for name in files if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_module_and_object_that_a_page_names_exists(page: str) -> None:
    names = set(re.findall(r"`(bonas(?:\.\w+)+)", (ROOT / page).read_text()))
    assert names
    assert [name for name in sorted(names) if not _exists(name)] == []


@pytest.mark.parametrize("page", [*PAGES, "docs/benchmarks.md"])
def test_every_command_that_a_page_shows_is_understood(page: str) -> None:
    text = (ROOT / page).read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    commands = [line for line in lines if line.startswith("bonas ")]
    inline = re.findall(r"`(bonas [a-z][^`]*)`", text)
    commands += [command for command in inline if re.search(r"--|\w[.:]\w", command)]  # no names
    for command in commands:
        arguments = shlex.split(command, comments=True)[1:]
        if "--list" not in arguments:  # which ends the program
            make_parser().parse_args(arguments)


@pytest.mark.parametrize("page", PAGES)
def test_every_program_and_table_that_a_page_shows_can_be_read(page: str) -> None:
    text = (ROOT / page).read_text()
    for code in re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S):
        compile(code, page, "exec")
    for table in re.findall(r"^```toml\n(.*?)^```$", text, re.M | re.S):
        assert tomllib.loads(table)


def _exists(name: str) -> bool:
    """Return whether a dotted name is a module, or an object of one."""
    found: Any = bonas
    path = ["bonas"]
    for part in name.split(".")[1:]:
        path.append(part)
        if not hasattr(found, part):
            try:
                import_module(".".join(path))
            except ImportError:
                return False
        found = getattr(found, part)
    return True
