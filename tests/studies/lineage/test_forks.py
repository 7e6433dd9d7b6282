"""A search for another task goes on in a fork, with the trials whose values hold."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import optuna
import pytest
from lineages import (
    KINDS,
    OBJECTIVES,
    Measure,
    Widths,
    deaths,
    killed_after,
    measured,
    opened,
    searched,
    storage_of,
)

from bonas.errors import InvalidArgument, StudyMismatch
from bonas.studies.outcomes import evaluated
from bonas.studies.records import DESCRIPTION, ORIGIN


def test_a_difference_is_refused_or_forked_and_the_fork_is_found_again(
    storage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    first = searched(Widths(), 6, storage).study
    with pytest.raises(StudyMismatch, match=r"width was .*on_mismatch=\"fork\""):
        searched(Widths((8, 16)), 8, storage)
    fork = searched(Widths((8, 16)), 5, storage, on_mismatch="fork").study
    assert fork.study_name == "s-2"
    possible = [row for row in measured(first) if row[0] in (8, 16)]
    assert 0 < len(possible) < 5
    assert measured(fork)[: len(possible)] == possible
    assert evaluated(fork) == 5  # copies count
    assert f"'s-2', which has {len(possible)} of its 6 trials" in caplog.text
    assert "width was [8, 16, 32, 64], now [8, 16]" in caplog.text
    again = searched(Widths((8, 16)), 5, storage, on_mismatch="fork").study
    assert (again.study_name, len(again.trials)) == ("s-2", len(fork.trials))
    assert searched(Widths(), 6, storage).study.study_name == "s"
    assert (
        searched(Widths(kinds=("relu", "gelu")), 6, storage, on_mismatch="fork").study.study_name
        == "s-3"
    )


def test_values_of_another_evaluation_stay_behind(
    quick: Any, caplog: pytest.LogCaptureFixture
) -> None:
    searched(Widths(), 4, quick)
    more = {"evaluate": Measure(epochs=2), "on_mismatch": "fork"}
    fork = opened(Widths(), quick, **more)
    assert fork.trials == []
    assert "cannot be compared (evaluation.accuracy.epochs was 1, now 2)" in caplog.text
    assert opened(Widths(scale=3), quick, on_mismatch="fork").trials == []


def test_objectives_are_taken_by_their_names(storage: Any) -> None:
    first = searched(Widths(), 4, storage).study
    swapped = {"latency": "minimize", "accuracy": "maximize"}
    fork = opened(Widths(), storage, objectives=swapped, on_mismatch="fork")
    assert [t.values for t in fork.trials] == [t.values[::-1] for t in first.trials]
    fewer = opened(Widths(), storage, objectives={"latency": "minimize"}, on_mismatch="fork")
    assert [t.values for t in fewer.trials] == [t.values[1:] for t in first.trials]
    more = {**OBJECTIVES, "extra": "minimize"}
    assert opened(Widths(), storage, objectives=more, on_mismatch="fork").trials == []


def test_architectures_over_a_bound_stay_behind(quick: Any) -> None:
    first = searched(Widths(), 6, quick).study
    fork = opened(Widths(max_params=16), quick, on_mismatch="fork")
    assert measured(fork) == [row for row in measured(first) if row[0] <= 16]


def test_a_name_that_is_taken_is_passed_over(quick: Any) -> None:
    searched(Widths(), 3, quick)
    searched(Widths(), 1, quick, study_name="s-2")
    fork = opened(Widths((8, 16)), quick, on_mismatch="fork")
    assert fork.study_name == "s-3"
    assert opened(Widths((8, 16)), quick, on_mismatch="fork").study_name == "s-3"


@pytest.mark.parametrize("kind", KINDS)
def test_wherever_a_process_dies_the_next_call_completes_the_fork(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bonas.studies.lineage.origin._ORIGIN_TIMEOUT", 0.0)
    for writes, storage in deaths(kind, tmp_path, 24, one=12):
        first = searched(Widths(), 4, storage).study
        with killed_after(monkeypatch, storage, writes):
            opened(Widths(max_params=32), storage, on_mismatch="fork")
        fork = opened(Widths(max_params=32), storage, on_mismatch="fork")
        assert fork.study_name == "s-2"
        assert measured(fork) == [row for row in measured(first) if row[0] <= 32]
        assert ORIGIN.is_in(fork)
        assert DESCRIPTION.is_in(fork)
        assert "bonas:seed" in fork.user_attrs
        assert fork.metric_names == list(OBJECTIVES)
        assert optuna.get_all_study_names(storage) == ["s", "s-2"]


@pytest.mark.parametrize("kind", KINDS)
def test_two_that_fork_at_once_make_one_fork(kind: str, tmp_path: Path) -> None:
    given = storage_of(kind, tmp_path)
    searched(Widths(), 8, given)
    forks: list[optuna.Study] = []
    start = threading.Barrier(3)

    def fork() -> None:
        start.wait()
        forks.append(opened(Widths((8, 16, 32)), given, on_mismatch="fork"))

    threads = [threading.Thread(target=fork) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {study.study_name for study in forks} == {"s-2"}
    source = opened(Widths(), given)
    expected = [row for row in measured(source) if row[0] < 64]
    assert all(measured(study) == expected for study in forks)
    assert evaluated(forks[0]) == len(expected)


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="unknown on_mismatch 'join'"):
        searched(Widths(), 1, None, on_mismatch="join")
