"""Facts about data given as two loaders."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from bonas.errors import InvalidArgument, InvalidData
from bonas.evaluation import load


def loader(x: Any, y: Any, batch: int = 4, **settings: Any) -> DataLoader[Any]:
    return DataLoader(TensorDataset(torch.as_tensor(x), torch.as_tensor(y)), batch, **settings)


X = torch.arange(24.0).reshape(12, 2)
Y = torch.arange(12) % 3
TOKENS = torch.arange(24).reshape(12, 2)


@pytest.mark.parametrize(
    ("x", "y", "facts"),
    [
        (X, Y, ("classification", 3, 3, 0, (2,))),
        (X, Y + 0.25, ("regression", 0, 1, 0, (2,))),
        (X, torch.stack([Y + 0.25, Y], 1), ("regression", 0, 2, 0, (2,))),
        (TOKENS, TOKENS + 1, ("next_token", 25, 25, 25, (2,))),
        (TOKENS, Y, ("classification", 3, 3, 24, (2,))),
        (X.reshape(12, 1, 2, 1), Y, ("classification", 3, 3, 0, (1, 2, 1))),
    ],
)
def test_loaders_are_used_as_they_are(x: Any, y: Any, facts: tuple[Any, ...]) -> None:
    train, validation = loader(x[:8], y[:8], 3, shuffle=True), loader(x[8:], y[8:])
    splits = load((train, validation), validation=0.5)
    assert splits.train is train
    assert splits.validation is validation
    assert splits.test is None
    assert facts == (
        splits.task,
        splits.classes,
        splits.outputs,
        splits.vocabulary,
        splits.input_shape,
    )


def test_loaders_have_counts_and_scale_of_their_training_rows() -> None:
    labelled = load((loader(X[:6], Y[:6]), loader(X[6:], Y[6:])))
    assert labelled.counts == (2, 2, 2)
    measured = load((loader(X[:2], [1.0, 4.0]), loader(X[2:], torch.full((10,), 99.5))))
    assert measured.scale is not None
    assert (measured.scale.mean, measured.scale.deviation) == ((2.5,), (1.5,))


def test_the_name_of_loaders_does_not_depend_on_their_order() -> None:
    def name(y: Any, **settings: Any) -> str:
        return load((loader(X[:8], y[:8], **settings), loader(X[8:], y[8:]))).name

    assert name(Y) == name(Y, shuffle=True)
    assert name(Y) != name(Y.clamp(max=1))
    assert name(Y).startswith("loaders, 8 x 4 x 2, labels ")


def test_reading_loaders_leaves_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    load((loader(X, Y, shuffle=True), loader(X, Y)))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_random_state_has_no_effect_on_what_is_read() -> None:
    """Drop a batch of 5 out of 12 numbers: the same one, whatever was drawn before."""
    scales = set()
    for seed in range(4):
        torch.manual_seed(seed)
        train = loader(X, torch.linspace(0, 1, 12) ** 2, 7, shuffle=True, drop_last=True)
        scales.add(load((train, loader(X, torch.rand(12)))).scale)
    assert len(scales) == 1


class Streamed(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return zip(X, Y, strict=True)


def lengths() -> DataLoader[Any]:
    """Return batches of sequences of different lengths."""
    rows = [(torch.arange(n), torch.arange(n)) for n in (2, 3)]
    return DataLoader(rows, 1)  # type: ignore[arg-type]  # a list is a data set to torch


@pytest.mark.parametrize(
    ("train", "error", "message"),
    [
        (DataLoader(Streamed(), 4), InvalidArgument, r"how many batches .* a Streamed without"),
        (DataLoader(X, 4), InvalidData, r"batches \(inputs, targets\) of a DataLoader, got a T"),  # type: ignore[arg-type]
        (loader(X[:, 0], Y), InvalidData, r"batches of tensors, the inputs batch x \.\.\., got"),
        (loader(X[:0], Y[:0]), InvalidData, r"at least one batch of each DataLoader, got none"),
        (loader(X, Y + 1), InvalidData, r"labels 0 to classes - 1"),
        (loader(X, (Y + 0.5) / 0), InvalidData, r"labels 0 to classes - 1|finite"),
        (lengths(), InvalidData, r"targets of one shape in all batches, got others .*; pad"),
    ],
)
def test_unusable_loaders_are_refused(train: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        load((train, loader(X[:2], Y[1:3])))


def test_one_loader_alone_is_refused() -> None:
    for data in itertools.permutations((loader(X, Y), Y)):
        with pytest.raises((InvalidData, InvalidArgument)):
            load(data)  # type: ignore[arg-type]  # as the test means it
