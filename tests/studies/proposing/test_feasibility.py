"""Feasibility of candidates: closed forms, joint samples, and what searches make of it."""

import math
from typing import Any

import optuna
import pytest
import torch
from scipy.stats import norm

import bonas
from bonas.evaluation import Candidate, Stages
from bonas.evaluation.constraint import Constraint
from bonas.spaces import NASBench201
from bonas.studies.proposing.feasibility import (
    Feasibility,
    leading,
    log_between,
    violation_of_sizes,
    weighted,
)
from bonas.studies.proposing.limits import RULE
from bonas.studies.proposing.point import Point
from bonas.studies.records import STOPPED_EARLY

SPACE = NASBench201()
GOALS: Any = {"accuracy": "maximize", "latency": "minimize"}


def costs(candidate: Candidate) -> tuple[float, float]:
    found = SPACE.costs(candidate.choices)
    return math.log1p(found["parameters"]), found["multiply_adds"] / 1e7


def evaluate(candidate: Candidate) -> dict[str, float]:
    accuracy, latency = costs(candidate)
    return {"accuracy": accuracy, "latency": latency}


def search(budget: int, **more: Any) -> bonas.SearchResult:
    settings = {"evaluate": evaluate, "surrogate": "gp", "seed": 1, "progress": False, **more}
    if not isinstance(settings["evaluate"], list):
        settings.setdefault("objectives", GOALS)
    return bonas.optimize(SPACE, budget, zero_cost=False, **settings)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.mark.parametrize(
    ("low", "high"), [(-math.inf, 1.0), (0.5, math.inf), (-0.2, 0.3), (-3.0, 3.0), (-1.0, 30.0)]
)
def test_the_probability_between_bounds_is_that_of_the_normal(low: float, high: float) -> None:
    mean, sd = torch.tensor([-1.0, 0.0, 2.0]).double(), torch.tensor([0.5, 1.0, 2.0]).double()
    wanted = [norm.cdf(high, m, s) - norm.cdf(low, m, s) for m, s in zip(mean, sd, strict=True)]
    found = log_between(mean, sd, low, high).exp()
    close = [p == pytest.approx(w, abs=1e-9) for p, w in zip(found, wanted, strict=True)]
    # a narrow interval that is hardly ever met is ranked by its nearer bound
    assert all(c or w < 0.5 for c, w in zip(close, wanted, strict=True))


def test_known_values_are_certain() -> None:
    values, none = torch.tensor([0.0, 2.0]).double(), torch.zeros(2).double()
    found = log_between(values, none, -math.inf, 1.0)
    assert float(found[0]) == pytest.approx(0)
    assert float(found[1]) < -1e6


def test_improvement_counts_as_often_as_it_is_feasible() -> None:
    chance = torch.tensor([0.0, math.log(0.5), -2000.0], dtype=torch.float64)
    found = weighted(torch.tensor([1.0, 4.0, 9.0]).double(), chance, False)
    assert found.tolist() == pytest.approx([1, 2, -2000])
    logs = weighted(torch.tensor([1.0, 4.0, 9.0]).double(), chance, True)
    assert logs.tolist() == pytest.approx([1, 4 + math.log(0.5), -1991])


def test_without_a_feasible_point_the_probability_leads() -> None:
    gains = torch.tensor([1.0, 0.5, 0.0]).double()
    chance = torch.tensor([-20.0, -1.0, -30.0]).double()
    assert leading(gains, chance, False).argsort(descending=True).tolist() == [1, 0, 2]


def test_a_size_is_known_of_every_network() -> None:
    points = [Point(each, {}) for each in SPACE.reference[:20]]
    bound = 3e5
    found = violation_of_sizes(points, [Constraint("parameters", upper=bound)], SPACE)
    for point, violation in zip(points, found.tolist(), strict=True):
        assert point.architecture is not None
        size = SPACE.costs(point.architecture.choices)["parameters"]
        assert violation == pytest.approx(max(0.0, size - bound) / bound)


def test_no_network_of_a_forbidden_size_is_evaluated() -> None:
    result = search(16, constraints={"parameters": "<= 4e5"})
    assert result.violations == {}
    assert len(result.candidates) == 16


def test_a_measurement_under_the_name_of_a_size_is_believed() -> None:
    def in_millions(candidate: Candidate) -> dict[str, float]:
        millions = SPACE.costs(candidate.choices)["parameters"] / 1e6
        return {**evaluate(candidate), "parameters": millions}

    result = search(18, evaluate=in_millions, constraints={"parameters": "<= 0.5"})
    assert len(result.front) > 0
    assert all(c.trial.user_attrs["parameters"] <= 0.5 for c in result.front)


def test_a_constrained_objective_moves_the_search() -> None:
    free, bound = search(20), search(20, constraints={"latency": "<= 4"})

    def share(result: bonas.SearchResult) -> float:
        late = [c for c in result.candidates if c.number >= 10]
        return sum(c.values["latency"] <= 4 for c in late) / len(late)

    assert share(bound) > share(free)
    stored = bound.predictions
    assert all(0 <= stored[number].feasible <= 1 for number in stored)  # type: ignore[operator]
    assert all(each.feasible is None for each in free.predictions.values())


