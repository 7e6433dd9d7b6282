"""What an import loads, each in a process of its own: searches need no benchmarks."""

from __future__ import annotations

import subprocess
import sys

import pytest


def loaded_by(statement: str) -> set[str]:
    """Return the names of all modules after a statement in a fresh process."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return set(run.stdout.split())


def benchmarks(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith("bonas.benchmarks")}


@pytest.mark.parametrize(
    "statement",
    [
        "from bonas.studies import *",
        "import bonas; bonas.optimize, bonas.Search, bonas.SearchResult",
    ],
)
def test_a_search_loads_no_benchmark(statement: str) -> None:
    modules = loaded_by(statement)
    assert "bonas.studies.sampler" in modules
    assert not benchmarks(modules)


def test_a_lease_loads_no_surrogate() -> None:
    modules = loaded_by("import bonas.studies.lease")
    assert not {m for m in modules if m.startswith(("bonas.surrogates", "botorch", "gpytorch"))}
    assert not benchmarks(modules)


def test_studies_load_nothing_but_themselves() -> None:
    modules = loaded_by("import bonas.studies")
    assert {m for m in modules if m.startswith("bonas")} == {"bonas", "bonas.studies"}


def test_bonas_itself_loads_nothing_heavy() -> None:
    modules = loaded_by("import bonas")
    heavy = {"botorch", "matplotlib", "numpy", "optuna", "scipy", "sqlalchemy", "torch"}
    assert "bonas" in modules
    assert not modules & heavy
    assert not benchmarks(modules)


def test_ablate_is_found_at_the_top_and_loads_the_benchmarks_but_no_plots() -> None:
    modules = loaded_by("import bonas\nassert bonas.ablate is bonas.benchmarks.ablate")
    assert "bonas.benchmarks.comparison.ablation" in modules
    assert "matplotlib" not in modules
