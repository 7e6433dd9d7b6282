"""The benchmark of estimated memory, on a few small networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bonas.benchmarks.memory import (
    TAUGHT,
    MemoryErrors,
    memory_errors,
    memory_problems,
    memory_table,
)
from bonas.errors import InvalidArgument
from bonas.evaluation.memory import can_measure


@pytest.mark.skipif(not can_measure(torch.device("cpu")), reason="only Linux counts the peak")
def test_networks_are_estimated_and_measured() -> None:
    found = memory_errors("perceptron", TAUGHT + 2)
    assert len(found.ratios) == TAUGHT + 2
    assert len(found.learnt) == 2
    assert (found.measured > 1e6).all()
    assert 0.3 < np.median(found.ratios) < 3


@pytest.mark.parametrize("name", memory_problems())
def test_each_space_takes_its_example(name: str) -> None:
    problem = memory_problems()[name]
    network = problem.space.build(problem.space.sample(np.random.default_rng(0))).eval()
    with torch.no_grad():
        assert len(problem.example().call(network)) == 1  # type: ignore[arg-type]  # a tensor


def test_errors_are_those_of_the_ratios() -> None:
    found = MemoryErrors("a", np.array([1e8]), np.array([0.8, 1.0, 1.3]), np.array([1.1]))
    table = memory_table([found])
    assert "1.00 (0.84-1.24)" in table
    assert "all: error 20 % (90 %: 28 %), learnt 10 % (90 %: 10 %)" in table


def test_what_is_unknown_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="unknown space 'moebius'"):
        memory_errors("moebius", 20)
    with pytest.raises(InvalidArgument, match="at least 11, got 10"):
        memory_errors("perceptron", 10)
