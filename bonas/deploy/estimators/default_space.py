"""The space that is searched where the user gives none: its kind and size follow the data.

| inputs | space | sizes |
|---|---|---|
| a table, images below 8 pixels | ``MLPSpace`` with dropout | first layer up to 4 million weights |
| images | ``MobileSpace`` | a stage of stride 2 more whenever the side doubles |
| sequences of up to 128 steps | ``RecurrentSpace`` | LSTM and GRU |
| longer ones, and tokens | ``TransformerSpace`` | widths of 32 and 64 |
"""

from __future__ import annotations

import math

from bonas.deploy.estimators.inputs import Preparation
from bonas.spaces import MLPSpace, MobileSpace, RecurrentSpace, Space, Stage, TransformerSpace

_WIDTHS = (16, 32, 64, 128, 256)
_MOST_WEIGHTS = 4_000_000  # of a first layer, the narrowest one excepted
_SMALLEST, _SMALL, _MEDIUM = 8, 20, 48  # sides of images, in pixels
_LONGEST_RECURRENT = 128
_HALF = 0.5


def default_space(inputs: Preparation, outputs: int) -> Space:
    """Return a space whose networks take the prepared inputs and have ``outputs`` outputs."""
    shape = inputs.shape
    if inputs.kind == "tokens":
        return _transformers(shape[0], outputs, vocabulary=inputs.vocabulary)
    if inputs.kind == "sequences":
        length, features = shape
        if length > _LONGEST_RECURRENT:
            return _transformers(length, outputs, inputs=features)
        return RecurrentSpace(
            features,
            length=length,
            classes=outputs,
            cells=("lstm", "gru"),
            depths=(1, 2),
        )
    if inputs.kind == "images" and min(shape[1:]) >= _SMALLEST:
        return _mobile(shape[0], min(shape[1:]), outputs)
    columns = math.prod(shape)
    widths = [w for w in _WIDTHS if w == _WIDTHS[0] or w * columns <= _MOST_WEIGHTS]
    return MLPSpace(columns, outputs, depths=(1, 2, 3), widths=widths, max_dropout=_HALF)


def _mobile(channels: int, side: int, outputs: int) -> MobileSpace:
    """Return inverted residual blocks that leave 2 to 4 pixels at their end."""
    if side <= _SMALL:
        return MobileSpace.small(classes=outputs, in_channels=channels, image_size=side)
    stages = [
        Stage((16, 24), stride=2, depths=(1, 2)),
        Stage((24, 32, 48), stride=2, depths=(1, 2, 3)),
        Stage((64, 96), stride=2, depths=(1, 2)),
    ]
    if side > _MEDIUM:  # the stem halves these, too
        stages.append(Stage((96, 128), stride=2, depths=(1, 2)))
    return MobileSpace(
        stages,
        kernels=(3, 5),
        expansions=(2, 4),
        resolutions=(96, 128) if side > 128 else (),
        head=128,
        classes=outputs,
        in_channels=channels,
        image_size=side,
    )


def _transformers(
    length: int, outputs: int, *, vocabulary: int | None = None, inputs: int | None = None
) -> TransformerSpace:
    return TransformerSpace(
        vocabulary=vocabulary,
        inputs=inputs,
        length=length,
        classes=outputs,
        depths=(1, 2, 3),
        widths=(32, 64),
        heads=(2, 4),
        experts=(1,),
        kv_heads=(2,),
    )