def test_a_bound_that_nothing_keeps_leads_to_the_least_violated() -> None:
    result = search(20, constraints={"latency": "<= 0.001"})
    least = min(candidate.values["latency"] for candidate in result.candidates)
    smallest = min(costs_of["multiply_adds"] for costs_of in map(SPACE.costs, _choices()))
    assert result.front == []
    assert result.best().values["latency"] == least == pytest.approx(smallest / 1e7)


def _choices() -> list[Any]:
    assert SPACE.members is not None
    return [each.choices for each in SPACE.members]


def fails_where_large(candidate: Candidate) -> dict[str, float]:
    if SPACE.costs(candidate.choices)["parameters"] > 7e5:
        raise RuntimeError("out of memory")
    return evaluate(candidate)


def test_failures_are_learnt_from() -> None:
    result = search(24, evaluate=fails_where_large)
    late = [number for number in result.failures if number >= 16]
    early = [number for number in result.failures if number < 10]
    assert early  # a third of the networks fail
    assert len(late) <= 2
    chances = [each.evaluable for each in result.predictions.values()]
    assert all(chance is None or 0 < chance < 1 for chance in chances)
    assert chances[-1] is not None


def test_a_search_without_failures_learns_no_feasibility() -> None:
    result = search(12)
    assert all(each.evaluable is None for each in result.predictions.values())


def test_what_a_user_prunes_is_no_failure() -> None:
    def prunes(candidate: Candidate) -> dict[str, float]:
        if candidate.number % 3 == 0:
            raise optuna.TrialPruned
        return evaluate(candidate)

    result = search(18, evaluate=prunes)
    assert result.predictions
    assert all(each.evaluable is None for each in result.predictions.values())


class Cheap:
    """A latency that is known before the training."""

    cost = 0.001

    @property
    def objectives(self) -> tuple[bonas.Objective, ...]:
        return (bonas.Objective("latency", "minimize"),)

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        return {"latency": costs(candidate)[1]}


class Dear:
    """A training that counts how often it is called."""

    def __init__(self) -> None:
        self.calls = 0

    @property
    def objectives(self) -> tuple[bonas.Objective, ...]:
        return (bonas.Objective("accuracy", "maximize"),)

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        self.calls += 1
        return {"accuracy": costs(candidate)[0]}


def test_a_violated_cheap_constraint_spares_the_training() -> None:
    dear = Dear()
    result = search(
        8,
        evaluate=[dear, Cheap()],
        surrogate="random",
        constraints={"latency": "<= 3"},
        measure_first=False,
    )
    spared = result.stopped
    assert spared
    assert dear.calls == len(result.candidates)
    for stop in spared.values():
        assert stop.values["latency"] > 3
        assert stop.fidelity == 0.1  # of an evaluation
        assert "wanted latency <= 3" in stop.reason
    first = [c.trial.number for c in result.candidates][:5]
    assert min(spared) > max(first)
    assert len(result.candidates) + 0.1 * len(spared) <= 8
    assert len(result.candidates) + 0.1 * len(spared) > 7
    pruned = result.study.get_trials(states=(optuna.trial.TrialState.PRUNED,))
    assert all(trial.constraints["latency"] > 0 for trial in pruned)
    assert all((STOPPED_EARLY.read(trial) or {})["rule"] == RULE for trial in pruned)


def test_stages_with_an_unconstrained_search_are_not_spared() -> None:
    dear = Dear()
    search(8, evaluate=Stages([dear, Cheap()]), surrogate="random", objectives=None)
    assert dear.calls == 8


def test_a_constraint_on_what_is_no_objective_has_a_model_of_its_own() -> None:
    result = search(20, objectives={"accuracy": "maximize"}, constraints={"latency": "<= 4"})
    free = search(20, objectives={"accuracy": "maximize"})
    late, freely = ([c for c in each.candidates if c.number >= 10] for each in (result, free))
    kept, by_chance = (sum(c.trial.user_attrs["latency"] <= 4 for c in x) for x in (late, freely))
    assert kept > by_chance
    assert result.best().trial.user_attrs["latency"] <= 4


@pytest.mark.slow
def test_workers_keep_constraints() -> None:
    result = search(6, constraints={"latency": "<= 4"}, n_jobs=2, surrogate="random")
    assert len(result.violations) + sum(c.values["latency"] <= 4 for c in result.candidates) == 6
    assert all(candidate.values["latency"] <= 4 for candidate in result.front)


def test_masked_samples_are_worse_than_everything() -> None:
    known: Any = type("Known", (), {"bounds": torch.tensor([[-math.inf, -4.0], [math.inf] * 2])})
    feasibility = Feasibility.__new__(Feasibility)
    feasibility.known = known
    posteriors: Any = type("P", (), {"scale_reference_point": staticmethod(lambda x: x)})
    samples = torch.tensor([[[1.0, -5.0], [2.0, -3.0], [3.0, -5.0]]])
    given, limit = torch.tensor([True, False, False]), torch.tensor([0.0, -6.0])
    masked = feasibility.masked(samples, given, posteriors, limit)
    # the first row is known to be feasible, the second keeps its bound, the third does not
    assert masked.tolist() == [[[1.0, -5.0], [2.0, -3.0], [-1.0, -7.0]]]
