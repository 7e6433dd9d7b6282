"""The networks that are ranked."""

from __future__ import annotations

import pytest

from bonas.benchmarks.supernets.problems import Problem, problems
from bonas.errors import InvalidArgument
from bonas.evaluation import ShortTraining
from bonas.spaces import MLPSpace


@pytest.mark.parametrize("name", list(problems()))
def test_networks_differ_and_fewer_are_the_first_of_more(name: str) -> None:
    problem = problems()[name]()
    networks = problem.networks(6)
    assert len({problem.space.architecture(choices) for choices in networks}) == 6
    assert problem.networks(3) == networks[:3]
    assert {"parameters", "multiply_adds"} <= problem.space.costs(networks[0]).keys()


def test_more_networks_than_there_are_are_refused() -> None:
    space = MLPSpace(inputs=4, classes=2, depths=(1,), widths=(8, 16))
    with pytest.raises(InvalidArgument, match="ask for fewer"):
        Problem("few", space, ShortTraining()).networks(100)
