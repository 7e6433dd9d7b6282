"""Jacobian covariance: how little the gradients at different inputs have in common.

    s = -sum_i (log(v_i + k) + 1 / (v_i + k)),   k = 1e-5

where ``v`` are the eigenvalues of the correlation matrix of ``g_1, ..., g_b``, and ``g_i`` is the
gradient of the sum of all outputs with respect to input ``i``. For token ids the gradient is taken
at the embedding. It is largest where no two gradients are correlated. Gradients without variance
(of a network that ignores its input) count as equal to each other, which is the worst.

Source: Mellor, Turner, Storkey and Crowley (2020), "Neural architecture search without training",
arXiv:2006.04647v1; as in Abdelfattah, Mehrotra, Dudziak and Lane (2021), "Zero-cost proxies for
lightweight NAS", ICLR.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bonas.evaluation.zero_cost.probe import Probe

_K = 1e-5


def jacov(probe: Probe) -> float:
    """Return the score of a network.

    Raises:
        NoScore: if the outputs have no gradient with respect to the inputs.
    """
    v = torch.linalg.eigvalsh(correlations(probe.input_gradients)).clamp_min(0.0)
    return -float((torch.log(v + _K) + 1.0 / (v + _K)).sum())


def correlations(rows: Tensor) -> Tensor:
    """Return the ``n x n`` correlations of ``n x d`` rows, those without variance being equal."""
    centred = rows - rows.mean(dim=1, keepdim=True)
    norms = centred.norm(dim=1, keepdim=True)
    constant = norms <= 1e-12 * rows.norm(dim=1, keepdim=True)
    scaled = torch.where(constant, 0.0, centred / torch.where(constant, 1.0, norms))
    found: Tensor = scaled @ scaled.T + (constant & constant.T).to(rows.dtype)
    return found
