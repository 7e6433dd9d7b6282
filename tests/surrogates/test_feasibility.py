"""Feasibility: one failure closes no region, many do, and accidents do not."""

import pytest
import torch

from bonas.encoders import Layout
from bonas.errors import FitFailed
from bonas.surrogates.feasibility import fit_feasibility

LAYOUT = Layout({"statistics": slice(0, 2)}, {})


def points(n: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_a_border_is_learnt() -> None:
    X, far = points(40), points(400, seed=1)
    model = fit_feasibility(X, X[:, 0] < 0.7, LAYOUT, seed=0)
    p, runs = model.probability(far), far[:, 0] < 0.7
    ranks = (p[runs].unsqueeze(1) > p[~runs]).double().mean()  # the area under the ROC curve
    assert float(ranks) > 0.95
    assert float(p[runs].mean()) > 0.75
    assert float(p[~runs].mean()) < 0.4


def test_one_failure_closes_no_region() -> None:
    X = points(30)
    succeeded = torch.ones(30, dtype=torch.bool)
    succeeded[7] = False
    p = fit_feasibility(X, succeeded, LAYOUT, seed=0).probability(X)
    assert float(p.min()) > 0.5
    assert float(p[succeeded].mean()) > 0.85


def test_accidents_say_little_of_the_networks() -> None:
    X = points(100)
    succeeded = torch.ones(100, dtype=torch.bool)
    succeeded[[3, 40, 71]] = False
    model = fit_feasibility(X, succeeded, LAYOUT, seed=0)
    # the weight of the rate, (100 - 3 + 1) / 102, and what is left for the others
    assert model.rate == pytest.approx(98 / 102)
    assert model.weights[0] == max(model.weights)
    assert float(model.probability(points(200, seed=1)).min()) > 0.7


def test_where_most_fail_the_rate_is_low() -> None:
    X = points(30)
    succeeded = torch.zeros(30, dtype=torch.bool)
    succeeded[4] = True
    p = fit_feasibility(X, succeeded, LAYOUT, seed=0).probability(points(50, seed=2))
    assert float(p.max()) < 0.5


def test_probabilities_are_inside_the_unit_interval_and_repeat() -> None:
    X = points(25)
    first, second = (fit_feasibility(X, X[:, 1] < 0.5, LAYOUT, seed=3) for _ in range(2))
    far = 5 * points(50, seed=4) - 2
    p = first.probability(far)
    assert bool(((p > 0) & (p < 1)).all())
    assert torch.equal(p, second.probability(far))
    assert float(first.weights.sum()) == pytest.approx(1)


@pytest.mark.parametrize("label", [True, False])
def test_equal_labels_teach_nothing(label: bool) -> None:
    with pytest.raises(FitFailed, match="successes and failures"):
        fit_feasibility(points(5), torch.full((5,), label), LAYOUT, seed=0)
