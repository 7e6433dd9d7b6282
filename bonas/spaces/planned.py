"""Planned spaces: a network is described once, and sketched and built from the description.

    choices --plan--> plan --sketch--> graph, parameters, multiply-adds, memory
                      plan --network--> nn.Module

Every space that comes with bonas is a folder of three modules: ``space.py`` has the parameters and
turns choices into a plan, ``plan.py`` has the plan and its sketch, ``network.py`` the modules that
are built from the plan. The plan alone is shared, so that it cannot happen that costs and network
disagree on what was chosen; tests compare both for random choices.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Protocol

from torch import nn

from bonas.spaces.architecture import Choices
from bonas.spaces.sized import SizedSpace
from bonas.spaces.sketch import Sketch


class Plan(Protocol):
    """A network described: a frozen dataclass of widths, kernels and the like."""

    def sketch(self) -> tuple[Sketch, int]:
        """Return the whole network as a sketch, and the number of its last operation.

        Every plan can be sketched, also one whose network ``is_valid`` forbids.
        """
        ...


@dataclass(frozen=True)
class PlannedSpace(SizedSpace):
    """A space whose graph, costs, bounds and networks follow from ``plan``.

    A subclass gives ``parameters`` (or ``options``), ``plan`` and ``network``; ``applies`` where
    parameters depend on earlier ones. If the graph of a network is not its whole sketch, it gives
    ``graph`` too.
    """

    network: ClassVar[type[nn.Module] | None] = None
    """The class of the networks; its only argument is a plan. Without it nothing can be built."""

    @abstractmethod
    def plan(self, choices: Choices) -> Plan:
        """Return the description of the network, for every complete combination, valid or not."""

    def sketch(self, choices: Choices) -> tuple[Sketch, int]:
        """Return the sketch of the plan, and the number of its last operation."""
        return self.plan(choices).sketch()

    def build(self, choices: Choices) -> nn.Module:
        """Build the whole network from its plan."""
        if self.network is None:
            return super().build(choices)
        return self.network(self.plan(choices))
