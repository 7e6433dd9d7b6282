"""Gradient norm: how steep the loss of the untrained network is.

    s = sum over layers of ||dL/dw||

``L`` is the loss of one batch in training mode.

Source: Abdelfattah, Mehrotra, Dudziak and Lane (2021), "Zero-cost proxies for lightweight NAS",
ICLR.
"""

from __future__ import annotations

from bonas.evaluation.zero_cost.probe import Probe


def grad_norm(probe: Probe) -> float:
    """Return the score of a network.

    Raises:
        NoScore: if the loss has no gradient with respect to weights.
    """
    return sum(float(slope.double().norm()) for _, slope in probe.loss_gradients)
