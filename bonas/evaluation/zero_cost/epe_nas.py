"""EPE-NAS: how much the gradients at inputs of the same class have in common.

    s = sum over classes of |sum_ij log(|C_ij| + k)|,   k = 1e-5

where ``C`` are the correlations of the gradients of the sum of all outputs at the inputs of a
class, see ``jacov``. A class with a single input has ``C = 1``, and adds nothing that can be seen.

Source: Lopes, Alirezazadeh and Alexandre (2021), "EPE-NAS: Efficient performance estimation without
training for neural architecture search", ICANN.
"""

from __future__ import annotations

import torch

from bonas.evaluation.zero_cost.jacov import correlations
from bonas.evaluation.zero_cost.probe import Probe

_K = 1e-5


def epe_nas(probe: Probe) -> float:
    """Return the score of a network.

    Raises:
        NoScore: if the outputs have no gradient with respect to the inputs, or there are no labels.
    """
    gradients, labels = probe.input_gradients, probe.labels
    of_classes = [correlations(gradients[labels == label]) for label in torch.unique(labels)]
    return sum(abs(float(torch.log(C.abs() + _K).sum())) for C in of_classes)
