"""SNIP: how much the loss of the untrained network would change without each of its weights.

    s = sum_w |w dL/dw|

``L`` is the loss of one batch in training mode.

Source: Lee, Ajanthan and Torr (2019), "SNIP: Single-shot network pruning based on connection
sensitivity", ICLR; as a score of architectures in Abdelfattah et al. (2021), "Zero-cost proxies for
lightweight NAS", ICLR.
"""

from __future__ import annotations

from bonas.evaluation.zero_cost.probe import Probe


def snip(probe: Probe) -> float:
    """Return the score of a network.

    Raises:
        NoScore: if the loss has no gradient with respect to weights.
    """
    return sum(float((weight * slope).abs().sum()) for weight, slope in probe.loss_gradients)
