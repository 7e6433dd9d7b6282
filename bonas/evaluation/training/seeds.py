"""The seeds of one training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from bonas.evaluation.candidate import Candidate


@dataclass(frozen=True, eq=False, slots=True)
class Seeds:
    """What a training draws from.

    Attributes:
        weights: Seeds torch's generators, for the initial weights and all that follows.
        shuffler: Draws the order of the training rows.
        start: Seeds what is drawn for a start from other weights.
    """

    weights: np.random.SeedSequence
    shuffler: torch.Generator
    start: np.random.SeedSequence

    @classmethod
    def of(cls, seed: int, candidate: Candidate) -> Seeds:
        """Return the seeds for a candidate; one without a trial counts as the first one."""
        whole = np.random.SeedSequence((seed, max(candidate.number, 0)))
        weights, order, start = whole.spawn(3)
        return cls(weights, torch.Generator().manual_seed(int(order.generate_state(1)[0])), start)
