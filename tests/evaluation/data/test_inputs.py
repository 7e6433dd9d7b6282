"""Facts about inputs of several arguments, and about what is a row or a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bonas.errors import InvalidData
from bonas.evaluation.data.inputs import (
    TARGETS,
    as_tensors,
    checked_arguments,
    is_structured,
    main_input,
    rows_of,
    unpack,
)

X = np.arange(6.0).reshape(3, 2)


@pytest.mark.parametrize("name", TARGETS)
def test_the_targets_of_a_mapping_have_a_name_out_of_a_few(name: str) -> None:
    inputs, targets = unpack({"x": X, name: [0, 1, 0]}, "rows")
    assert inputs.keys() == {"x"}
    assert targets == [0, 1, 0]


def test_of_several_names_the_first_has_the_targets() -> None:
    inputs, targets = unpack({"y": [1], "labels": [2], "x": [[0.5]]}, "rows")
    assert inputs.keys() == {"y", "x"}
    assert targets == [2]


def test_what_is_no_number_is_left_out_of_a_mapping() -> None:
    row = {"text": ["a"], "ragged": [[1], [1, 2]], "ids": [1, 2], "deep": {"x": X}, "labels": 0}
    assert unpack(row, "rows")[0].keys() == {"ids", "deep"}


@pytest.mark.parametrize("pair", [(X, 1), [X, 1]])
def test_a_pair_is_inputs_and_targets(pair: Any) -> None:
    assert unpack(pair, "rows") == (pair[0], 1)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ((X, 1, 2), r"expected rows, got a tuple of length 3; put several inputs into a tuple"),
        (3, r"got the int 3; put several inputs"),
        ({"x": X}, r"or mappings with inputs and with targets under one of the names .*\['x'\]"),
        ({"labels": [1]}, r"got \['labels'\]; rename one"),
        ({"text": ["a"], "labels": [1]}, r"got \['labels', 'text'\]; rename one"),
    ],
)
def test_what_has_no_inputs_or_no_targets_is_refused(item: Any, message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        unpack(item, "rows")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((X, X), True),
        ([X], True),
        ({}, True),
        ((), False),
        ([1, 2], False),
        ((X, 1), False),
        ((X, torch.tensor(1)), False),
        (X, False),
    ],
)
def test_several_inputs_are_mappings_or_sequences_of_arrays(value: Any, expected: bool) -> None:
    assert is_structured(value) is expected


def test_floats_become_float32_and_other_types_stay() -> None:
    given = {
        "double": X,
        "half": torch.zeros(3, dtype=torch.float16),
        "bytes": np.zeros(3, np.uint8),
        "truth": torch.ones(3, dtype=torch.bool),
        "complex": X * 1j,
        "nested": {"ids": [X.astype(int)]},
    }
    found = as_tensors(given)
    kinds = [torch.float32, torch.float32, torch.uint8, torch.bool, torch.complex64]
    assert [found[name].dtype for name in list(given)[:5]] == kinds
    assert found["nested"]["ids"][0].dtype == torch.int64


def test_a_tensor_leaves_its_graph_and_an_array_is_copied() -> None:
    weight = torch.ones(2, requires_grad=True)
    assert not as_tensors(weight * 2).requires_grad
    array = np.zeros(2)
    tensor = as_tensors(array)
    array[:] = 1
    assert tensor.tolist() == [0.0, 0.0]


def test_words_are_refused_as_inputs() -> None:
    with pytest.raises(InvalidData, match="inputs that are numbers, got a list of length 1; leave"):
        as_tensors({"text": ["a"]})


def test_a_tuple_of_arrays_is_several_inputs_or_one_per_row() -> None:
    several = checked_arguments((X, X))
    assert isinstance(several, tuple)
    rows = checked_arguments((X[0], X[1]), rows=2)
    assert isinstance(rows, torch.Tensor)
    assert rows.shape == (2, 2)


@pytest.mark.parametrize(
    ("x", "sizes"), [((X, X[:2]), r"\['2', '3'\]"), ({"a": X, "b": torch.tensor(1)}, r"\['3', 'No")]
)
def test_inputs_of_different_lengths_are_refused(x: Any, sizes: str) -> None:
    with pytest.raises(InvalidData, match=rf"same number of rows in each argument, got .* {sizes}"):
        checked_arguments(x)


def test_the_main_input_is_the_token_ids_or_the_first() -> None:
    first, ids = torch.zeros(1), torch.ones(1)
    assert main_input({"mask": first, "input_ids": ids}) is ids
    assert main_input({"mask": first, "ids": ids}) is first
    assert main_input(((first,), ids)) is first


def test_rows_are_taken_of_all_inputs() -> None:
    found = rows_of({"a": torch.arange(5), "b": (torch.arange(10).reshape(5, 2),)}, [1, 3])
    assert found["a"].tolist() == [1, 3]
    assert found["b"][0].tolist() == [[2, 3], [6, 7]]
