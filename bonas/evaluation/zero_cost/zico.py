"""ZiCo: how alike the gradients of several batches are.

    s = sum over layers of log sum_w E|g_w| / sd(g_w)

over the gradients ``g`` of the loss in training mode for two batches, the halves of the batch.
Weights whose gradients do not differ are left out.

Source: Li, Yang, Bhardwaj and Marculescu (2023), "ZiCo: Zero-shot NAS via inverse coefficient of
variation on gradients", ICLR.
"""

from __future__ import annotations

import torch

from bonas.errors import NoScore
from bonas.evaluation.zero_cost.probe import Probe


def zico(probe: Probe) -> float:
    """Return the score of a network.

    Raises:
        NoScore: if the loss has no gradient with respect to weights, or the batch has fewer than 4
            inputs.
    """
    if probe.batch.rows < 4:
        raise NoScore(
            f"expected at least 4 inputs, two for each half of the batch, got {probe.batch.rows}; "
            "take a larger batch_size"
        )
    halves = [Probe(probe.network, half).loss_gradients for half in probe.batch.halves()]
    score = 0.0
    for (_, first), (_, second) in zip(*halves, strict=True):
        slopes = torch.stack([first, second]).double()
        deviation = slopes.std(dim=0, correction=0)
        varies = deviation > 0.0
        if varies.any():
            ratios = slopes.abs().mean(dim=0)[varies] / deviation[varies]
            score += float(torch.log(ratios.sum()))
    return score
