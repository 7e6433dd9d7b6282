"""The factor from estimates to measured memory: its formula; one outlier changes little."""

from __future__ import annotations

import numpy as np
import pytest

from bonas.errors import InvalidArgument
from bonas.evaluation.memory import MemoryFactor


def test_before_anything_is_measured_it_is_that_of_the_device() -> None:
    assert MemoryFactor.of("cpu")(100e6) == pytest.approx(8e6 + 1.4 * 100e6)
    assert MemoryFactor.of("cuda")(100e6) == 100e6


def test_ten_trainings_teach_their_factor() -> None:
    prior = MemoryFactor.of("cpu")
    estimates = np.random.default_rng(0).uniform(10e6, 500e6, size=10)
    learnt = prior.learnt([(each, 0.8 * prior(each)) for each in estimates])
    assert learnt.factor == pytest.approx(0.8)
    assert learnt.trainings == 10
    assert learnt(200e6) == pytest.approx(0.8 * prior(200e6))


def test_a_single_training_changes_nothing_and_an_outlier_little() -> None:
    prior = MemoryFactor.of("cpu")
    assert prior.learnt([(100e6, 9 * prior(100e6))]).factor == pytest.approx(1.0)
    pairs = [(each * 1e6, 1.2 * prior(each * 1e6)) for each in range(10, 19)]
    assert prior.learnt([*pairs, (1e6, 50 * prior(1e6))]).factor == pytest.approx(1.2)


def test_bytes_are_above_zero() -> None:
    with pytest.raises(InvalidArgument, match="pairs of estimated and measured bytes above 0"):
        MemoryFactor.of("cpu").learnt([(0.0, 1.0)])
