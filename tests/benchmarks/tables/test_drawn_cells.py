"""NAS-Bench-201 written in three ways is one benchmark."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from bonas.benchmarks.tables.drawn_cells import _EDGES, DrawnCells
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


def test_every_operation_is_a_node_that_reads_what_was_written_before() -> None:
    graph = DrawnCells().graph({f"edge_{s}_{t}": "none" for s, t in _EDGES})
    assert graph.labels == ("input", *["none"] * 6, "output")
    # Nodes 1 to 6 are the edges 0-1, 0-2, 1-2, 0-3, 1-3, 2-3; node 7 is the output.
    expected = {(0, 1), (0, 2), (0, 4), (1, 3), (1, 5), (2, 6), (3, 6), (4, 7), (5, 7), (6, 7)}
    assert set(graph.edges) == expected
