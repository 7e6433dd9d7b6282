"""Parameters outside the space: random values, small changes, features."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from bonas.studies.proposing.parameters import Parameters

DISTRIBUTIONS: dict[str, BaseDistribution] = {
    "rate": FloatDistribution(1e-4, 1e-1, log=True),
    "dropout": FloatDistribution(0.0, 0.5),
    "grid": FloatDistribution(-1.0, 1.0, step=0.25),
    "depth": IntDistribution(1, 9, step=2),
    "batch": IntDistribution(8, 512, log=True),
    "norm": CategoricalDistribution(["batch", "layer", None]),
}


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.01, 0.3, 2.0]))
def test_drawn_and_perturbed_values_belong_to_their_distributions(seed: int, scale: float) -> None:
    parameters = Parameters(DISTRIBUTIONS)
    rng = np.random.default_rng(seed)
    values = parameters.sample(rng)
    for drawn in (values, parameters.perturbed(values, scale, rng)):
        assert list(drawn) == list(DISTRIBUTIONS)
        for name, distribution in DISTRIBUTIONS.items():
            assert distribution._contains(distribution.to_internal_repr(drawn[name]))
        assert isinstance(drawn["depth"], int)
        assert isinstance(drawn["rate"], float)


def test_every_value_of_a_grid_is_equally_likely() -> None:
    """Within five standard errors; the ends are not drawn half as often."""
    parameters = Parameters({"depth": DISTRIBUTIONS["depth"]})
    rng = np.random.default_rng(0)
    n = 5_000
    drawn = [parameters.sample(rng)["depth"] for _ in range(n)]
    for value in (1, 3, 5, 7, 9):
        assert abs(drawn.count(value) / n - 0.2) < 5 * math.sqrt(0.2 * 0.8 / n)


def test_features_of_numbers_are_uniform_with_variance_one() -> None:
    parameters = Parameters({"rate": DISTRIBUTIONS["rate"]})
    # the middle of the logarithms is half the width, and the width is the root of 12
    assert parameters.features({"rate": 1e-4}) == pytest.approx([0.0])
    assert parameters.features({"rate": math.sqrt(1e-5)}) == pytest.approx([math.sqrt(3)])
    assert parameters.features({"rate": 1e-1}) == pytest.approx([math.sqrt(12)])


def test_features_of_categories_are_one_hot() -> None:
    parameters = Parameters({"norm": DISTRIBUTIONS["norm"]})
    assert parameters.features({"norm": None}) == [0.0, 0.0, 1.0]
    assert parameters.widths == {"norm": 3}
