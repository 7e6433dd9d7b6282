"""Labels of a language model that are the token ids themselves.

Causal models of Hugging Face take them so and compare the output of a token with the next label.
bonas compares each output with the target in its place, so the labels are moved by one.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from bonas.evaluation.data.targets import UNTOLD


def are_ids(inputs: object, labels: object) -> bool:
    """Whether the labels beside named inputs are their ``input_ids``, but where they are untold.

    >>> are_ids({"input_ids": torch.tensor([5, 7, 0])}, torch.tensor([5, 7, -100]))
    True
    """
    ids = inputs.get("input_ids") if isinstance(inputs, dict) else None
    if ids is None:
        return False
    ids, own = torch.as_tensor(ids), torch.as_tensor(labels)
    if ids.shape != own.shape:
        return False
    told = own != UNTOLD
    return bool(told.any()) and bool((ids == own)[told].all())


def next_ids(labels: Tensor) -> Tensor:
    """The label of the next token in the place of each, ``... x length``.

    >>> next_ids(torch.tensor([5, 7, 9]))
    tensor([   7,    9, -100])
    """
    return pad(labels[..., 1:], (0, 1), value=UNTOLD)
