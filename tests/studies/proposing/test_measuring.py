"""Architectures that are no trial are measured once, within their share of the wall time."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import optuna
import pytest
from clocks import Clocks
from optuna.distributions import IntDistribution
from optuna.trial import create_trial

from bonas.errors import DeviceUnavailable, EvaluationFailed, InvalidArgument
from bonas.spaces import Architecture, NASBench201
from bonas.studies.architecture_measurements import ArchitectureMeasurements
from bonas.studies.proposing import measuring
from bonas.studies.proposing.measuring import Measuring, seconds_of_trials
from bonas.studies.records import KNOWN

SPACE = NASBench201(identity="choices")
CELLS = [
    SPACE.architecture(dict.fromkeys(SPACE.edges, op)) for op in SPACE.operations if op != "none"
]


class Meter:
    """Measures the number of calls, each of which takes ``seconds`` on a clock turned by hand."""

    def __init__(self, clock: Clocks, seconds: float = 1.0) -> None:
        self.clock, self.seconds = clock, seconds
        self.seen: list[str] = []

    def __call__(self, architecture: Architecture) -> Mapping[str, float]:
        self.clock.wall += self.seconds
        self.seen.append(architecture.key)
        return {"latency": float(len(self.seen)), "latency_iqr": 0.1}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    """Return the clock of the module."""
    clocks = Clocks()
    monkeypatch.setattr(measuring, "time", clocks)
    return clocks


def study_of_trials(seconds: float, n: int = 1) -> optuna.Study:
    """Return a study of ``n`` finished trials that took ``seconds`` each, and a known one."""
    study, start = optuna.create_study(), datetime(2026, 1, 1)
    for i in range(n + 1):
        trial = create_trial(
            value=0.0,
            params={"x": i},
            distributions={"x": IntDistribution(0, 99)},
            user_attrs=KNOWN.holding("before") if i == n else {},
        )
        trial.datetime_start = start
        trial.datetime_complete = start + timedelta(seconds=seconds)
        study.add_trial(trial)
    return study


def measuring_of(
    study: optuna.Study,
    meter: measuring.Measure,
    names: tuple[str, ...] = ("latency",),
    **kw: float,
) -> Measuring:
    return Measuring(ArchitectureMeasurements(study, SPACE), names, meter, **kw)


def test_nothing_is_measured_twice_also_by_another_process(clock: Clocks) -> None:
    study, meter = optuna.create_study(), Meter(clock, 0.0)
    one, other = measuring_of(study, meter), measuring_of(study, meter)
    assert one.measure([CELLS[0], CELLS[1], CELLS[0]]) == 2
    assert other.measure([CELLS[1], CELLS[2]]) == 1
    assert one.measure(CELLS[:3]) == 0
    assert meter.seen == [cell.key for cell in CELLS[:3]]
    for each in (one, other):
        np.testing.assert_array_equal(each.values(CELLS[:3]), [[1.0], [2.0], [3.0]])
    assert math.isnan(one.values(CELLS[3:]).item())


def test_measurements_take_their_share_of_the_time_of_the_trials_and_no_more(clock: Clocks) -> None:
    study, meter = study_of_trials(100.0, n=2), Meter(clock)
    assert seconds_of_trials(study) == 200.0
    bounded = measuring_of(study, meter, share=0.01, allowance=1.0, seconds=1.0)
    assert bounded.seconds_left() == pytest.approx(3.0)
    assert bounded.measure(CELLS) == 3
    assert bounded.measure(CELLS) == 0
    assert measuring_of(study, meter, share=0.01, allowance=2.0).measure(CELLS) == 1


def test_one_that_takes_longer_than_expected_ends_the_batch(clock: Clocks) -> None:
    meter = Meter(clock, seconds=50.0)
    assert measuring_of(optuna.create_study(), meter, allowance=10.0).measure(CELLS) == 1


def test_without_a_share_there_is_no_bound(clock: Clocks) -> None:
    study, meter = optuna.create_study(), Meter(clock, seconds=1e6)
    unbounded = Measuring(ArchitectureMeasurements(study, SPACE), ["latency"], meter, share=None)
    assert unbounded.measure(CELLS) == len(CELLS)


def failing(architecture: Architecture) -> Mapping[str, float]:
    """Fail for the first cell, give half of the second, and NaN of the third."""
    which = CELLS.index(architecture)
    if which == 0:
        raise RuntimeError("it does not run")
    if which == 1:
        error = EvaluationFailed("no energy")
        error.values = {"latency": 5.0}
        raise error
    return {"latency": math.nan if which == 2 else 7.0, "energy": 1.0}


def test_what_fails_is_known_to_have_no_value_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    study = optuna.create_study()
    with caplog.at_level(logging.WARNING):
        measuring_of(study, failing, ("latency", "energy")).measure(CELLS)
    warned = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == 1
    assert "RuntimeError: it does not run" in caplog.text
    later = measuring_of(study, failing, ("latency", "energy"))
    assert later.measure(CELLS) == 0
    nan = math.nan
    np.testing.assert_array_equal(
        later.values(CELLS), [[nan, nan], [5.0, nan], [nan, 1.0], [7.0, 1.0]]
    )


def test_an_interrupt_loses_nothing_that_was_measured() -> None:
    def interrupted(architecture: Architecture) -> Mapping[str, float]:
        if architecture == CELLS[2]:
            raise KeyboardInterrupt
        return {"latency": 2.0}

    study = optuna.create_study()
    with pytest.raises(KeyboardInterrupt):
        measuring_of(study, interrupted).measure(CELLS)
    known = measuring_of(study, interrupted)
    known.known.refresh()
    assert [known.is_known(cell) for cell in CELLS] == [True, True, False, False]


_BAD = [{"share": -0.1}, {"allowance": math.nan}, {"seconds": -1.0}]


@pytest.mark.parametrize("given", _BAD, ids=lambda given: next(iter(given)))
def test_bounds_are_numbers_of_at_least_0(given: dict[str, float]) -> None:
    with pytest.raises(InvalidArgument, match=next(iter(given))):
        measuring_of(optuna.create_study(), failing, **given)


def test_a_device_that_is_away_is_no_fault_of_an_architecture(clock: Clocks) -> None:
    meter = Meter(clock)

    def measure(architecture: Architecture) -> Mapping[str, float]:
        if meter.seen:
            raise DeviceUnavailable("the device is away")
        return meter(architecture)

    found = measuring_of(study_of_trials(100.0), measure, allowance=10.0)
    with pytest.raises(DeviceUnavailable):
        found.measure(CELLS[:2])
    assert found.is_known(CELLS[0])  # what was measured before is kept
    assert not found.is_known(CELLS[1])
