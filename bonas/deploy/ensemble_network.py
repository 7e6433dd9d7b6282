"""The network of an ensemble: the weighted mean of what its members predict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from bonas.errors import InvalidData
from bonas.evaluation.outputs import tensors_of

Kind = Literal["classes", "labels", "numbers"]
"""What is averaged: probabilities of classes, of several labels, or numbers as they are."""
_TINY = 1e-12  # probability whose logarithm stands for that of 0


class EnsembleNetwork(nn.Module):
    """Networks as one: it takes what each of them takes, and returns scores of the same meaning.

        classes   log sum_m share_m softmax(z_m), which softmax maps to the mean probabilities
        labels    the logit of sum_m share_m sigmoid(z_m)
        numbers   sum_m share_m z_m

    So the largest score is the prediction, as of each member, and a loss of scores is that of the
    mean probabilities. Classes are the second dimension where there are several (``batch x classes
    x ...``), or the last one (``classes_last``), as of language models; a single score of two
    classes is that of the second.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        shares: Sequence[float],
        kind: Kind,
        *,
        classes_last: bool = False,
    ) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.shares = tuple(shares)
        self.kind = kind
        self.classes_last = classes_last

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        parts = []
        for share, network in zip(self.shares, self.networks, strict=True):
            parts.append(share * self._probable(prediction_of(network(*args, **kwargs))))
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        if self.kind == "classes":
            return torch.log(total.clamp(min=_TINY))
        return torch.logit(total, eps=_TINY) if self.kind == "labels" else total

    def _probable(self, scores: Tensor) -> Tensor:
        if self.kind == "labels":
            return torch.sigmoid(scores)
        if self.kind == "numbers":
            return scores
        axis = -1 if self.classes_last else 1
        if scores.ndim == 1 or scores.shape[axis] == 1:
            column = scores.unsqueeze(1) if scores.ndim == 1 else scores
            scores = torch.cat([torch.zeros_like(column), column], dim=axis)
        return torch.softmax(scores, dim=axis)


def prediction_of(returned: object) -> Tensor:
    """Return the prediction in what a network returns: its first tensor of numbers, by name.

    Raises:
        InvalidData: if there is none.
    """
    if isinstance(returned, Tensor):
        return returned
    for _, tensor in tensors_of(returned):
        if tensor.is_floating_point() and tensor.ndim:
            return tensor
    raise InvalidData(
        f"expected a network that returns a prediction, got {type(returned).__name__}"
    )
