"""Labels of causal language models that equal the input ids.

Models of Hugging Face take them so, and compare the output at a token with the next label. bonas
compares an output with the target at the same position, so that the labels are shifted by one.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from bonas.evaluation.data.targets import IGNORE_INDEX


def are_input_ids(inputs: object, labels: object) -> bool:
    """Return whether labels equal the ``input_ids`` of named inputs, apart from ignored labels.

    >>> are_input_ids({"input_ids": torch.tensor([5, 7, 0])}, torch.tensor([5, 7, -100]))
    True
    """
    ids = inputs.get("input_ids") if isinstance(inputs, dict) else None
    if ids is None:
        return False
    ids, own = torch.as_tensor(ids), torch.as_tensor(labels)
    if ids.shape != own.shape:
        return False
    known = own != IGNORE_INDEX
    return bool(known.any()) and bool((ids == own)[known].all())


def shift_labels(labels: Tensor) -> Tensor:
    """Return the labels ``... x length`` shifted to the left by one token.

    >>> shift_labels(torch.tensor([5, 7, 9]))
    tensor([   7,    9, -100])
    """
    return pad(labels[..., 1:], (0, 1), value=IGNORE_INDEX)
