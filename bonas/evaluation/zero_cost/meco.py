"""MeCo: how far the channels of the feature maps are from being linear functions of each other.

    s = sum over layers of the smallest eigenvalue of P

where ``P`` is the ``c x c`` matrix of correlations between the channels of what a layer (a
convolution, a linear map, a recurrent layer) returns for one input, over its positions. A channel
that does not vary is correlated with none, itself included, so that its layer adds 0; as does a
layer with fewer positions than channels.

Source: Jiang, Wang and Bie (2023), "MeCo: Zero-shot NAS with one data and single forward pass via
minimum eigenvalue of correlation", NeurIPS.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bonas.evaluation.zero_cost.probe import Probe

_ROUNDING = 1e-10  # eigenvalues below it are those of a singular matrix


def meco(probe: Probe) -> float:
    """Return the score of a network.

    Raises:
        NoScore: if no layer has more positions than channels.
    """
    return sum(_smallest_eigenvalue(channels) for channels in probe.feature_maps)


def _smallest_eigenvalue(channels: Tensor) -> float:
    """Return the smallest eigenvalue of the correlations of ``c x p`` channels."""
    x = channels.double()
    centred = x - x.mean(dim=1, keepdim=True)
    norms = centred.norm(dim=1, keepdim=True)
    if bool((norms <= 1e-12 * x.norm(dim=1, keepdim=True)).any()):
        return 0.0
    scaled = centred / norms
    smallest = float(torch.linalg.eigvalsh(scaled @ scaled.T)[0])
    return smallest if smallest > _ROUNDING else 0.0
