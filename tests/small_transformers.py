"""Small transformer spaces of every kind of input."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from bonas.spaces import Choices
from bonas.spaces.transformers.space import TransformerSpace

TINY: dict[str, Any] = {
    "length": 6,
    "classes": 3,
    "depths": (1, 2),
    "widths": (6, 8),
    "heads": (2, 4),
    "head_dims": (2, 4),
    "mlp_ratios": (1, 1.5),
    "kv_heads": (1, 2, 4),
    "windows": (2, 3, 8),
    "experts": (1, 3, 4),
    "top_k": (1, 2),
}


TEXT = TransformerSpace(task="language_model", vocabulary=7, **TINY)


UNTIED = replace(TEXT, tied=False, per_layer=True)


ROWS = TransformerSpace(inputs=5, **TINY)


IMAGES = TransformerSpace(patch=2, image_size=6, in_channels=2, per_layer=True, **TINY)


LABELLED = TransformerSpace(vocabulary=7, **TINY)


SPACES = {"text": TEXT, "untied": UNTIED, "rows": ROWS, "images": IMAGES, "labelled": LABELLED}


spaces = st.sampled_from(list(SPACES.values()))


def whole(space: TransformerSpace, **some: Any) -> Choices:
    """Return the first options except ``some``; every one of these must apply."""
    choices = space.completed(some)
    assert some.items() <= choices.items()
    return choices


def examples(space: TransformerSpace, n: int) -> Tensor:
    if space.vocabulary is not None:
        return torch.randint(space.vocabulary, (n, *space.input_shape))
    return torch.randn(n, *space.input_shape)
