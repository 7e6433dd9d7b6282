"""Cheap objectives are measured for the best candidates before one of these is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import pytest
from small_searches import SPACE

import bonas
from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate, Objective, Stages
from bonas.optuna_internals import study_system_attrs
from bonas.studies.architecture_measurements import ARCHITECTURES, ArchitectureMeasurements
from bonas.studies.proposing import measuring
from bonas.studies.search import Search

BUDGET = 14  # of which the last four are proposed by a model


@pytest.fixture(autouse=True)
def _long_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all trials seem to take long, so that no machine is too slow to measure first."""
    monkeypatch.setattr(measuring, "seconds_of_trials", lambda study: 10_000.0)


def size_of(candidate: Candidate) -> float:
    return sum(SPACE.costs(candidate.choices).values())


class Training:
    """A dear evaluator, which says no cost: larger networks are better, by a little noise."""

    objectives = (Objective("accuracy", "maximize"),)

    def __call__(self, candidate: Candidate) -> Mapping[str, float]:
        size = size_of(candidate)
        return {"accuracy": 50.0 + 1e-4 * size + size % 7}


@dataclass
class Latency:
    """A cheap one. It writes down which networks it has seen, and of whom: a trial, or none."""

    log: str
    cost: Any = "cheap"
    objectives: tuple[Objective, ...] = field(
        default=(Objective("latency", "minimize"),), init=False
    )

    def __call__(self, candidate: Candidate) -> Mapping[str, float]:
        key = SPACE.architecture(candidate.choices).key
        with Path(self.log).open("a") as file:
            file.write(f"{key} {candidate.number}\n")
        size = size_of(candidate)
        return {"latency": 1e-5 * size + (size % 11) / 10, "latency_iqr": 0.25}


def seen(log: Path) -> list[str]:
    """Return the networks that were measured, in order."""
    return [line.split()[0] for line in log.read_text().splitlines()]


def search(log: Path, budget: int = BUDGET, **more: Any) -> bonas.SearchResult:
    evaluate = [Training(), Latency(str(log))]
    arguments = {"evaluate": evaluate, "surrogate": "gp", "seed": 0, "progress": False, **more}
    return bonas.optimize(SPACE, budget, **arguments)


def proposals(result: bonas.SearchResult) -> list[Any]:
    return [dict(candidate.choices) for candidate in result.candidates]


def batches(study: optuna.Study) -> int:
    return sum(key.startswith(ARCHITECTURES) for key in study_system_attrs(study))


def test_networks_of_the_short_list_are_measured_once_and_trials_reuse_that(tmp_path: Path) -> None:
    log = tmp_path / "log"
    result = search(log)
    assert len(seen(log)) == len(set(seen(log))) > BUDGET
    known = ArchitectureMeasurements(result.study, SPACE)
    known.refresh()
    trials = list(zip(result.candidates, result.study.trials, strict=True))
    for candidate, trial in trials[10:]:  # those of a model
        values = known.of(SPACE.architecture(candidate.choices))
        assert values["latency"] == candidate.values["latency"]
        assert trial.user_attrs["latency_iqr"] == 0.25
    assert len(known.having("latency")) == len(seen(log)) - 10


class TunedTraining(Training):
    """Suggests a parameter that is none of the space."""

    def __call__(self, candidate: Candidate) -> Mapping[str, float]:
        rate = candidate.trial.suggest_float("rate", 0.0, 1.0)
        return {"accuracy": super().__call__(candidate)["accuracy"] - rate}


def test_networks_are_measured_first_also_where_parameters_are_tuned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = tmp_path / "log"
    result = search(log, evaluate=[TunedTraining(), Latency(str(log))])
    assert len(seen(log)) == len(set(seen(log))) > BUDGET
    assert len(result.predictions) == BUDGET - 10
    assert "no model for this proposal" not in caplog.text


def test_switched_off_only_trials_are_measured(tmp_path: Path) -> None:
    log = tmp_path / "log"
    result = search(log, measure_first=False)
    assert len(seen(log)) == BUDGET
    assert batches(result.study) == 0


def test_a_share_of_the_wall_time_bounds_measurements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    monkeypatch.setattr(measuring, "seconds_of_trials", lambda study: -200.0)  # no allowance left
    search(log)
    assert len(seen(log)) == BUDGET


def test_free_objectives_are_known_of_all_and_not_stored(tmp_path: Path) -> None:
    log = tmp_path / "log"
    result = search(log, evaluate=[Training(), Latency(str(log), cost=0.0)])
    assert len(set(seen(log))) == len(SPACE.members or ())
    assert batches(result.study) == 0


def test_a_search_that_dies_after_a_measurement_goes_on_as_if_it_had_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, log = search(tmp_path / "whole"), tmp_path / "log"
    add, calls = ArchitectureMeasurements.add, []

    def dying(self: ArchitectureMeasurements, measurements: Any) -> None:
        add(self, measurements)
        calls.append(len(measurements))
        if len(calls) in (1, 3):
            raise KeyboardInterrupt

    monkeypatch.setattr(ArchitectureMeasurements, "add", dying)
    storage = str(tmp_path / "study.log")
    assert [search(log, storage=storage).missing > 0 for _ in range(2)] == [True, True]
    assert proposals(search(log, storage=storage)) == proposals(whole)
    assert len(seen(log)) == len(set(seen(log)))


def test_two_workers_share_what_is_measured(tmp_path: Path) -> None:
    log = tmp_path / "log"
    result = search(log, n_jobs=2, storage=str(tmp_path / "study.log"))
    assert len(result.candidates) == BUDGET
    assert len(seen(log)) == len(set(seen(log))) > BUDGET


def test_with_an_executor_nothing_is_measured_unless_asked_for(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as executor:
        search(tmp_path / "off", executor=executor)
        search(tmp_path / "on", executor=executor, measure_first=0.2)
    assert len(seen(tmp_path / "off")) == BUDGET
    assert len(seen(tmp_path / "on")) > BUDGET


class Fragile(Latency):
    """Runs in a trial only."""

    def __call__(self, candidate: Candidate) -> Mapping[str, float]:
        if candidate.number < 0:
            raise RuntimeError("no such device")
        return super().__call__(candidate)


def test_a_search_goes_on_where_no_network_can_be_measured_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = tmp_path / "log"
    result = search(log, evaluate=[Training(), Fragile(str(log))])
    assert len(result.candidates) == len(seen(log)) == BUDGET
    assert caplog.text.count("could not be measured before a network is chosen") == 1


@pytest.mark.parametrize("given", ["yes", -0.1, 1.5, None, float("nan")])
def test_measure_first_is_a_switch_or_a_share(given: Any) -> None:
    with pytest.raises(InvalidArgument, match="measure_first must be True, False, or the share"):
        Search(SPACE, Training(), measure_first=given)


def test_nothing_is_measured_first_where_nothing_else_would_be_left(tmp_path: Path) -> None:
    both = [Latency(str(tmp_path / "log")), Latency(str(tmp_path / "log"), cost=0.0)]
    assert Search(SPACE, Stages(both[:1])).measured_first().evaluators == ()
    assert Search(SPACE, both[0]).measured_first().evaluators == ()
    assert Search(SPACE, [Training(), both[0]]).measured_first().evaluators == (both[0],)
