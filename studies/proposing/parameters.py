"""Parameters outside the space, such as a learning rate, as numbers in [0, 1] and back."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from bonas.errors import InvalidArgument

_UNIT_VARIANCE = math.sqrt(12.0)  # a uniform number in [0, 1], times this, has variance 1


@dataclass(frozen=True)
class Parameters:
    """Optuna distributions, by name: random values, small changes, and features."""

    distributions: Mapping[str, BaseDistribution]

    def __post_init__(self) -> None:
        known = (CategoricalDistribution, FloatDistribution, IntDistribution)
        for name, distribution in self.distributions.items():
            if not isinstance(distribution, known):
                raise InvalidArgument(f"parameter {name!r} has the unknown kind {distribution!r}")

    def sample(self, rng: np.random.Generator) -> dict[str, Any]:
        """Return one uniformly random value per parameter; log-uniform on a logarithmic scale."""
        return {name: random_value(d, rng) for name, d in self.distributions.items()}

    def perturbed(
        self, values: Mapping[str, Any], scale: float, rng: np.random.Generator
    ) -> dict[str, Any]:
        """Return nearby values: numbers move by ``scale`` of their range, categories rarely."""
        moved = {}
        for name, distribution in self.distributions.items():
            if isinstance(distribution, CategoricalDistribution):
                redraw = rng.random() < scale
                moved[name] = random_value(distribution, rng) if redraw else values[name]
            else:
                unit = _to_unit(distribution, values[name]) + scale * rng.standard_normal()
                moved[name] = _from_unit(distribution, _reflected(unit))
        return moved

    @property
    def widths(self) -> dict[str, int]:
        """The number of feature columns of each parameter."""
        return {name: _width(distribution) for name, distribution in self.distributions.items()}

    def features(self, values: Mapping[str, Any]) -> list[float]:
        """Return one row: numbers scaled to variance 1 over their range, categories one-hot."""
        row: list[float] = []
        for name, distribution in self.distributions.items():
            if isinstance(distribution, CategoricalDistribution):
                chosen = int(distribution.to_internal_repr(values[name]))
                row += [float(i == chosen) for i in range(len(distribution.choices))]
            else:
                row.append(_UNIT_VARIANCE * _to_unit(distribution, values[name]))
        return row


def random_value(distribution: BaseDistribution, rng: np.random.Generator) -> Any:
    """Return a uniformly random value of any Optuna distribution."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(rng.integers(len(distribution.choices)))]
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    return _from_unit(distribution, float(rng.random()))


def independent_value(distribution: BaseDistribution, name: str, seed: int, number: int) -> Any:
    """Return a random value of the parameter ``name`` for the trial ``number``.

    It is a function of the arguments.
    """
    stream = zlib.crc32(name.encode())
    return random_value(distribution, np.random.default_rng([seed, number, stream]))


def _width(distribution: BaseDistribution) -> int:
    is_category = isinstance(distribution, CategoricalDistribution)
    return len(distribution.choices) if is_category else 1  # type: ignore[attr-defined]  # not narrowed


def _edges(distribution: FloatDistribution | IntDistribution) -> tuple[float, float]:
    """Return the range, widened by half a step so that all values of a grid are equally likely."""
    half = (distribution.step or 0.0) / 2
    low, high = distribution.low - half, distribution.high + half
    return (math.log(low), math.log(high)) if distribution.log else (low, high)


def _to_unit(distribution: BaseDistribution, value: float) -> float:
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    low, high = _edges(distribution)
    position = math.log(value) if distribution.log else value
    return (position - low) / (high - low) if high > low else 0.5


def _from_unit(distribution: BaseDistribution, unit: float) -> float | int:
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    low, high = _edges(distribution)
    value = low + unit * (high - low)
    if distribution.log:
        value = math.exp(value)
    if distribution.step is not None:
        steps = round((value - distribution.low) / distribution.step)
        value = distribution.low + steps * distribution.step
    value = min(max(value, distribution.low), distribution.high)
    return round(value) if isinstance(distribution, IntDistribution) else float(value)


def _reflected(unit: float) -> float:
    """Reflect a number into [0, 1] at the ends."""
    folded = unit % 2.0
    return 2.0 - folded if folded > 1.0 else folded
