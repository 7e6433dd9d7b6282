"""L2 norm of the weights: hardly more than how many there are, and needs no run.

    s = sum over layers of ||w||

Source: Abdelfattah, Mehrotra, Dudziak and Lane (2021), "Zero-cost proxies for lightweight NAS",
ICLR.
"""

from __future__ import annotations

from bonas.evaluation.zero_cost.probe import Probe


def l2_norm(probe: Probe) -> float:
    """Return the score of a network; 0 without weights."""
    return sum(float(weight.detach().double().norm()) for weight in probe.weights)
