"""Sizes of networks follow from the space, without building one."""

from __future__ import annotations

import numpy as np
import pytest
from candidates import candidate
from torch import nn

from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate, FLOPs, ParameterCount, Stages
from bonas.spaces import NASBench201

SPACE = NASBench201(channels=4, cells=1, stages=1)


def test_parameters_are_those_of_the_network_and_flops_two_per_multiply_add() -> None:
    choices = SPACE.sample(np.random.default_rng(0))
    found = Stages([ParameterCount(), FLOPs()])(Candidate.without_trial(SPACE, choices))
    built = SPACE.build(choices)
    assert found["parameters"] == sum(p.numel() for p in built.parameters() if p.requires_grad)
    assert found["flops"] == 2 * SPACE.costs(choices)["multiply_adds"]


@pytest.mark.parametrize("evaluator", [ParameterCount(), FLOPs()])
def test_a_space_that_knows_no_costs_is_refused(evaluator: ParameterCount | FLOPs) -> None:
    with pytest.raises(InvalidArgument, match="expected a space that knows the"):
        evaluator(candidate(nn.Identity))
