import numpy as np
import pytest
import torch
from botorch.utils.multi_objective.hypervolume import Hypervolume as Botorch
from botorch.utils.multi_objective.pareto import is_non_dominated
from hypothesis import given
from hypothesis import strategies as st

from bonas.report.statistics.hypervolume import Hypervolume, exact_shares, sampled_shares


def independent(unit: np.ndarray) -> float:
    points = torch.from_numpy(unit)
    return Botorch(torch.zeros(unit.shape[1], dtype=torch.float64)).compute(
        points[is_non_dominated(points)]
    )


@given(st.integers(1, 3), st.integers(1, 40), st.integers(0, 100))
def test_the_volume_after_each_point_is_that_of_botorch(m: int, n: int, seed: int) -> None:
    unit = np.random.default_rng(seed).integers(0, 6, (n, m)) / 5  # with ties
    shares = exact_shares(unit)
    for row in {0, n // 2, n - 1}:
        assert shares[row] == pytest.approx(independent(unit[: row + 1]), abs=1e-6)


@pytest.mark.parametrize("m", [2, 4, 5])
def test_an_estimated_volume_is_within_five_standard_errors(m: int) -> None:
    unit = np.random.default_rng(m).random((12, m)) ** 0.3
    for row, share in enumerate(sampled_shares(unit)):
        exact = independent(unit[: row + 1])
        assert abs(share - exact) < 5 * np.sqrt(exact * (1 - exact) / 2**14)


@given(st.integers(2, 5), st.integers(1, 30), st.integers(0, 20))
def test_it_never_falls_and_is_a_share(m: int, n: int, seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal((n, m))
    found = Hypervolume.of(values)
    assert (np.diff(found.shares) >= -1e-12).all()
    assert found.shares[0] > 0
    assert found.shares[-1] <= 1
    assert (found.reference < values.min(axis=0)).all()


def test_units_do_not_matter() -> None:
    values = np.random.default_rng(0).standard_normal((20, 3))
    scaled = values * [1e-3, 1.0, 1e6] + [5.0, 0.0, -1e6]
    assert Hypervolume.of(scaled).shares == pytest.approx(Hypervolume.of(values).shares, rel=1e-6)


@pytest.mark.parametrize("rows", [[[1.0, 2.0]], [[3.0, 3.0]] * 4, [[1e308, 0.0], [-1e308, 1.0]]])
def test_single_equal_and_huge_values_are_no_trouble(rows: list[list[float]]) -> None:
    assert np.isfinite(Hypervolume.of(np.array(rows)).shares).all()
