"""SWAP: the number of distinct patterns that units show over a batch.

    s = |{(sign of unit u at input 1, ..., sign at input b) : u}|

A unit's pattern says at which of the inputs it is on: where a positive number enters its
activation. It cannot exceed ``2^b`` or the number of units.

Source: Peng, Song, Fayek, Ciesielski and Chang (2024), "SWAP-NAS: Sample-wise activation patterns
for ultra-fast NAS", ICLR.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bonas.evaluation.zero_cost.probe import Probe

_ODD = 0x9E3779B97F4A7C15  # the golden ratio of 64 bits: a hash of patterns of any length


def swap(probe: Probe) -> float:
    """Return the score of a network.

    Raises:
        NoScore: if the network has no activations.
    """
    return float(len(torch.unique(torch.cat([_codes(pattern) for pattern in probe.patterns]))))


def _codes(pattern: Tensor) -> Tensor:
    """Return one 64-bit number for the pattern of each unit, from ``b x u``."""
    codes = torch.zeros(pattern.shape[1], dtype=torch.int64, device=pattern.device)
    for row in pattern:
        codes = codes * _SIGNED + row
    return codes


_SIGNED = _ODD - (1 << 64)  # the same bits as a number of int64, whose products wrap around
