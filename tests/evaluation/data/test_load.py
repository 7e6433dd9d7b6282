"""Facts about the data that networks are trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from listed import Listed
from sklearn.datasets import load_digits
from torch import Tensor
from torch.utils.data import IterableDataset, TensorDataset

from bonas.errors import BonasError, InvalidArgument, InvalidData
from bonas.evaluation import Splits, load
from bonas.evaluation.data.sealed import opened

X = np.arange(40.0).reshape(20, 2)
Y = np.arange(20) % 2


class Streamed(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter([])


def listed(x: Any = X, y: Any = Y) -> Listed:
    return Listed([(torch.as_tensor(a), b) for a, b in zip(x, y, strict=True)])


def rows_of(part: Any) -> list[tuple[float, ...]]:
    """Return the inputs of one part; those of X are all different."""
    return [tuple(np.ravel(part[i][0]).tolist()) for i in range(len(part))]


def parts_of(splits: Splits) -> list[Any]:
    held_out = [] if splits.test is None else [opened(splits.test)]
    return [splits.train, splits.validation, *held_out]


@given(
    counts=st.lists(st.integers(5, 20), min_size=2, max_size=4),
    seed=st.integers(0, 2**40),
    general=st.booleans(),
)
def test_every_row_is_in_exactly_one_part(counts: list[int], seed: int, general: bool) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    x = np.arange(float(len(y))).reshape(-1, 1)
    splits = load(listed(x, y) if general else (x, y), seed=seed)
    rows = [row for part in parts_of(splits) for row in rows_of(part)]
    assert sorted(rows) == rows_of(listed(x, y))


def test_each_part_has_the_classes_in_the_same_shares() -> None:
    y = np.repeat([0, 1], [75, 25])
    splits = load((np.zeros((100, 3)), y))
    assert [len(part) for part in parts_of(splits)] == [60, 20, 20]
    shares = [np.mean([int(part[i][1]) for i in range(len(part))]) for part in parts_of(splits)]
    assert shares == [0.25, 0.25, 0.25]


def test_a_seed_gives_one_split_and_another_seed_another() -> None:
    first, same, other = (rows_of(load((X, Y), seed=seed).train) for seed in (1, 1, 2))
    assert first == same
    assert sorted(first) != sorted(other)


def test_no_test_rows_are_kept_when_their_share_is_0() -> None:
    splits = load((X, Y), test=0, validation=0.25)
    assert splits.test is None
    assert (len(splits.train), len(splits.validation)) == (15, 5)


def test_the_split_leaves_the_global_random_state_alone() -> None:
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002 - watched
    load("digits")
    assert np.array_equal(np.random.get_state()[1], before[0])  # noqa: NPY002 - watched
    assert torch.equal(torch.get_rng_state(), before[1])


def test_digits_are_standardised_by_the_training_rows() -> None:
    splits = load("digits")
    assert (splits.classes, splits.input_shape, splits.name) == (10, (1, 8, 8), "digits")
    train = splits.train[:][0]
    assert train.dtype == torch.float32
    assert float(train.mean()) == pytest.approx(0, abs=1e-5)
    assert float(train.std()) == pytest.approx(1, abs=1e-5)
    everything = torch.cat([part[:][0] for part in parts_of(splits)])
    pixels = torch.from_numpy(load_digits().images).flatten().sort().values
    back = (everything.flatten().sort().values - everything.min()) * 16
    assert torch.allclose(back / (everything.max() - everything.min()), pixels.float(), atol=1e-3)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X, Y),
        (X.tolist(), Y.tolist()),
        (X.astype(np.uint8), Y.astype(np.uint8)),
        (X[::-1], Y[::-1]),
        (torch.tensor(X, requires_grad=True), torch.tensor(Y)),
        (torch.tensor(X, dtype=torch.bfloat16), torch.tensor(Y, dtype=torch.int32)),
        (X, Y.astype(float)),
        (X, Y.astype(bool)),
    ],
    ids=["arrays", "lists", "bytes", "reversed", "grad", "bfloat16", "float labels", "bool labels"],
)
def test_inputs_become_float32_and_labels_int64(x: Any, y: Any) -> None:
    splits = load((x, y))
    inputs, labels = splits.train[:]
    assert (inputs.dtype, labels.dtype) == (torch.float32, torch.int64)
    assert (splits.classes, splits.input_shape) == (2, (2,))
    assert not inputs.requires_grad


def test_the_splits_are_a_copy() -> None:
    x, y = X.astype(np.float32), torch.tensor(Y)
    splits = load((x, y))
    before = splits.train[:][0].clone()
    x[:] = 0
    assert torch.equal(splits.train[:][0], before)


def test_a_read_only_array_is_welcome() -> None:
    x = X.astype(np.float32)
    x.flags.writeable = False
    assert load((x, Y)).input_shape == (2,)


def test_a_tensor_data_set_is_a_pair() -> None:
    pair = (torch.tensor(X), torch.tensor(Y))
    from_pair, from_set = load(pair), load(TensorDataset(*pair))
    assert from_pair.name == from_set.name
    assert torch.equal(from_pair.train[:][0], from_set.train[:][0])


def test_a_pair_and_a_data_set_of_the_same_rows_are_split_alike() -> None:
    from_pair, from_set = load((X, Y), seed=3), load(listed(), seed=3)
    assert [rows_of(a) for a in parts_of(from_pair)] == [rows_of(a) for a in parts_of(from_set)]
    assert from_pair.name.startswith(f"{from_set.name}, inputs ")  # what is read later has no name


def test_a_single_other_bit_of_the_inputs_gives_the_data_another_name() -> None:
    other = X.astype(np.float32)
    other[0, 0] = np.nextafter(other[0, 0], np.float32(9))
    name = load((X, Y)).name
    assert load((other, Y)).name != name
    assert load((X.astype(np.float32), Y)).name == name
    assert load((X[:, ::-1], Y)).name != name


def test_targets_spare_reading_every_row() -> None:
    data = listed()
    data.targets = Y.tolist()  # type: ignore[attr-defined]  # as torchvision's data sets have
    assert load(data).classes == 2
    assert set(data.read) == {0}


def test_transformed_targets_are_read_row_by_row() -> None:
    data = listed(y=1 - Y)
    data.targets, data.target_transform = Y, lambda y: 1 - y  # type: ignore[attr-defined]
    plain = load(listed(y=1 - Y))
    assert load(data).name == plain.name
    assert set(data.read) == set(range(20))


def test_other_labels_or_shapes_make_another_name() -> None:
    names = {load((X, Y)).name, load((X, 1 - Y)).name, load((X.reshape(20, 2, 1), Y)).name}
    assert len(names) == 3


NOT_A_NUMBER = X.copy()
NOT_A_NUMBER[7, 1] = np.nan


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((X, Y[:19]), r"got 20 inputs and 19 labels; give one label for each row"),
        ((NOT_A_NUMBER, Y), r"finite in float32, got 1 of 20 rows .* at index 7; remove"),
        ((X * 1e300, Y), r"finite in float32, got 20 of 20 rows"),
        ((np.arange(20.0), Y), r"shape n x \.\.\., got shape \(20,\); give each row its own axis"),
        ((X.astype(str), Y), r"inputs that are real numbers, got a ndarray of type <U"),
        ((X, Y + 1j), r"labels that are real numbers, got a ndarray of type complex128"),
        (
            (NOT_A_NUMBER + 1j, Y),
            r"finite in float32, got 1 of 20 rows .* first at index 7; remove",
        ),
        (([[1.0], [1.0, 2.0]], [0, 1]), r"inputs that form an array.*every row the same shape"),
        ((X, Y + 1), r"labels 0 to classes - 1, each at least once, got \[1, 2\]; renumber"),
        ((X, 2 * Y), r"got \[0, 2\]; renumber"),
        ((X, Y - 1), r"got \[-1, 0\]; renumber"),
        ((X, Y + 0.5), r"got \[0\.5, 1\.5\]; renumber"),
        ((X, np.where(Y, np.inf, 0)), r"got \[0\.0, inf\]; renumber"),
        ((X, np.arange(20) * 10**12), r"got \[0, 1000000000000, .*, \.\.\.\]; renumber"),
        ((X, np.eye(2)[Y]), r"labels of shape n, got shape \(20, 2\); .*argmax"),
        ((X, np.array(["a", "b"])[Y]), r"labels that are real numbers.*<U1; turn them"),
        ((X, 0 * Y), r"at least 2 classes, got \[0\]; add rows of another class"),
        ((X[:0], Y[:0]), r"at least 2 classes, got \[\]"),
        ((X[:4], Y[:4]), r"enough rows to split 2 classes .* got 4 rows, 2 of class 0; add rows"),
        ((X, [1] + 19 * [0]), r"got 20 rows, 1 of class 1; add rows, leave out rare classes"),
        (Listed([1, 2, 3]), r"rows \(input, label\) of Listed, got the int 1 at index 0"),
        (Listed([("picture", 0)]), r"tensor or an array as the input at index 0.*transform"),
        (Listed([(X[0], 0), (X[1], "cat")]), r"as the label at index 1, got the str 'cat'"),
        (Listed([(X[0], 0), (X[1], [0, 1])]), r"at index 1, got a list of length 2"),
        (Listed([(X[0], 0), (X[1], 2)]), r"labels 0 to classes - 1.*got \[0\.0, 2\.0\]"),
    ],
)
def test_unusable_data_is_refused(data: Any, message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        load(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            "cifar",
            r"unknown data set 'cifar'; expected one of 'breast-cancer', 'diabetes', 'digits'",
        ),
        (None, r"a name, a pair \(inputs, labels\) or a torch Dataset, got a NoneType; give one"),
        ((X,), r"got a tuple of length 1"),
        (X, r"got a ndarray"),
        (TensorDataset(torch.zeros(3, 2)), r"got a tuple of length 1"),
        (Streamed(), r"with a length and an index, got a Streamed; give it __len__"),
        (Listed([]), r"at least one row, with a length"),
    ],
)
def test_data_of_another_kind_is_refused(data: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        load(data)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"validation": 0}, r"validation > 0 and validation \+ test < 1, got 0 and 0\.2"),
        ({"validation": 0.5, "test": 0.5}, r"got 0\.5 and 0\.5; the rest is for training"),
        ({"validation": 360}, r"validation must be a share of the rows in \[0, 1\), got 360"),
        ({"test": -0.1}, r"test must be a share .* got -0\.1"),
        ({"test": float("nan")}, r"test must be a share .* got nan"),
        ({"test": True}, r"test must be a share .* got True"),
        ({"validation": "0.2"}, r"validation must be a share .* got '0\.2'"),
    ],
)
def test_shares_that_leave_nothing_are_refused(shares: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        load((X, Y), **shares)


def test_the_cause_of_a_failed_split_is_kept() -> None:
    with pytest.raises(BonasError) as caught:
        load((X[:4], Y[:4]))
    assert isinstance(caught.value.__cause__, ValueError)


def test_inputs_may_have_any_number_of_axes() -> None:
    inputs: Tensor = load((X.reshape(20, 1, 2, 1), Y)).train[:][0]
    assert inputs.shape == (12, 1, 2, 1)
