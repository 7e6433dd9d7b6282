"""Small mobile spaces."""

from __future__ import annotations

from bonas.spaces.mobile.space import MobileSpace, Stage

SMALL = MobileSpace.small()


TINY = MobileSpace(  # 2 widths, and kernels of 1 to 3 blocks
    [Stage((8, 16), depths=(1, 2, 3))],
    kernels=(3, 5),
    expansions=(2,),
    squeeze_excite=(False,),
    stem=8,
    head=8,
    image_size=4,
)
