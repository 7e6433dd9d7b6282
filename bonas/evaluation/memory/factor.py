"""From estimated to measured memory: a constant and a factor, learnt from trainings.

    peak = factor x (constant + scale x estimate)

The estimate counts tensors. ``constant`` stands for what a process needs besides, ``scale`` for
what kernels allocate and an allocator cannot reuse. On the CPU with glibc they are 8 MB and 1.4,
fitted to 160 networks of eight spaces (``bonas bench memory``); on other devices 0 and 1, since
none were measured. ``factor`` is 1 at first, then the median over measured trainings, with two of
ratio 1 among them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from bonas.errors import InvalidArgument

_PRIOR = 2  # trainings of ratio 1 that are among the measured ones
_OF_DEVICE = {"cpu": (8e6, 1.4)}  # constant in bytes, scale
_ELSEWHERE = 0.0, 1.0


@dataclass(frozen=True, slots=True)
class MemoryFactor:
    """How many bytes a training takes whose tensors were estimated.

    Attributes:
        constant: Bytes.
        scale: Of the device, before anything was measured.
        factor: Learnt.
        trainings: From how many it was learnt.
    """

    constant: float
    scale: float
    factor: float = 1.0
    trainings: int = 0

    @classmethod
    def of(cls, device: str | torch.device = "cpu") -> MemoryFactor:
        """Return that of a kind of device, before anything was measured there."""
        kind = torch.device(device).type
        return cls(*_OF_DEVICE.get(kind, _ELSEWHERE))

    def learnt(self, pairs: Iterable[tuple[float, float]]) -> MemoryFactor:
        """Return it with the factor of pairs (estimated bytes, measured bytes).

        Raises:
            InvalidArgument: for a number of bytes that is not above 0.
        """
        ratios = [0.0] * _PRIOR
        for estimated, measured in pairs:
            if not (estimated > 0 and measured > 0):
                raise InvalidArgument(
                    "expected pairs of estimated and measured bytes above 0, got "
                    f"({estimated!r}, {measured!r}); leave out what was not measured"
                )
            ratios.append(float(np.log(measured / self._before(estimated))))
        factor = float(np.exp(np.median(ratios)))
        return MemoryFactor(self.constant, self.scale, factor, len(ratios) - _PRIOR)

    def __call__(self, estimated: float) -> float:
        """Return the bytes of a training at its peak whose tensors were estimated at so many."""
        return self.factor * self._before(estimated)

    def _before(self, estimated: float) -> float:
        return self.constant + self.scale * estimated
