from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bonas.deploy.estimators.inputs import Preparation, kind_of_rows
from bonas.errors import InvalidArgument, InvalidData

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("shape", "dtype", "kind", "prepared"),
    [
        ((9, 5), np.float64, "table", (5,)),
        ((9, 5), np.int64, "table", (5,)),
        ((9, 12, 12), np.float32, "images", (1, 12, 12)),
        ((9, 6, 10), np.uint8, "images", (1, 6, 10)),
        ((9, 6, 10), np.float32, "sequences", (6, 10)),
        ((9, 5, 5), np.float32, "sequences", (5, 5)),
        ((9, 3, 12, 10), np.float32, "images", (3, 12, 10)),
        ((9, 12, 10, 3), np.uint8, "images", (3, 12, 10)),
        ((9, 3, 12, 3), np.uint8, "images", (3, 12, 3)),  # ambiguous: channels first
    ],
)
def test_shape_and_type_say_what_rows_are(
    shape: tuple[int, ...], dtype: Any, kind: str, prepared: tuple[int, ...]
) -> None:
    X = (RNG.random(shape) * 200).astype(dtype)
    preparation = Preparation.of(X)
    assert (kind_of_rows(X), preparation.kind, preparation.shape) == (kind, kind, prepared)
    assert tuple(preparation(X).shape) == (9, *prepared)


def test_columns_are_standardised_as_by_hand_and_constant_ones_become_zero() -> None:
    X = np.array([[1.0, 7.0, 1e12], [3.0, 7.0, 1e12 + 2]])
    found = Preparation.of(X)(np.array([[5.0, 7.0, 1e12 + 1]]))
    assert found.tolist() == [[3.0, 0.0, 0.0]]  # means 2, 7 and 1e12 + 1, deviations 1, 1 and 1


def test_channels_last_become_the_same_tensor_as_channels_first() -> None:
    first = RNG.integers(0, 255, (5, 3, 9, 8), dtype=np.uint8)
    last = np.moveaxis(first, 1, -1)
    one, other = Preparation.of(first)(first), Preparation.of(last)(last)
    assert (one == other).all()
    assert abs(one.mean(dim=(0, 2, 3))).max() < 1e-6
    assert one.std(dim=(0, 2, 3), correction=0).tolist() == pytest.approx([1, 1, 1])


def test_unknown_tokens_share_an_id_of_their_own() -> None:
    preparation = Preparation.of(np.array([[3, 70], [3, 9]]), "tokens")
    assert preparation.vocabulary == 4  # 3, 9, 70 and the unknown one
    assert preparation(np.array([[3, 9], [70, 71], [0, 4]])).tolist() == [[0, 1], [2, 3], [3, 3]]


@pytest.mark.parametrize(
    ("X", "declared", "message"),
    [
        (np.zeros((3, 2, 2, 2, 2)), None, "got 5 axes"),
        (np.zeros((3, 2)), "images", "expected 3 or 4 axes"),
        (np.array([[0.5, 1.0]]), "tokens", "expected token ids"),
        (np.array([[-1, 1]]), "tokens", "expected token ids"),
        (np.array([[1e200], [-1e200]]), None, "standard deviation is finite"),
    ],
)
def test_unsuited_rows_are_refused(X: Any, declared: Any, message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        Preparation.of(X, declared)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="kind of inputs 'audio'"):
        Preparation.of(np.zeros((3, 2)), "audio")  # type: ignore[arg-type]  # a wrong name


def test_rows_of_another_shape_or_beyond_float32_are_refused() -> None:
    preparation = Preparation.of(RNG.random((4, 2)))
    with pytest.raises(InvalidData, match=r"expected rows of shape \(2,\)"):
        preparation(np.zeros((1, 3)))
    with pytest.raises(InvalidData, match="finite in float32"):
        preparation(np.full((1, 2), 1e300))
