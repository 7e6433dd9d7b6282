"""Facts about several scores of an architecture at once."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch
from small_mobile import SMALL as MOBILE
from small_transformers import SPACES as TRANSFORMERS

from bonas.errors import InvalidArgument
from bonas.evaluation.zero_cost import DEFAULT, SCORES, ZeroCost
from bonas.spaces import NASBench201, Space

CELLS = NASBench201(channels=4, cells=1, stages=2)


def drawn(space: Space, seed: int = 0) -> dict[str, object]:
    return dict(space.sample(np.random.default_rng(seed)))


def test_each_score_is_a_finite_number_on_a_cell() -> None:
    found = ZeroCost(SCORES)(CELLS, drawn(CELLS))
    assert set(found) == set(SCORES)
    assert all(math.isfinite(value) for value in found.values())


@pytest.mark.parametrize("space", [CELLS, MOBILE, *TRANSFORMERS.values()])
@pytest.mark.filterwarnings("ignore:no .* for:UserWarning")  # attention without activations
def test_the_same_architecture_has_the_same_scores(space: Space) -> None:
    choices = drawn(space)
    first = ZeroCost()(space, choices)
    torch.manual_seed(random.randrange(10_000))
    again = ZeroCost()
    again(space, drawn(space, 1))
    np.testing.assert_equal(again(space, choices), first)
    assert sum(math.isfinite(value) for value in first.values()) >= 2


def test_torch_is_left_as_it_was() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    threads = torch.get_num_threads()
    with torch.no_grad():
        ZeroCost()(CELLS, drawn(CELLS))
        assert not torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.rand(2), expected)


def test_names_batch_and_seed_are_described() -> None:
    described = ZeroCost(["synflow"], batch_size=8, seed=2).describe()
    assert described["names"] == ["synflow"]
    assert described["batch_size"] == 8
    assert described["seed"] == 2
    assert ZeroCost().names == DEFAULT


def test_an_unknown_score_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InvalidArgument, match=r"unknown score 'flow'.*'synflow'"):
        ZeroCost(["flow"])
