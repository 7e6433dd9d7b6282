"""All zero-cost scores by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bonas.evaluation.zero_cost.epe_nas import epe_nas
from bonas.evaluation.zero_cost.fisher import fisher
from bonas.evaluation.zero_cost.grad_norm import grad_norm
from bonas.evaluation.zero_cost.jacov import jacov
from bonas.evaluation.zero_cost.l2_norm import l2_norm
from bonas.evaluation.zero_cost.meco import meco
from bonas.evaluation.zero_cost.naswot import naswot
from bonas.evaluation.zero_cost.probe import Probe
from bonas.evaluation.zero_cost.snip import snip
from bonas.evaluation.zero_cost.swap import swap
from bonas.evaluation.zero_cost.synflow import synflow
from bonas.evaluation.zero_cost.zen import zen
from bonas.evaluation.zero_cost.zico import zico

Score = Callable[[Probe], float]
"""A function of a probe; more is better, as a rule. It raises ``NoScore`` where it has no value."""

SCORES: Mapping[str, Score] = {
    "synflow": synflow,
    "naswot": naswot,
    "jacov": jacov,
    "meco": meco,
    "zen": zen,
    "snip": snip,
    "grad_norm": grad_norm,
    "l2_norm": l2_norm,
    "fisher": fisher,
    "epe_nas": epe_nas,
    "swap": swap,
    "zico": zico,
}
"""A score's name -> its function."""

DEFAULT = ("synflow", "naswot", "jacov", "meco", "snip")
"""Names of the scores that are computed unless others are asked for.

They share a forward pass, and predict accuracies together as well as all scores do.
"""
