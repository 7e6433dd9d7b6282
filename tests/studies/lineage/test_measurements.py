"""What was measured without a trial goes on in successors and forks where it still holds."""

from __future__ import annotations

from typing import Any

import optuna
from lineages import Measure, Widths, opened, searched

from bonas.spaces import Space
from bonas.studies.architecture_measurements import (
    ArchitectureMeasurement,
    ArchitectureMeasurements,
)

GIVEN = ArchitectureMeasurement(
    {"width": 8, "kind": "relu"}, {"latency": 2.0, "latency_iqr": 0.5}, 1.5, index=7
)
OF_ACCURACY = ArchitectureMeasurement({"width": 8, "kind": "tanh"}, {"accuracy": 1.0, "note": 2.0})
OF_BOTH = ArchitectureMeasurement(
    {"width": 16, "kind": "relu"}, {"accuracy": 3.0, "latency": 4.0, "note": 2.0}
)
SCORE = ArchitectureMeasurement({"width": 16, "kind": "tanh"}, {"synflow": 5.0})
ALL = [GIVEN, OF_ACCURACY, OF_BOTH, SCORE]


def begun(storage: Any, space: Space | None = None) -> optuna.Study:
    """Return a study of a few trials that has measurements of architectures, too."""
    study = searched(space or Widths(), 3, storage).study
    ArchitectureMeasurements(study, space or Widths()).add(ALL)
    return study


def known(study: optuna.Study, space: Space) -> list[ArchitectureMeasurement]:
    found = ArchitectureMeasurements(study, space)
    found.refresh()
    return found.all


def test_a_successor_keeps_all_measurements(quick: Any) -> None:
    begun(quick)
    wider = Widths((4, 8, 16, 32, 64))
    for _ in range(2):  # the second call adds nothing
        assert known(opened(wider, quick), wider) == ALL


def test_a_fork_keeps_what_is_measured_as_before(quick: Any) -> None:
    begun(quick)
    fork = opened(Widths(), quick, evaluate=Measure(epochs=2), on_mismatch="fork")
    only_latency = ArchitectureMeasurement(OF_BOTH.choices, {"latency": 4.0})
    assert fork.study_name == "s-2"
    assert known(fork, Widths()) == [GIVEN, only_latency, SCORE]


def test_a_fork_of_other_networks_keeps_no_measurement(quick: Any) -> None:
    begun(quick)
    fork = opened(Widths(scale=3), quick, on_mismatch="fork")
    assert fork.study_name == "s-2"
    assert known(fork, Widths(scale=3)) == []
