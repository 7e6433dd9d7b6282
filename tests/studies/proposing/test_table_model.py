"""Posteriors of a table of points, as BoTorch models."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.models.ensemble import EnsembleModel
from botorch.posteriors.ensemble import EnsemblePosterior
from botorch.sampling.get_sampler import get_sampler
from botorch.utils.multi_objective.hypervolume import Hypervolume
from torch import Tensor

from bonas.errors import InvalidArgument
from bonas.studies.proposing.table_model import (
    NormalTable,
    SampleTable,
    SampleTableSampler,
    row_numbers,
)


class _Members(EnsembleModel):
    """A stock BoTorch ensemble over the rows of a table, ``members x N x m``."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values = values
        self._num_outputs = values.shape[-1]

    def forward(self, X: Tensor) -> Tensor:
        return self.values[:, X[..., 0].long()].movedim(0, -3)


def _exact_improvement(values: Tensor, n: int, reference_point: Tensor) -> Tensor:
    """Compute the expected hypervolume improvement of each candidate, member by member."""
    hypervolume = Hypervolume(reference_point)
    gains = torch.zeros(len(values), values.shape[1], dtype=torch.float64)
    for member, candidate in itertools.product(range(len(values)), range(values.shape[1])):
        known = values[member, :n]
        before = hypervolume.compute(_front(known))
        after = hypervolume.compute(_front(torch.cat([known, values[member, [candidate]]])))
        gains[member, candidate] = after - before
    return gains.mean(0)


def _front(values: Tensor) -> Tensor:
    dominated = (values.unsqueeze(0) >= values.unsqueeze(1)).all(-1) & (
        values.unsqueeze(0) > values.unsqueeze(1)
    ).any(-1)
    return values[~dominated.any(1)]


def test_a_stock_ensemble_finds_improvement_where_there_is_none_and_joint_samples_do_not() -> None:
    """Compare both with the exact improvement: why ``SampleTable`` exists."""
    members, known, candidates = 8, 12, 10
    reference_point = torch.tensor([-3.0, -3.0], dtype=torch.float64)
    stock_errors, own_errors = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        values = torch.from_numpy(rng.standard_normal((members, known + candidates, 2)))
        exact = _exact_improvement(values, known, reference_point)
        baseline, everything = (
            row_numbers(0, known),
            row_numbers(0, known + candidates).unsqueeze(1),
        )
        sampler = SampleTableSampler(sample_shape=torch.Size([members]))
        own = qLogNoisyExpectedHypervolumeImprovement(
            SampleTable(values), reference_point, baseline, sampler=sampler, cache_root=False
        )(everything).exp()
        stock_model = _Members(values)
        stock_sampler = get_sampler(stock_model.posterior(baseline), torch.Size([64]), seed=seed)
        stock = qLogNoisyExpectedHypervolumeImprovement(
            stock_model, reference_point, baseline, sampler=stock_sampler, cache_root=False
        )(everything).exp()
        own_errors.append(float((own - exact).abs().max()))
        stock_errors.append(float(stock[:known].max()))
        assert int(own.argmax()) == int(exact.argmax())
    assert max(own_errors) < 0.01  # BoTorch smooths the improvement
    assert max(stock_errors) > 0.1  # predicted at points that were already evaluated


def test_samples_come_in_order_for_every_batch() -> None:
    values = torch.arange(24, dtype=torch.float64).reshape(3, 4, 2)  # 3 samples of 4 rows
    posterior = SampleTable(values).posterior(row_numbers(0, 4).unsqueeze(1))
    assert isinstance(posterior, EnsemblePosterior)
    samples = SampleTableSampler(sample_shape=torch.Size([5]))(posterior)
    assert samples.shape == (5, 4, 1, 2)
    for i in range(5):
        torch.testing.assert_close(samples[i, :, 0], values[i % 3])


@pytest.mark.parametrize("m", [1, 3])
def test_a_normal_table_has_the_moments_of_its_rows(m: int) -> None:
    mean = torch.arange(4.0 * m).reshape(4, m).double()
    variance = 1.0 + mean / 10
    model = NormalTable(mean, variance)
    posterior = model.posterior(row_numbers(1, 4).unsqueeze(1))
    assert model.num_outputs == m
    torch.testing.assert_close(posterior.mean.squeeze(1), mean[1:])
    torch.testing.assert_close(posterior.variance.squeeze(1), variance[1:])


def test_outputs_of_a_table_are_asked_for_all_at_once() -> None:
    values = torch.zeros(2, 4, 3, dtype=torch.float64)
    model, rows = SampleTable(values), row_numbers(0, 2)
    assert model.posterior(rows, output_indices=[0, 1, 2]).mean.shape == (2, 3)
    with pytest.raises(InvalidArgument, match=r"output_indices None or \[0, 1, 2\], got \[1\]"):
        model.posterior(rows, output_indices=[1])


def test_botorch_finds_the_sampler_of_a_table() -> None:
    values = torch.arange(6.0).reshape(3, 2, 1).double()
    posterior = SampleTable(values).posterior(row_numbers(0, 2))
    sampler = get_sampler(posterior, torch.Size([3]))
    assert isinstance(sampler, SampleTableSampler)
    torch.testing.assert_close(sampler(posterior), values)
