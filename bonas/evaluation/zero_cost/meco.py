"""MeCo: how far the channels of the feature maps are from being linear functions of each other.

    s = sum over feature maps of the smallest eigenvalue of P

where ``P`` is the ``c x c`` matrix of correlations between the channels of what a layer (a
convolution, a linear map, a recurrent layer) or an activation returns for one input, over its
positions. A channel that does not vary is correlated with none, itself included, so that its map
adds 0. Batch norms change no correlation, so that their maps, which the authors count, are left
out. Maps with no more positions than channels have an eigenvalue of 0.

Source: Jiang, Wang and Bie (2023), "MeCo: Zero-shot NAS with one data and single forward pass via
minimum eigenvalue of correlation", NeurIPS.
"""

from __future__ import annotations

from itertools import groupby

import torch
from torch import Tensor

from bonas.evaluation.zero_cost.probe import Probe

_ROUNDING = 1e-10  # eigenvalues below it are those of a singular matrix


def meco(probe: Probe) -> float:
    """Return the score of a network.

    Raises:
        NoScore: if no layer has more positions than channels.
    """
    maps = sorted(probe.feature_maps, key=lambda x: x.shape)
    equal = (torch.stack(list(same)) for _, same in groupby(maps, key=lambda x: x.shape))
    return sum(float(smallest_eigenvalues(each).sum()) for each in equal)


def smallest_eigenvalues(maps: Tensor) -> Tensor:
    """Return the smallest eigenvalue of the correlations of the channels of ``k x c x p`` maps."""
    x = maps.double()
    centred = x - x.mean(dim=2, keepdim=True)
    norms = centred.norm(dim=2, keepdim=True)
    varies = norms > 1e-12 * x.norm(dim=2, keepdim=True)
    scaled = centred / torch.where(varies, norms, 1.0)
    found = torch.linalg.eigvalsh(scaled @ scaled.mT)[:, 0]
    return torch.where(varies.all(dim=1)[:, 0] & (found > _ROUNDING), found, 0.0)
