"""Measurements of architectures are shared by all readers of a study, and never undone."""

from __future__ import annotations

import json
import math
from pathlib import Path

import optuna
import pytest

from bonas.optuna_internals import set_study_system_attr, study_system_attrs
from bonas.spaces import NASBench201
from bonas.studies.architecture_measurements import (
    ARCHITECTURES,
    ArchitectureMeasurement,
    ArchitectureMeasurements,
)

SPACE = NASBench201(identity="choices")
ALL = [dict.fromkeys(SPACE.edges, op) for op in SPACE.operations if op != "none"]


def measured(which: int, latency: float, seconds: float = 0.5) -> ArchitectureMeasurement:
    """Return a measurement of one of the uniform cells."""
    return ArchitectureMeasurement(ALL[which], {"latency": latency}, seconds)


@pytest.fixture(params=["memory", "sqlite"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    """Return the storage of a study."""
    return None if request.param == "memory" else f"sqlite:///{tmp_path / 'study.db'}"


def test_what_one_process_measured_another_one_knows(storage: object) -> None:
    study = optuna.create_study(storage=storage)  # type: ignore[arg-type]  # a URL or None
    one, other = (ArchitectureMeasurements(study, SPACE) for _ in range(2))
    one.add([measured(0, 4.0), measured(1, 5.0)])
    other.refresh()
    assert other.of(SPACE.architecture(ALL[1])) == {"latency": 5.0}
    assert [value for _, value in other.having("latency")] == [4.0, 5.0]
    assert other.seconds("latency") == pytest.approx(1.0)


def test_the_earlier_of_two_measurements_counts_for_everybody() -> None:
    study = optuna.create_study()
    one, other = (ArchitectureMeasurements(study, SPACE) for _ in range(2))
    one.add([measured(0, 4.0)])
    other.add([measured(0, 9.0)])
    one.refresh()
    for reader in (one, other, ArchitectureMeasurements(study, SPACE)):
        reader.refresh()
        assert reader.of(SPACE.architecture(ALL[0])) == {"latency": 4.0}


def test_an_architecture_without_a_finite_value_is_known_to_have_none() -> None:
    study = optuna.create_study()
    ArchitectureMeasurements(study, SPACE).add([measured(0, math.nan), measured(1, math.inf)])
    reader = ArchitectureMeasurements(study, SPACE)
    reader.refresh()
    assert all(math.isnan(value) for _, value in reader.having("latency"))
    assert len(reader.having("latency")) == 2


def test_batches_stay_below_what_a_database_takes() -> None:
    study = optuna.create_study()
    ArchitectureMeasurements(study, SPACE).add([measured(i % 4, 1.0 + i) for i in range(400)])
    texts = [x for k, x in study_system_attrs(study).items() if k.startswith(ARCHITECTURES)]
    assert len(texts) > 1
    assert max(map(len, texts)) < 17_000


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "no JSON",
        json.dumps({"choices": {}}),
        json.dumps([5, None, {"choices": ALL[0], "values": {"latency": "4"}, "seconds": 1}]),
        json.dumps([{"choices": {"edge": "unknown"}, "values": {"latency": 4}, "seconds": 1}]),
    ],
)
def test_what_another_program_wrote_is_left_out(stored: object) -> None:
    study = optuna.create_study()
    set_study_system_attr(study, ARCHITECTURES + "000000:other", stored)
    reader = ArchitectureMeasurements(study, SPACE)
    reader.refresh()
    assert reader.having("latency") == []


def test_an_empty_batch_writes_nothing() -> None:
    study = optuna.create_study()
    ArchitectureMeasurements(study, SPACE).add([])
    assert study_system_attrs(study) == {}
