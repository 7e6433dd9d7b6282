"""Facts about targets: which task they make, and what of them a training needs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from listed import Listed
from torch import Tensor

from bonas.errors import InvalidArgument, InvalidData
from bonas.evaluation import Splits, load
from bonas.evaluation.data.sealed import opened

X = np.arange(40.0).reshape(20, 2)
Y = np.arange(20) % 2
AMOUNTS = np.linspace(-1.5, 8.0, 20)
TOKENS = np.arange(80).reshape(20, 4) % 9
NEXT = (TOKENS + 1) % 9


def all_targets(splits: Splits) -> Tensor:
    assert splits.test is not None
    parts = (splits.train, splits.validation, opened(splits.test))
    return torch.cat([part[:][1] for part in parts])  # type: ignore[index]  # all are tensors


@pytest.mark.parametrize("rows", [False, True], ids=["pair", "data set"])
@pytest.mark.parametrize(
    ("x", "y", "task"),
    [
        (X, Y, "classification"),
        (X, Y.astype(float), "classification"),
        (X, (np.arange(20) % 4).astype(float), "classification"),
        (X, AMOUNTS, "regression"),
        (X, AMOUNTS.astype(np.float32), "regression"),
        (X, 10.0 * np.arange(20), "regression"),
        (X, np.stack([AMOUNTS, -AMOUNTS], 1), "regression"),
        (X, AMOUNTS[:, None], "regression"),
        (TOKENS, NEXT, "next_token"),
        (TOKENS, Y, "classification"),
        (TOKENS, AMOUNTS, "regression"),
    ],
)
def test_the_task_follows_from_the_targets(x: Any, y: Any, task: str, rows: bool) -> None:
    assert load(Listed(zip(x, y, strict=True)) if rows else (x, y)).task == task


@pytest.mark.parametrize(
    ("y", "task"),
    [(np.arange(20) % 4, "regression"), (Y, "regression"), (Y.astype(float), "classification")],
)
def test_a_given_task_is_the_task(y: Any, task: Any) -> None:
    assert load((X, y), task=task).task == task
    assert load(Listed(zip(X, y, strict=True)), task=task).task == task


def test_numbers_become_columns_of_doubles() -> None:
    one, two = load((X, AMOUNTS)), load((X, np.stack([AMOUNTS, Y], 1)))
    assert (one.outputs, two.outputs, one.classes) == (1, 2, 0)
    targets = all_targets(one)
    assert (targets.dtype, targets.shape) == (torch.float64, (20, 1))
    assert sorted(targets.flatten().tolist()) == AMOUNTS.tolist()


def test_whole_sequences_are_token_ids() -> None:
    splits = load((TOKENS.astype(np.int32), NEXT))
    inputs, targets = splits.train[:]
    assert (inputs.dtype, targets.dtype) == (torch.int64, torch.int64)
    assert torch.equal(targets, (inputs + 1) % 9)
    assert (splits.classes, splits.vocabulary, splits.outputs) == (9, 9, 9)
    labelled = load((TOKENS + 3, Y))
    assert (labelled.classes, labelled.vocabulary) == (2, 12)


@pytest.mark.parametrize("x", [TOKENS.astype(np.uint8), TOKENS.reshape(20, 2, 2), TOKENS * 1.0])
def test_bytes_images_and_floats_are_no_token_ids(x: Any) -> None:
    splits = load((x, Y))
    assert splits.train[:][0].dtype == torch.float32
    assert splits.vocabulary == 0


def test_a_vocabulary_holds_what_only_the_targets_have() -> None:
    """Check by hand: inputs 0 to 2, and the token 3 follows the last of them."""
    inputs = np.tile([[0, 1, 2]], (10, 1))
    assert load((inputs, inputs + 1)).vocabulary == 4


@pytest.mark.parametrize(
    "pair", [(X, AMOUNTS), (TOKENS, NEXT), (X, np.stack([AMOUNTS, AMOUNTS**2], 1))]
)
def test_a_pair_and_a_data_set_of_the_same_rows_agree(pair: Any) -> None:
    first, second = load(pair, seed=3), load(Listed(zip(*pair, strict=True)), seed=3)
    facts = [(s.classes, s.outputs, s.input_shape, s.scale) for s in (first, second)]
    assert facts[0] == facts[1]
    assert first.name.startswith(second.name)
    rows = [second.train[i][0].tolist() for i in range(len(second.train))]
    assert rows == first.train[:][0].tolist()


@given(seed=st.integers(0, 2**40), n=st.integers(5, 40))
def test_every_row_without_a_label_is_in_exactly_one_part(seed: int, n: int) -> None:
    x = np.arange(float(n))[:, None]
    splits = load((x, x + 0.5), seed=seed)
    assert sorted(all_targets(splits).flatten().tolist()) == (x + 0.5).flatten().tolist()


NOT_FINITE = AMOUNTS.copy()
NOT_FINITE[4] = np.nan


@pytest.mark.parametrize(
    ("data", "task", "message"),
    [
        (
            (X, NOT_FINITE),
            None,
            r"targets that are finite .* 1 of 20 rows .* first at index 4; remove",
        ),
        ((X, AMOUNTS * 1e300), None, r"targets that are finite in float32, got 19 of 20"),
        ((X, AMOUNTS[:19]), None, r"got 20 inputs and 19 targets; give one target for each row"),
        (
            (X, np.zeros((20, 0))),
            "regression",
            r"shape n or n x columns, got shape \(20, 0\)",
        ),
        ((X[:2], AMOUNTS[:2]), "regression", r"enough rows to split with 0\.2 .*got 2; add rows"),
        ((X, AMOUNTS), "classification", r"labels 0 to classes - 1.*task='regression' if they are"),
        ((X, 3 * Y), None, r"got \[0, 3\]; renumber"),
        ((X, np.eye(3)[np.arange(20) % 3]), None, r"labels of shape n, .*argmax"),
        (
            (X, Y),
            "next_token",
            r"one token id for each of the inputs of shape \(20, 2\), got shape",
        ),
        ((TOKENS, NEXT[:, :3]), "next_token", r"got shape \(20, 3\); shift the inputs by one"),
        ((TOKENS, NEXT - 1), None, r"token ids of at least 0, got \[-1, .*; number the tokens"),
        ((TOKENS, NEXT * 1.0), "next_token", r"token ids of at least 0, got .* of type float64"),
        ((TOKENS - 1, Y), None, r"token ids of at least 0, got -1; .* as floats"),
        (
            Listed(zip(X, [0.5] * 19 + ["a"], strict=True)),
            "regression",
            r"a number as the target at index 19, got the",
        ),
        (
            Listed(zip(X, [np.zeros(1)] * 19 + [np.zeros(2)], strict=True)),
            None,
            r"labels that form an array",
        ),
        (
            Listed(zip([torch.arange(3)] * 19 + [torch.arange(4)], Y, strict=True)),
            None,
            r"inputs that form an array",
        ),
    ],
)
def test_unusable_targets_are_refused(data: Any, task: Any, message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        load(data, task=task)


@pytest.mark.parametrize("task", ["regress", 1, True])
def test_an_unknown_task_is_refused(task: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"unknown task .*; expected one of 'classification'"):
        load((X, Y), task=task)
