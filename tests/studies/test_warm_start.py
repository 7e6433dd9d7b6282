"""Warm start from the same task: what is known becomes trials, once, and outside the budget."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from lineages import (
    KINDS,
    OBJECTIVES,
    Measure,
    Widths,
    killed_after,
    measured,
    search_of,
    searched,
    storage_of,
)
from optuna.trial import TrialState

import bonas
from bonas.errors import InvalidArgument, StudyMismatch
from bonas.spaces import MLPSpace, Space
from bonas.studies import open_study, outcomes
from bonas.studies.records import KNOWN
from bonas.studies.search import Search
from bonas.studies.storages.opening import open_storage
from bonas.studies.warm_start import add_known

ROWS = [
    ({"width": 8, "kind": "relu"}, {"accuracy": 52.0, "latency": 8.0}),
    ({"width": 16, "kind": "tanh"}, {"latency": 16, "accuracy": np.float32(54.0), "seconds": 3}),
    ({"width": 8, "kind": "relu"}, {"accuracy": 52.0, "latency": 8.0}),  # measured twice
]
KEPT = [(8, "relu", 52.0, 8.0), (16, "tanh", 54.0, 16.0), (8, "relu", 52.0, 8.0)]


class Table:
    """As much of a DataFrame as is asked of one."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self.records = records

    def to_dict(self, orient: str) -> list[dict[str, Any]]:
        assert orient == "records"
        return self.records


def opened(storage: Any = None, search: Search | None = None) -> optuna.Study:
    search = search or search_of(Widths())
    return open_study(storage, "s", search.goals, search.describe(), search.sampler(0))


@pytest.fixture(params=KINDS)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return open_storage(storage_of(request.param, tmp_path))


def test_rows_are_data_that_no_budget_counts(storage: Any) -> None:
    result = searched(Widths(), 4, storage, warm_start=ROWS)
    assert measured(result.study)[:3] == KEPT
    assert outcomes.evaluated(result.study) == 4
    assert len(result.candidates) == 7
    again = searched(Widths(), 5, storage, warm_start=ROWS)
    assert len(again.candidates) == 8
    evaluated = [tuple(c.choices.values()) for c in again.candidates]
    assert len(set(evaluated)) == 7  # what was known is not evaluated again; one row came twice


def test_a_table_is_known_as_its_rows_are(storage: Any) -> None:
    study, search = opened(storage), search_of(Widths())
    records = [
        {"width": np.float64(8), "kind": "relu", "accuracy": 52.0, "latency": 8, "latency_sd": 0.5},
        {"width": 16.0, "kind": "tanh", "accuracy": 54.0, "latency": 16},
    ]
    assert add_known(study, search, Table(records)) == 2
    assert measured(study) == KEPT[:2]
    assert study.trials[0].user_attrs["latency_sd"] == 0.5
    assert isinstance(study.trials[0].params["width"], int)
    assert add_known(study, search, ROWS) == 1  # the second measurement of the first row


def test_earlier_studies_are_known_by_their_finished_trials() -> None:
    first = searched(Widths(), 4, None, study_name="a")
    second = searched(Widths((8, 16)), 3, None, study_name="b", seed=3)
    study, search = opened(), search_of(Widths())
    assert add_known(study, search, first) == 4
    assert add_known(study, search, [first.study, second]) == 3
    assert measured(study) == measured(first.study) + measured(second.study)
    assert all(KNOWN.is_in(t) and "bonas:worker" not in t.user_attrs for t in study.trials)
    assert study.trials[0].user_attrs["extra"] == 1.0
    assert add_known(study, search, study) == 0  # itself


def test_values_of_an_earlier_study_are_taken_by_name() -> None:
    swapped = {"latency": "minimize", "accuracy": "maximize"}
    first = searched(Widths(), 2, None, objectives=swapped)
    study = opened()
    add_known(study, search_of(Widths()), first)
    assert [t.values for t in study.trials] == [t.values[::-1] for t in first.study.trials]


@pytest.mark.parametrize(
    ("space", "more", "message"),
    [
        (Widths(scale=2), {}, "scale was 2, now 1"),
        (Widths(), {"evaluate": Measure(epochs=7)}, "accuracy.epochs was 7, now 1"),
        (Widths(), {"objectives": {"accuracy": "maximize"}}, "objectives.latency is new"),
    ],
)
def test_a_study_of_another_task_is_refused(
    space: Widths, more: dict[str, Any], message: str
) -> None:
    other = searched(space, 2, None, **more)
    study = opened()
    with pytest.raises(StudyMismatch, match=rf"{message}.*bonas\.studies\.SourceTask"):
        add_known(study, search_of(Widths()), [*ROWS, other])
    assert study.trials == []


def test_a_study_of_another_program_has_to_name_its_objectives_or_go_the_same_ways() -> None:
    other = optuna.create_study(directions=["minimize", "maximize"])
    with pytest.raises(StudyMismatch, match="set_metric_names"):
        add_known(opened(), search_of(Widths()), other)
    distributions: dict[str, Any] = {**Widths().distributions}
    params = {"width": 8, "kind": "relu"}
    ways = optuna.create_study(directions=["maximize", "minimize"])
    ways.add_trial(
        optuna.create_trial(params=params, distributions=distributions, values=[52.0, 8.0])
    )
    study = opened()
    assert add_known(study, search_of(Widths()), ways) == 1
    assert measured(study) == KEPT[:1]


