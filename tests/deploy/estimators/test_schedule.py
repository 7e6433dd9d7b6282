from __future__ import annotations

import pytest
import torch

from bonas.deploy.estimators.schedule import Schedule, seconds_per_step
from bonas.spaces import MLPSpace


def test_a_full_training_sees_about_as_many_batches_whatever_the_rows() -> None:
    small, large = Schedule.of("table", 400), Schedule.of("table", 20_000)
    assert (small.epochs, small.batch_size) == (60, 32)  # the most epochs: 720 batches
    assert (large.epochs, large.batch_size) == (10, 128)  # the fewest: 1,560 batches


def test_given_epochs_and_batches_hold() -> None:
    schedule = Schedule.of("images", 1_000, epochs=3, batch_size=50)
    assert (schedule.epochs, schedule.full, schedule.batch_size) == (3, 3, 50)
    assert schedule.within(1e-3, 1.0, fixed_epochs=True).epochs == 3


def test_thirty_trainings_fit_into_the_time_if_one_has_an_epoch() -> None:
    schedule = Schedule(60, 3_200, 60, 32).within(300.0, 0.01, fixed_epochs=False)
    assert (schedule.epochs, schedule.rows) == (8, 3_200)  # 300 / (30 * 1.15 * 100 * 0.01) = 8.7
    assert schedule.full == 60


def test_where_no_epoch_fits_twenty_trainings_have_fewer_rows() -> None:
    schedule = Schedule(60, 32_000, 60, 32).within(11.5, 0.01, fixed_epochs=False)
    assert (schedule.epochs, schedule.rows) == (1, 1_600)  # 11.5 / (20 * 11.5) of them
    assert Schedule(60, 32_000, 60, 32).within(0.1, 0.01, fixed_epochs=False).rows == 500


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, (20, 1_000)),
        (30.0, (20, 1_000)),
        (10.5, (10, 1_000)),
        (0.5, (1, 500)),
        (-3, (1, 400)),
    ],
)
def test_a_retraining_ends_with_the_budget(
    seconds: float | None, expected: tuple[int, int]
) -> None:
    schedule = Schedule(epochs=4, rows=400, full=20, batch_size=32)
    assert schedule.retraining(seconds, per_row=1e-3, n=1_000) == expected


def test_a_schedule_survives_its_storage() -> None:
    schedule = Schedule(4, 400, 20, 32)
    assert Schedule.stored(schedule.stored_value()) == schedule
    assert (
        Schedule.stored([1, 2, 3]) is Schedule.stored("no") is Schedule.stored([0, 1, 1, 1]) is None
    )


def test_steps_are_timed_and_failing_networks_left_out() -> None:
    space = MLPSpace(4, 2, max_dropout=0.5)
    assert 0 < seconds_per_step(space, torch.randn(8, 4), 1, "cpu", 0) < 10
    assert seconds_per_step(space, torch.randn(8, 5), 1, "cpu", 0) == 0
