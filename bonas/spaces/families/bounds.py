"""The bounds of a family: the most parameters, operations and memory of a network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from bonas.spaces.families.profiles import Profile


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits by name: ``max_params``, ``max_flops`` (two per multiply-add), ``max_memory``."""

    limits: Mapping[str, float]

    def __bool__(self) -> bool:
        return bool(self.limits)

    def violations(self, profile: Profile) -> dict[str, float]:
        """Return why a network is not valid -> by which factor it exceeds the limit.

        The factor is infinite where there is no network, or none that runs.
        """
        if profile.failure:
            return {profile.failure: math.inf}
        actual = {
            "max_params": profile.costs["parameters"],
            "max_flops": 2 * profile.costs.get("multiply_adds", 0.0),
            "max_memory": profile.memory,
        }
        return {
            f"over {name}={limit:,.0f}": actual[name] / limit
            for name, limit in self.limits.items()
            if actual[name] > limit
        }
