"""Values at lower fidelities: what is known of trainings that were stopped before their end.

A training that was stopped after a tenth of its epochs has no final value, and its value at the cut
is no substitute for one. It is correlated with it, though, and finished trainings passed the same
epoch: their curves say how much a value at the cut tells.

Only the order of such values is used: a value enters as its normal score,

    score = Phi^-1((r - 3/8) / (k + 1/4)),   r the rank from 1 to k; equal values share theirs

so that no unit, no saturation and no outlier of an unfinished training matters.

Source: Blom (1958), "Statistical estimates and transformed beta-variables" (normal scores).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from scipy.special import ndtri
from scipy.stats import rankdata
from torch import Tensor

from bonas.errors import InvalidArgument


@dataclass(frozen=True, eq=False)
class LowerFidelity:
    """Values of one objective at ``o`` lower fidelities, of ``k`` trainings.

    Attributes:
        X: ``k x d`` encodings.
        Y: ``k x o`` values, NaN where a training has none; more need not be better.
        final: For each training, the row of its final value in the training data of the surrogate;
            -1 where it has none.
        fidelities: What the columns of ``Y`` are called, such as shares of a whole training.

    Raises:
        InvalidArgument: if the shapes do not match, two columns have one name, an encoding is not
            finite, or a value is infinite.
    """

    X: Tensor
    Y: Tensor
    final: Tensor
    fidelities: Sequence[Hashable]

    def __post_init__(self) -> None:
        k, o = len(self.X), len(self.fidelities)
        shapes = tuple(self.X.shape), tuple(self.Y.shape), tuple(self.final.shape)
        if self.X.ndim != 2 or shapes[1:] != ((k, o), (k,)) or len({*self.fidelities}) != o:
            raise InvalidArgument(
                "expected encodings k x d, values k x o, k rows of final values and o different "
                f"fidelities, got {shapes[0]}, {shapes[1]}, {shapes[2]} and {self.fidelities}"
            )
        if not bool(self.X.isfinite().all()) or bool(self.Y.isinf().any()):
            raise InvalidArgument(
                "expected finite encodings, and values that are finite or NaN; leave others out"
            )

    def __len__(self) -> int:
        """Return the number of trainings."""
        return len(self.X)

    @property
    def is_finished(self) -> Tensor:
        """Which of the ``k`` trainings have a final value."""
        return self.final >= 0

    def at(self, fidelities: Sequence[Hashable]) -> LowerFidelity:
        """Return the columns of these fidelities; one that is unknown here has no values."""
        known = list(self.fidelities)
        empty = torch.full((len(self), 1), torch.nan, dtype=self.Y.dtype)
        columns = [
            self.Y[:, [known.index(name)]] if name in known else empty for name in fidelities
        ]
        Y = torch.cat([self.Y[:, :0], *columns], dim=1)
        return LowerFidelity(self.X, Y, self.final, tuple(fidelities))

    def normal_scores(self) -> Tensor:
        """Compute ``k x o`` normal scores, in units of those of the finished trainings.

        Per fidelity, finished trainings have mean 0 and standard deviation 1, as their final values
        have: so a stopped training that is worse than all of them is far below 0 on both scales.
        """
        scores = torch.full_like(self.Y, torch.nan, dtype=torch.float64)
        for j, y in enumerate(self.Y.T):
            known = ~y.isnan()
            ranks = rankdata(y[known].numpy())
            scores[known, j] = torch.from_numpy(ndtri((ranks - 0.375) / (len(ranks) + 0.25)))
            own = scores[known & self.is_finished, j]
            if len(own) > 1 and float(own.std(correction=0)) > 0:
                scores[:, j] = (scores[:, j] - own.mean()) / own.std(correction=0)
        return scores


def are_equal(one: LowerFidelity | None, other: LowerFidelity | None) -> bool:
    """Return whether both hold the same values, or are None."""
    if one is None or other is None:
        return one is other
    if tuple(one.fidelities) != tuple(other.fidelities):
        return False
    pairs = ((one.X, other.X), (one.Y, other.Y), (one.final, other.final))
    return all(
        torch.equal(a.nan_to_num(nan=torch.inf), b.nan_to_num(nan=torch.inf)) for a, b in pairs
    )


def usable(lower: LowerFidelity | None, pairs: int, most: int) -> LowerFidelity | None:
    """Return the ``most`` fidelities that say most about unfinished trainings; None if none does.

    A fidelity counts if at least ``pairs`` finished trainings have a value there, without which
    nobody knows what it tells, and an unfinished one has, too.
    """
    if lower is None:
        return None
    known, finished = ~lower.Y.isnan(), lower.is_finished.unsqueeze(1)
    stopped = (known & ~finished).sum(0).tolist()
    taught = (known & finished).sum(0).tolist()
    good = [j for j in range(len(stopped)) if stopped[j] and taught[j] >= pairs]
    best = sorted(sorted(good, key=lambda j: -stopped[j])[:most])
    return lower.at([lower.fidelities[j] for j in best]) if best else None
