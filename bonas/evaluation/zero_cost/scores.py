"""All zero-cost scores by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bonas.evaluation.zero_cost.jacov import jacov
from bonas.evaluation.zero_cost.meco import meco
from bonas.evaluation.zero_cost.naswot import naswot
from bonas.evaluation.zero_cost.probe import Probe
from bonas.evaluation.zero_cost.synflow import synflow

Score = Callable[[Probe], float]
"""A function of a probe; more is better, as a rule. It raises ``NoScore`` where it has no value."""

SCORES: Mapping[str, Score] = {
    "synflow": synflow,
    "naswot": naswot,
    "jacov": jacov,
    "meco": meco,
}
"""A score's name -> its function."""

DEFAULT = ("synflow", "naswot", "jacov", "meco")
"""Names of the scores that are computed unless others are asked for."""
