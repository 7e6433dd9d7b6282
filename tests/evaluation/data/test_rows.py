"""Facts about numbers in the many forms in which users have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bonas.errors import InvalidData
from bonas.evaluation.data.rows import (
    are_tokens,
    as_numpy,
    check_finite,
    checked_inputs,
    kind_of,
    number_array,
)


class Frame:
    """The part of a table of pandas that bonas uses."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def to_numpy(self) -> Any:
        return self.values


@pytest.mark.parametrize(
    ("axes", "floats", "size", "expected"),
    [(1, False, 8, True), (1, False, 2, True), (1, False, 1, False), (1, True, 8, False)]
    + [(n, False, 8, False) for n in (0, 2, 3)],
)
def test_token_ids_are_sequences_of_whole_numbers_but_no_bytes(
    axes: int, floats: bool, size: int, expected: bool
) -> None:
    assert are_tokens(axes, floats, size) is expected


def test_columns_of_objects_become_numbers_where_they_can() -> None:
    mixed = np.array([1, 2.5, True], dtype=object)
    assert as_numpy(Frame(mixed)).tolist() == [1.0, 2.5, 1.0]
    words = np.array([1, "a"], dtype=object)
    assert as_numpy(Frame(words)).dtype == object
    assert as_numpy("text") == "text"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((1, 2), "a tuple of length 2"),
        ([], "a list of length 0"),
        ("a", "the str 'a'"),
        (0.5, "the float 0.5"),
        (np.zeros(3), "a ndarray"),
        (None, "a NoneType"),
    ],
)
def test_an_error_says_what_came(value: Any, text: str) -> None:
    assert kind_of(value) == text


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, False], "b"),
        ([1, 2], "i"),
        ([0.5], "f"),
        (torch.tensor([1.0], dtype=torch.bfloat16), "f"),
        (torch.tensor([1.0], requires_grad=True), "f"),
        ([torch.tensor([1, 2]), torch.tensor([3, 4])], "i"),
        (Frame(np.array([1, 2], dtype=object)), "f"),
    ],
)
def test_real_numbers_of_any_kind_become_an_array(values: Any, kind: str) -> None:
    assert number_array(values, "labels").dtype.kind == kind


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a"], "expected labels that are real numbers, got a list of length 1 of type <U1; turn"),
        ([1j], "real numbers, got a list of length 1 of type complex128"),
        (np.array(["a", 1], dtype=object), "numbers, got a ndarray of type object"),
        (
            [[1], [1, 2]],
            "that form an array, got a list of length 2 that does not: .*; give",
        ),
    ],
)
def test_other_values_are_refused(values: Any, message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        number_array(values, "labels")


@pytest.mark.parametrize("make", [np.asarray, torch.as_tensor], ids=["array", "tensor"])
def test_arrays_and_tensors_become_the_same_inputs(make: Any) -> None:
    for values in ([[1, 2], [3, 4]], [[0.5, 1.0]], [[1 + 1j, 2]], [[[1]], [[2]]]):
        found, expected = checked_inputs(make(values)), checked_inputs(np.asarray(values))
        assert found.dtype == expected.dtype
        assert torch.equal(found, expected)


def test_no_rows_are_finite_and_have_no_lowest_token() -> None:
    assert checked_inputs(np.zeros((0, 3))).shape == (0, 3)
    assert checked_inputs(np.zeros((0, 3), dtype=int)).dtype == torch.int64


def test_the_first_row_that_is_not_finite_is_named() -> None:
    check_finite(torch.tensor([True, True]), "inputs")
    with pytest.raises(InvalidData, match="got 2 of 4 rows that are not, the first at index 1"):
        check_finite(torch.tensor([True, False, True, False]), "inputs")
