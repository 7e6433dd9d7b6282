"""BoTorch on one-hot choices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from baseline_searches import OPERATIONS, Layers, params_of, search
from botorch.acquisition.analytic import LogExpectedImprovement
from botorch.exceptions.errors import ModelFittingError
from botorch.utils.multi_objective.hypervolume import Hypervolume
from botorch.utils.multi_objective.pareto import is_non_dominated

from bonas.benchmarks.baselines import (
    OneHotBoTorch,
    one_hot_gp,
)
from bonas.benchmarks.baselines.one_hot_gp import _hypervolume_gains
from bonas.spaces import CellSpace


def test_hypervolume_gains_are_those_of_botorch() -> None:
    rng = np.random.default_rng(0)
    Y, points = (torch.from_numpy(rng.standard_normal((n, 2))) for n in (8, 20))
    reference_point = torch.tensor([-2.0, -1.5], dtype=torch.float64)
    volume = Hypervolume(reference_point)

    def of(values: torch.Tensor) -> float:
        front = values[is_non_dominated(values)]
        return volume.compute(front[(front > reference_point).all(1)])

    expected = [of(torch.cat([Y, point.unsqueeze(0)])) - of(Y) for point in points]
    assert _hypervolume_gains(points, Y, reference_point).tolist() == pytest.approx(expected)


def test_botorch_searches_a_space_too_large_to_list() -> None:
    space = CellSpace(nodes=6, operations=OPERATIONS)
    sampler = OneHotBoTorch(space, seed=0, initial=3, shortlist=32)
    study = search(space, sampler, 5, directions=["maximize", "minimize"])
    assert space.size > 50_000
    assert all(space.is_valid(params) for params in params_of(study))


def test_botorchs_fit_leaves_the_global_random_state_alone(space: CellSpace) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    search(space, OneHotBoTorch(space, seed=0, initial=3), 5)
    assert torch.equal(torch.rand(3), expected)


def test_rows_of_a_conditional_space_have_a_one_per_choice_that_applies() -> None:
    sampler = OneHotBoTorch(Layers(), seed=0)
    X = sampler._encode([{"depth": 1, "w1": 16}, {"depth": 2, "w1": 8, "w2": 32}])
    assert X.tolist() == [
        [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0],
    ]


def test_a_fit_that_fails_is_replaced_by_a_random_proposal(
    space: CellSpace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(*_: object) -> None:
        raise ModelFittingError("no fit converged")

    monkeypatch.setattr(one_hot_gp, "_fit", failing)
    study = search(space, OneHotBoTorch(space, seed=0, initial=2), 4)
    assert all(space.is_valid(params) for params in params_of(study))
    assert caplog.text.count("no fit converged); this proposal is random") == 2


def test_the_proposal_for_one_objective_has_the_largest_expected_improvement() -> None:
    generator = torch.Generator().manual_seed(0)
    X = torch.rand(12, 3, generator=generator, dtype=torch.float64)
    y = X.sum(1, keepdim=True) + torch.sin(5 * X[:, :1])
    Z = torch.rand(40, 3, generator=generator, dtype=torch.float64)
    model = one_hot_gp._fit(X, y)
    sampler = OneHotBoTorch(CellSpace(nodes=3), seed=0)
    with torch.no_grad():
        scores = LogExpectedImprovement(model, best_f=y.max())(Z.unsqueeze(1))
    assert sampler._best([model], X, y, Z, seed=0) == int(scores.argmax())


def test_marginals_are_those_of_each_row_by_itself() -> None:
    generator = torch.Generator().manual_seed(1)
    X = torch.rand(8, 2, generator=generator, dtype=torch.float64)
    models = [one_hot_gp._fit(X, y) for y in (X[:, :1], 1.0 - X[:, 1:])]
    Z = torch.rand(5, 2, generator=generator, dtype=torch.float64)
    mean, variance = one_hot_gp._marginals(models, Z)
    assert mean.shape == variance.shape == (5, 2)
    with torch.no_grad():
        for j, model in enumerate(models):
            posterior = model.posterior(Z.unsqueeze(1))
            torch.testing.assert_close(mean[:, j], posterior.mean.flatten())
            torch.testing.assert_close(variance[:, j], posterior.variance.flatten())
