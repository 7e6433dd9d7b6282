"""Optuna's own contract for samplers, with and without a space, at the start and with a model."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)

import bonas


class TestAtTheStart(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: bonas.ArchitectureSampler(seed=0)


class TestWithAModel(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    """The model is asked from the second trial on."""

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: bonas.ArchitectureSampler(n_initial=1, seed=0)


class TestWithASpace(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    """Parameters that are not the space's are drawn, and later modelled, all the same."""

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: bonas.ArchitectureSampler(
            bonas.spaces.CellSpace(nodes=2), surrogate="gp", n_initial=2, seed=0
        )
