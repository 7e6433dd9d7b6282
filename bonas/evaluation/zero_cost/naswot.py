"""NASWOT: how different the activation patterns of different inputs are.

    s = log det(K + I),   K_ij = number of units that are both on or both off for inputs i and j

A unit is on where a positive number enters its activation. Inputs that the network separates well
have few units in common, so that ``K`` is far from singular. ``I`` is one more unit, different for
each input: it keeps the score of a network finite that does not distinguish two inputs.

Source: Mellor, Turner, Storkey and Crowley (2021), "Neural architecture search without training",
ICML.
"""

from __future__ import annotations

import torch

from bonas.evaluation.zero_cost.probe import Probe


def naswot(probe: Probe) -> float:
    """Return the score of a network.

    Raises:
        NoScore: if the network has no activations.
    """
    patterns = probe.patterns
    n = len(patterns[0])
    K = torch.eye(n, dtype=torch.float64, device=patterns[0].device)
    for pattern in patterns:
        signs = 2.0 * pattern.to(torch.float32) - 1.0  # products count: + if equal, - if not
        K += ((pattern.shape[1] + signs @ signs.T) / 2.0).double()
    return float(torch.linalg.slogdet(K).logabsdet)
