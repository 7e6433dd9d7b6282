import pytest
import torch
from torch import Tensor

from bonas.gradient_search.mixture.bilevel import Loss, first_order
from bonas.gradient_search.mixture.curvature import (
    dominant_eigenvalue,
    hessian_product,
    largest_eigenvalue,
)
from bonas.gradient_search.mixture.mixture import Mixture
from bonas.spaces import CellSpace


def test_the_largest_eigenvalue_of_a_symmetric_matrix() -> None:
    drawn = torch.Generator().manual_seed(0)
    root = torch.randn(30, 30, generator=drawn, dtype=torch.float64)
    matrix = (root + root.T) / 2
    first = torch.randn(30, generator=drawn, dtype=torch.float64)
    wanted = torch.linalg.eigvalsh(matrix)[-1].item()
    assert largest_eigenvalue(lambda v: matrix @ v, first, 30) == pytest.approx(wanted, rel=1e-9)
    assert largest_eigenvalue(lambda v: matrix @ v, first, 20) == pytest.approx(wanted, rel=1e-2)


@pytest.mark.parametrize(
    ("diagonal", "largest"), [([-3.0, -1.0, -2.0], -1.0), ([2.0] * 3, 2.0), ([0.0] * 3, 0.0)]
)
def test_it_is_the_largest_and_not_the_largest_in_size(
    diagonal: list[float], largest: float
) -> None:
    matrix = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
    first = torch.ones(3, dtype=torch.float64) + torch.arange(3)
    assert largest_eigenvalue(lambda v: matrix @ v, first) == pytest.approx(largest, abs=1e-9)


def test_it_is_that_of_the_dense_hessian_of_a_mixture() -> None:
    operations = ("none", "skip_connect", "nor_conv_1x1", "avg_pool_3x3")
    space = CellSpace(3, operations, 2, 1, 1, 3, 1, 5)
    mixture = Mixture.of(space, seed=1).double()
    drawn = torch.Generator().manual_seed(2)
    x = torch.randn(6, 1, 5, 5, generator=drawn, dtype=torch.float64)
    y = torch.tensor([0, 1, 2, 0, 1, 2])
    for logits in mixture.logits:
        logits.data += torch.randn(len(logits), generator=drawn)

    def loss() -> Tensor:
        found: Tensor = torch.nn.functional.cross_entropy(mixture(x), y)
        return found

    dense = dense_hessian(loss, mixture)
    product, d = hessian_product(loss, mixture.logits)
    assert d == 12
    v = torch.randn(d, generator=drawn, dtype=torch.float64)
    torch.testing.assert_close(product(v), dense @ v, rtol=1e-4, atol=1e-7)
    wanted = torch.linalg.eigvalsh(dense)[-1].item()
    found = dominant_eigenvalue(loss, mixture.logits, generator=drawn)
    assert found == pytest.approx(wanted, rel=1e-4)


def dense_hessian(loss: Loss, mixture: Mixture, eps: float = 1e-5) -> Tensor:
    """Differences of the gradient, one logit at a time."""
    rows = []
    for logits in mixture.logits:
        for i in range(len(logits)):
            sides = []
            for sign in (1.0, -1.0):
                logits.data[i] += sign * eps
                sides.append(torch.cat(first_order(loss, mixture.logits)))
                logits.data[i] -= sign * eps
            rows.append((sides[0] - sides[1]) / (2 * eps))
    return torch.stack(rows)
