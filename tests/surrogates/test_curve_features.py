import math

import pytest

from bonas.evaluation.curve import Curve
from bonas.surrogates.curve_features import curve_features, raw_value


def _curve(*values: float, steps: tuple[int, ...] | None = None) -> Curve:
    steps = tuple(range(1, len(values) + 1)) if steps is None else steps
    return Curve(steps, values, (math.nan,) * len(values))


def test_features_of_the_own_curve_are_its_best_value_best_quarter_and_second_half() -> None:
    own = _curve(10.0, 40.0, 20.0, 30.0, 50.0, 60.0, 0.0, 20.0)
    best, high, half, *_ = curve_features(own, [])
    assert best == 60.0
    assert high == (50.0 + 60.0) / 2  # a quarter of eight values
    assert half == (50.0 + 60.0 + 0.0 + 20.0) / 4


def test_features_of_another_curve_are_its_level_mean_half_and_slope() -> None:
    other = _curve(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0)
    level, mean, half, slope = curve_features(_curve(0.0), [other])[3:]
    assert level == (9.0 + 10.0) / 2
    assert mean == 5.5
    assert half == (6.0 + 7.0 + 8.0 + 9.0 + 10.0) / 5
    assert 5 < slope < 10  # d step / d log step is the step itself


def test_slope_is_that_of_a_line_in_log_steps() -> None:
    other = _curve(*(3.0 * math.log1p(step) for step in range(1, 21)))
    assert curve_features(_curve(0.0), [other])[6] == pytest.approx(3.0)


def test_a_curve_of_one_point_has_all_features() -> None:
    assert curve_features(_curve(7.0), []) == [7.0] * 6 + [0.0]


def test_number_of_features_does_not_depend_on_the_number_of_points() -> None:
    short, long = _curve(1.0, steps=(5,)), _curve(1.0, 2.0, 3.0)
    assert len(curve_features(short, [long])) == len(curve_features(long, [short])) == 7


def test_raw_value_moves_from_the_training_value_to_the_best_score() -> None:
    own, training = _curve(50.0, 40.0), _curve(60.0, 80.0)
    assert raw_value(own, training, 0.0) == 80.0
    assert raw_value(own, training, 1.0) == 50.0
    assert raw_value(own, None, 0.1) == 50.0
