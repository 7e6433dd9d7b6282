"""Random scalarisations of many objectives, where a hypervolume takes too long."""

from __future__ import annotations

import json
import logging
import math

import numpy as np
import optuna
import pytest
import torch
from botorch.utils.multi_objective.pareto import is_non_dominated
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import create_trial

import bonas
from bonas.spaces import CellSpace
from bonas.studies.proposing.observations import Observations
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.recommender import is_scalarised
from bonas.studies.proposing.scalarisation import Scalarisation
from bonas.studies.proposing.task import Task
from bonas.studies.records import PREDICTION

SPACE = CellSpace(nodes=4)


def of(seed: int, m: int, n: int = 30) -> tuple[torch.Tensor, torch.Tensor, Scalarisation]:
    """Return known values, a reference point below them, and a scalarisation."""
    rng = np.random.default_rng(seed)
    known = torch.from_numpy(rng.normal(size=(n, m)))
    reference = known.amin(0) - 0.1
    return known, reference, Scalarisation.draw(known, reference, rng)


def test_a_scalarisation_is_the_formula_at_its_head() -> None:
    one = Scalarisation(
        torch.tensor([0.25, 0.75]), torch.tensor([2.0, 1.0]), torch.tensor([4.0, 2.0])
    )
    # z = (1/4, 1/2), w z = (1/16, 3/8)
    assert float(one(torch.tensor([1.0, 0.0]))) == pytest.approx(-3 / 8 - 0.05 * (1 / 16 + 3 / 8))


@given(st.integers(0, 1_000), st.integers(2, 6))
def test_what_is_best_is_on_the_front(seed: int, m: int) -> None:
    known, reference, one = of(seed, m)
    assert bool(is_non_dominated(known)[one(known).argmax()])
    assert float(one(reference)) < float(one(known).max())
    assert float(one.weights.sum()) == pytest.approx(1.0)


def test_all_weights_together_reach_nearly_all_of_the_front() -> None:
    known, reference, _ = of(0, 3)
    rng = np.random.default_rng(1)
    drawn = [Scalarisation.draw(known, reference, rng) for _ in range(500)]
    reached = {int(one(known).argmax()) for one in drawn}
    assert len(reached) >= 0.8 * int(is_non_dominated(known).sum())


def test_the_screening_is_the_expected_improvement() -> None:
    """Compare with 100,000 samples of each candidate, where improvement is likely."""
    known, _, one = of(3, 4)
    generator = torch.Generator().manual_seed(0)
    mean = known.amax(0) + 0.3 * torch.randn(5, 4, generator=generator, dtype=torch.float64)
    variance = torch.full_like(mean, 0.04)
    noise = torch.randn(100_000, 1, 4, generator=generator, dtype=torch.float64)
    gained = (one(mean + 0.2 * noise) - one(known).max()).clamp_min(0.0).mean(0)
    found = one.screening(mean, variance, known).exp()
    torch.testing.assert_close(found, gained, rtol=0.1, atol=0.0)
    assert torch.equal(found.argsort(), gained.argsort())


def test_hopeless_candidates_are_still_ranked() -> None:
    known, _, one = of(4, 5)
    mean = known.amin(0) - torch.tensor([[1.0], [2.0], [3.0]])
    scores = one.screening(mean, torch.full_like(mean, 1e-4), known)
    assert bool(scores.isfinite().all())
    assert scores.argsort(descending=True).tolist() == [0, 1, 2]


def test_a_hypervolume_is_counted_where_it_takes_seconds() -> None:
    assert not any(is_scalarised(m, 10_000) for m in (1, 2))
    assert [is_scalarised(3, front) for front in (1, 300, 301)] == [False, False, True]
    assert [is_scalarised(4, front) for front in (1, 32, 33)] == [False, False, True]
    assert all(is_scalarised(m, 1) for m in (5, 6, 10))


def studied(m: int, acquisition: str = "noisy_improvement") -> optuna.Study:
    """Return a study of ``m`` objectives with 12 trials."""
    sampler = bonas.ArchitectureSampler(SPACE, surrogate="gp", acquisition=acquisition, seed=0)
    study = optuna.create_study(directions=["minimize"] * m, sampler=sampler)
    rng = np.random.default_rng(0)
    for i in range(12):
        choices = dict(SPACE.sample(rng))
        cost = sum(SPACE.costs(choices).values())
        values = [math.cos(i * j) + (-1) ** j * math.log1p(cost) for j in range(m)]
        study.add_trial(
            create_trial(values=values, params=choices, distributions=SPACE.distributions)
        )
    return study


@pytest.mark.parametrize("acquisition", ["noisy_improvement", "thompson"])
def test_five_objectives_are_modelled_and_it_is_said_once(
    acquisition: str, caplog: pytest.LogCaptureFixture
) -> None:
    study = studied(5, acquisition)
    with caplog.at_level(logging.WARNING, "bonas"):
        trials = [study.ask(SPACE.distributions) for _ in range(3)]
    warnings = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert warnings[0].startswith("with 5 objectives and ")
    assert "(ParEGO)" in warnings[0]
    for trial in trials:
        attributes = study.get_trials(deepcopy=False)[trial.number].system_attrs
        assert len(json.loads(attributes[PREDICTION.key])["mean"]) == 5
    assert len({SPACE.architecture(trial.params).key for trial in trials}) == 3


def test_an_acquisition_of_the_users_sees_all_objectives() -> None:
    seen = []

    def last(samples: torch.Tensor, known: int, reference_point: torch.Tensor) -> torch.Tensor:
        seen.append((samples.shape[-1], len(reference_point)))
        return torch.arange(samples.shape[1] - known, dtype=torch.float64)

    study = studied(5)
    study.sampler = bonas.ArchitectureSampler(SPACE, surrogate="gp", acquisition=last, seed=0)
    study.ask(SPACE.distributions)
    assert seen == [(5, 5)]


def test_several_proposals_at_once_are_different_networks() -> None:
    study = studied(5)
    assert isinstance(study.sampler, bonas.ArchitectureSampler)
    nothing = Parameters({})
    task = Task.of(study, SPACE, nothing)
    observations = Observations.of(study, task)
    found = study.sampler._proposer.propose(task, observations, seed=0, index=12, n=4)
    assert all(each.prediction for each in found)
    assert len({each.point.key for each in found}) == 4
