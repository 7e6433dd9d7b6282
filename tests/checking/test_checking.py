"""A check as a whole: what it says of searches with and without faults, and what it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from faulty_searches import (
    QUALITY,
    AllTheSame,
    NoGraph,
    Perceptrons,
    Single,
    TooLarge,
    TwoClasses,
    evaluated,
    fine,
    segmentation_fault,
    trained,
)

import bonas
from bonas import Search
from bonas.checking import CheckReport, check_named
from bonas.cli import main
from bonas.errors import InvalidArgument

SECONDS = 120.0  # more than any needs; a busy machine starts processes slowly


def checked(search: Search, **more: Any) -> CheckReport:
    """Return the report of a search."""
    return bonas.check(search, **{"seconds": SECONDS, **more})


def texts(report: CheckReport) -> str:
    """Return what has to be fixed."""
    return "\n".join(finding.text for finding in report.findings if finding.must_fix)


def about(report: CheckReport) -> set[str]:
    """Return the parts that have to be fixed."""
    return {finding.about for finding in report.findings if finding.must_fix}


def test_a_search_without_a_fault_is_fine_and_its_time_is_known(tmp_path: Path) -> None:
    storage = tmp_path / "search.log"
    report = bonas.check(
        Perceptrons(),
        fine,
        objectives=QUALITY,
        surrogate="gp",
        budget=10,
        storage=storage,
        constraints={"parameters": "<= 300"},
        seconds=SECONDS,
    )
    assert report.ok, str(report)
    rows = {row.about: row for row in report.rows}
    assert {row.state for row in report.rows} == {"ok"}
    assert "18 combinations; 18 different networks" in rows["space"].result
    assert rows["same seed"].result == "5 values agree"
    assert rows["constraint"].result.startswith("parameters <= 300: kept by ")
    assert report.trial_seconds is not None
    assert report.budget_seconds is not None
    assert report.budget_seconds[1] == pytest.approx(10 * report.trial_seconds[1])
    assert not storage.exists()


@pytest.mark.parametrize(
    ("search", "part", "text"),
    [
        (trained(TwoClasses()), "outputs", "expected outputs of shape (2, 3)"),
        (trained(TooLarge()), "builds", "got no memory for it"),
        (evaluated(segmentation_fault), "evaluate", "(SIGSEGV) (faulty_searches.py, line"),
        (Search(AllTheSame(), fine, QUALITY, "gp"), "space", "got one and the same graph in 64"),
        (Search(Single(), fine, QUALITY, "gp"), "space", "has 1 choice(s), expected at least 2"),
        (Search(NoGraph(), fine, QUALITY, "gp"), "space", "got KeyError: 'no such node' (faulty"),
        (Search(Perceptrons(), fine), "objectives", "pass objectives="),
    ],
)
def test_a_fault_is_explained(search: Search, part: str, text: str) -> None:
    report = checked(search)
    assert not report.ok
    assert part in about(report)
    assert text in texts(report)


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"space": Perceptrons}, "search"),
        ({"evaluate": 5}, "search"),
        ({"constraints": {"quality": "about 5"}}, "search"),
        ({"budget": "soon"}, "budget"),
        ({"storage": "nothing://here"}, "storage"),
    ],
)
def test_faulty_arguments_are_in_the_report(given: dict[str, Any], part: str) -> None:
    arguments = {
        "space": Perceptrons(),
        "evaluate": fine,
        "objectives": QUALITY,
        "seconds": 1e-3,
        **given,
    }
    assert part in about(bonas.check(**arguments))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seconds": 0}, "seconds must be a positive number"),
        ({"n_jobs": 0}, "n_jobs must be"),
        ({"seed": -1}, "seed must be"),
        ({"memory_limit": -1}, "memory_limit must be"),
        ({"evaluate": fine}, r"got \['evaluate'\] beside it"),
    ],
)
def test_arguments_of_the_check_itself_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        checked(evaluated(fine), **given)


def test_nothing_reached_is_not_fine() -> None:
    report = checked(evaluated(fine), seconds=1e-3)
    assert not report.ok
    assert "give more with seconds=" in texts(report)


def test_a_study_in_the_storage_is_left_as_it_was(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'search.db'}"
    search = evaluated(fine)
    bonas.optimize(
        search.space,
        2,
        evaluate=fine,
        objectives=QUALITY,
        surrogate="random",
        storage=storage,
        progress=False,
    )
    checked(search, storage=storage, seconds=1e-3)
    (summary,) = optuna.get_all_study_summaries(storage)
    assert summary.n_trials == 2


def test_the_command_prints_the_table_and_returns_whether_it_is_fine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", "faulty_searches:broken", "--seconds", "120", "--budget", "5"]) == 1
    printed = capsys.readouterr().out
    assert "check of TwoClasses: 1 to fix" in printed
    assert "to fix:" in printed
    assert main(["check", "faulty_searches:search", "--seconds", "120", "--budget", "5"]) == 0
    assert "5 trials: about" in capsys.readouterr().out


def test_a_module_that_fails_is_a_finding_and_a_missing_one_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "half_written.py").write_text("import bonas\nsearch = bonas.Search(undefined)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    report = check_named("half_written:search")
    assert not report.ok
    assert "half_written.py, line 2, in <module>" in texts(report)
    assert main(["check", "no_such_module:search"]) == 2
    assert "there is no 'search' in a module" in capsys.readouterr().err
