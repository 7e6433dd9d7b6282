"""The recipe of a training: its default rates."""

from __future__ import annotations

import pytest

from bonas.evaluation.training.recipe import default_rates


def test_a_fine_tuning_has_a_tenth_of_the_default_rate() -> None:
    assert default_rates("adamw", None, None, is_fine_tuning=True) == pytest.approx((0.0003, 0.01))
    assert default_rates("sgd", None, None, is_fine_tuning=True) == pytest.approx((0.01, 0.0005))


def test_a_rate_that_is_given_stays() -> None:
    assert default_rates("adamw", 0.002, None, is_fine_tuning=True) == (0.002, 0.01)
