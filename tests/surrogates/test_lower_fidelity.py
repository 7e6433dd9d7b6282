"""Values at lower fidelities: checks, choice of fidelities, normal scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm

from bonas.errors import InvalidArgument
from bonas.surrogates import LowerFidelity
from bonas.surrogates.lower_fidelity import usable

NAN = float("nan")


def _lower(
    columns: list[list[float]], final: list[int], names: tuple[float, ...] = (0.1, 0.3)
) -> LowerFidelity:
    Y = torch.tensor(columns, dtype=torch.float64).T
    X = torch.arange(len(Y), dtype=torch.float64).unsqueeze(1)
    return LowerFidelity(X, Y, torch.tensor(final), names[: Y.shape[1]])


def test_normal_scores_have_the_unit_of_the_finished_trainings() -> None:
    lower = _lower([[50.0, 70.0, 1.0, 60.0, NAN]], [0, 1, -1, -1, 2])
    raw = torch.from_numpy(norm.ppf((np.array([2, 4, 1, 3]) - 0.375) / 4.25))
    finished = raw[:2]
    expected = (raw - finished.mean()) / finished.std(correction=0)
    scores = lower.normal_scores()[:, 0]
    torch.testing.assert_close(scores[:4], expected)
    assert bool(scores[4].isnan())


def test_only_the_order_of_values_counts_and_equal_ones_share_a_score() -> None:
    values = [3.0, 1.0, 1.0, 8.0, 2.0]
    one = _lower([values], [0, 1, 2, -1, -1]).normal_scores()
    other = _lower([[x**9 for x in values]], [0, 1, 2, -1, -1]).normal_scores()
    torch.testing.assert_close(one, other)
    assert one[1, 0] == one[2, 0] < one[4, 0] < one[0, 0] < one[3, 0]


def test_constant_values_and_one_finished_training_keep_scores_finite() -> None:
    assert _lower([[1.0, 1.0, 1.0]], [0, 1, -1]).normal_scores().abs().max() == 0
    assert bool(_lower([[1.0, 2.0]], [0, -1]).normal_scores().isfinite().all())


def test_columns_are_found_by_their_names() -> None:
    lower = _lower([[1.0, 2.0], [3.0, NAN]], [0, -1])
    found = lower.at([0.3, 0.5])
    assert found.fidelities == (0.3, 0.5)
    torch.testing.assert_close(found.Y[:, 0], lower.Y[:, 1], equal_nan=True)
    assert bool(found.Y[:, 1].isnan().all())


def test_a_fidelity_is_usable_if_pairs_show_what_it_tells_and_a_stopped_training_has_it() -> None:
    taught = _lower([[1.0, 2.0, 3.0], [1.0, NAN, 3.0]], [0, 1, -1])
    assert usable(None, 1, 3) is None
    assert usable(taught, 3, 3) is None
    assert list(usable(taught, 2, 3).fidelities) == [0.1]  # type: ignore[union-attr]  # not None
    assert list(usable(taught, 1, 3).fidelities) == [0.1, 0.3]  # type: ignore[union-attr]  # not None
    assert usable(_lower([[1.0, 2.0, NAN]], [0, 1, -1]), 1, 3) is None


def test_the_fidelities_with_most_stopped_trainings_are_chosen() -> None:
    lower = _lower([[1.0, 2.0, NAN, NAN], [1.0, 2.0, 3.0, 4.0]], [0, -1, -1, -1])
    assert list(usable(lower, 1, 1).fidelities) == [0.3]  # type: ignore[union-attr]  # not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Y": torch.zeros(3, 2)}, "expected encodings k x d"),
        ({"final": torch.zeros(2, dtype=torch.long)}, "expected encodings k x d"),
        ({"X": torch.zeros(3)}, "expected encodings k x d"),
        ({"Y": torch.zeros(3, 2), "fidelities": (1, 1)}, "o different fidelities"),
        ({"Y": torch.full((3, 1), torch.inf)}, "finite or NaN"),
        ({"X": torch.full((3, 1), torch.nan)}, "expected finite encodings"),
    ],
)
def test_what_does_not_fit_together_is_refused(change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {
        "X": torch.zeros(3, 1),
        "Y": torch.zeros(3, 1),
        "final": torch.zeros(3, dtype=torch.long),
        "fidelities": (0.1,),
    }
    with pytest.raises(InvalidArgument, match=message):
        LowerFidelity(**{**given, **change})
