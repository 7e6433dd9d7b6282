"""What a training step costs in a supernet: two times of the same networks, in turn."""

from __future__ import annotations

import numpy as np
import pytest

from bonas.benchmarks.supernets.problems import Problem
from bonas.benchmarks.supernets.step import StepCosts, step_costs, step_table
from bonas.errors import InvalidArgument
from bonas.evaluation import ShortTraining
from bonas.spaces import MLPSpace
from bonas.supernets import Supernet

SPACE = MLPSpace(inputs=64, classes=10, depths=(1, 2), widths=(4, 8, 16, 32))
PROBLEM = Problem("small", SPACE, ShortTraining("digits", epochs=3))


def test_both_train_as_many_steps_of_the_same_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    built, alone = [], []
    network, build = Supernet.network, MLPSpace.build

    def shared(self: Supernet, choices: dict) -> object:  # type: ignore[type-arg]
        built.append(SPACE.architecture(choices))
        return network(self, choices)

    def own(self: MLPSpace, choices: dict) -> object:  # type: ignore[type-arg]
        alone.append(SPACE.architecture(choices))
        return build(self, choices)

    monkeypatch.setattr(Supernet, "network", shared)
    monkeypatch.setattr(MLPSpace, "build", own)
    found = step_costs(PROBLEM, rounds=1)
    assert found.alone.shape == found.shared.shape == (1,)
    assert (found.alone > 0).all()
    assert (found.shared > 0).all()
    epochs = 2 * 16  # one round counts, and one before it
    assert len(built) // epochs == 17  # batches; a network is built again where weights have grown
    assert set(built) <= set(alone)
    assert len(set(built)) == 16


def test_the_table_shows_medians_and_the_range() -> None:
    costs = StepCosts("cells", np.array([0.01, 0.02, 0.01]), np.array([0.015, 0.024, 0.018]))
    assert costs.overheads == pytest.approx([50, 20, 80])
    assert step_table([costs]).splitlines()[-1].split() == (
        ["cells", "10.00", "ms", "18.00", "ms", "50", "%", "[20,", "80]"]
    )


def test_no_rounds_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="rounds"):
        step_costs(PROBLEM, rounds=0)