GOOD = {"accuracy": 1.0, "latency": 2.0}
CHOSEN = {"width": 8, "kind": "relu"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (({**CHOSEN, "depth": 3}, GOOD), r"unknown \['depth'\]"),
        (({"width": 8}, GOOD), r"missing \['kind'\]"),
        (({**CHOSEN, "width": 9}, GOOD), "parameter 'width' must be one of"),
        ((CHOSEN, {"accuracy": 1.0}), r"\['latency'\] not among them"),
        ((CHOSEN, {**GOOD, "latency": math.nan}), "a finite number as 'latency', got nan"),
        ((CHOSEN, {**GOOD, "latency": "fast"}), "a finite number as 'latency', got 'fast'"),
        ((CHOSEN, {**GOOD, "latency": True}), "a finite number as 'latency', got True"),
    ],
)
def test_rows_that_do_not_fit_are_refused_and_none_is_added(row: Any, message: str) -> None:
    study = opened()
    with pytest.raises(InvalidArgument, match=rf"2 of 5 rows .*row 1.*{message}"):
        add_known(study, search_of(Widths()), [ROWS[0], row, *ROWS[1:], row])
    assert study.trials == []


def test_an_architecture_that_the_space_forbids_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="does not allow this combination"):
        add_known(opened(), search_of(Widths(max_params=8)), ROWS)


@pytest.mark.parametrize("given", ["rows", 3, [3], [({}, {}, {})], {"a": 1}])
def test_what_is_no_rows_is_refused(given: object) -> None:
    with pytest.raises(InvalidArgument, match="warm_start must be a SearchResult"):
        add_known(opened(), search_of(Widths()), given)


def test_nothing_is_nothing_known(caplog: pytest.LogCaptureFixture) -> None:
    assert add_known(opened(), search_of(Widths()), []) == 0
    assert "nothing was added" in caplog.text


def _whole(space: Space) -> dict[str, Any]:
    return dict(space.sample(np.random.default_rng(0)))


def test_numbers_beside_the_choices_belong_to_a_row() -> None:
    space = MLPSpace(inputs=4, classes=2, max_dropout=0.5)
    search = Search(space, lambda candidate: {"accuracy": 1.0}, {"accuracy": "maximize"})
    values, study = {"accuracy": 9.0}, opened(search=search)
    with pytest.raises(InvalidArgument, match="expected a value of 'dropout' within"):
        add_known(study, search, [(_whole(space), values)])
    with pytest.raises(InvalidArgument, match=r"got 0\.9"):
        add_known(study, search, [({**_whole(space), "dropout": 0.9}, values)])
    assert add_known(study, search, [({**_whole(space), "dropout": 0.25}, values)]) == 1
    assert study.trials[0].params["dropout"] == 0.25


def test_empty_cells_of_a_table_are_parameters_that_do_not_apply() -> None:
    space = MLPSpace(inputs=4, classes=2)
    search = Search(space, lambda candidate: {"accuracy": 1.0}, {"accuracy": "maximize"})
    rng = np.random.default_rng(0)
    shallow = dict(min((space.sample(rng) for _ in range(50)), key=len))
    empty = {name: math.nan for name in space.parameters if name not in shallow}
    assert empty
    study = opened(search=search)
    assert add_known(study, search, Table([{**shallow, **empty, "accuracy": 9.0}])) == 1
    assert study.trials[0].params == shallow


def test_wherever_a_process_dies_the_next_call_completes_what_is_known(
    storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = search_of(Widths())
    study = opened(storage)
    for writes in (1, 2, 3):
        with killed_after(monkeypatch, study._storage, writes):
            add_known(study, search, ROWS)
    add_known(study, search, ROWS)
    assert measured(study) == KEPT
    assert len(study.trials) == 3


def test_a_fork_takes_what_was_known_along_and_a_second_call_adds_nothing(storage: Any) -> None:
    first = searched(Widths(), 3, storage, warm_start=ROWS).study
    fork = searched(Widths(max_params=32), 1, storage, on_mismatch="fork", warm_start=ROWS).study
    assert measured(fork)[:3] == KEPT
    assert sum(KNOWN.is_in(t) for t in fork.get_trials(states=(TrialState.COMPLETE,))) == 3
    assert len(measured(fork)) >= len([row for row in measured(first) if row[0] <= 32])


def test_optimize_is_told_of_both(tmp_path: Path) -> None:
    first = searched(Widths(), 3, None)
    result = bonas.optimize(
        Widths(),
        2,
        evaluate=Measure(),
        objectives=OBJECTIVES,  # type: ignore[arg-type]  # a plain dict
        surrogate="random",
        storage=str(tmp_path / "a.log"),
        warm_start=first,
        progress=False,
    )
    assert len(result.candidates) == 5
