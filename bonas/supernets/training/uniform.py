"""The uniform rule: one random network per step.

Source: Guo et al., "Single path one-shot neural architecture search with uniform sampling", ECCV
2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bonas.spaces import Space
from bonas.supernets.training.rule import Step


@dataclass(frozen=True, slots=True)
class Uniform:
    """One network per step, drawn as the space draws random ones."""

    name = "uniform"

    def describe(self) -> dict[str, Any]:
        """Return its name."""
        return {"rule": self.name}

    def on(self, space: Space) -> UniformSampler:
        """Apply the rule to a space; it suits every one."""
        return UniformSampler(space)


@dataclass(frozen=True, slots=True)
class UniformSampler:
    """Draws one random network per step."""

    space: Space

    def step(self, rng: np.random.Generator, progress: float) -> Step:
        """Draw one network."""
        return Step((self.space.sample(rng),))
