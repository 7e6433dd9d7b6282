"""NAS-Bench-201 written in three ways is one benchmark."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from bonas.benchmarks.tables.nas_bench_201 import NASBench201Table
from bonas.benchmarks.tables.registry import problem
from bonas.errors import InvalidArgument


def test_the_same_choices_have_the_same_value_however_the_space_is_written() -> None:
    own, plain, declared = (
        problem(f"nb201-{writing}cifar100-edgegpu") for writing in ("", "plain-", "declared-")
    )
    rng = np.random.default_rng(0)
    choices = [own.space.sample(rng) for _ in range(20)]
    assert np.array_equal(own.true_values(choices), plain.true_values(choices))
    assert np.array_equal(own.true_values(choices), declared.true_values(choices))
    assert len({own.name, plain.name, declared.name}) == 3


def test_drawings_count_as_many_networks_as_cells_when_they_are_declared() -> None:
    own = NASBench201Table("cifar10").space
    declared = NASBench201Table("cifar10", writing="declared").space
    rng = np.random.default_rng(1)
    some = [own.sample(rng) for _ in range(300)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [own.architecture(c).key for c in some] == [
            declared.architecture(c).key for c in some
        ]


def test_another_writing_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="unknown writing of NAS-Bench-201 'mine'"):
        NASBench201Table("cifar10", writing="mine")
