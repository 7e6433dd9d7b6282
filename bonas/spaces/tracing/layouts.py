"""The order in which a view reads the elements that an operation made.

A view computes nothing, but it may put elements in another order, and then the next operation
computes something else. A layout is what a chain of views amounts to, as sizes and strides over
what the operation made:

    x.view(n, t, h, d).transpose(1, 2)    sizes (n, h, t, d), strides (t h d, d, h d, 1)

Chains that amount to the same have the same layout, and a chain that undoes itself has none
(``strides`` is None). Blocks that stay together are one: a head split and a channel shuffle both
swap two neighbouring blocks. The dimension of the batch is left out, wherever it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from bonas.spaces.tracing.function_names import EXPANDS, RESHAPES

Shape = tuple[int, ...]
_COLUMNS = ("inputs", "outputs", "kernel", "groups", "heads")
_SPARE = ("heads", "groups", "kernel")


class Layout(NamedTuple):
    """A tensor as a view.

    Attributes:
        made: The shape of what the operation made.
        sides: The shape of the view.
        strides: Of the view over ``made``; None where the elements are in their order.
        axis: The dimension of the view that is the batch; -1 where there is none any more.
        home: The dimension of ``made`` that is.
    """

    made: Shape
    sides: Shape
    strides: Shape | None = None
    axis: int = 0
    home: int = 0

    @property
    def plain(self) -> bool:
        """Whether this is what the operation made, and no view."""
        return self.strides is None and self.made == self.sides


def fresh(shape: Sequence[int], axis: int = 0) -> Layout:
    """The layout of what an operation made."""
    sides = tuple(shape)
    return Layout(sides, sides, None, axis, axis)


def viewed(name: str, arguments: Sequence[Any], layout: Layout, shape: Shape) -> Layout | None:
    """The layout of a view of a view; None where elements had to be copied into another order.

    Args:
        name: Of the function, one of ``RESHAPES``, ``PERMUTES`` and ``EXPANDS``.
        arguments: All that are no tensors.
        layout: Of what it was given.
        shape: Of what it returned.
    """
    if name in RESHAPES or (name in EXPANDS and shape == layout.sides):
        return _reshaped(layout, shape)
    strides = layout.strides or contiguous(layout.sides)
    if name in EXPANDS:
        return _expanded(layout, strides, shape)
    order = _order(name, arguments, len(shape))
    axis = order.index(layout.axis) if layout.axis in order else -1
    return _settled(layout, shape, tuple(strides[i] for i in order), axis)


def contiguous(shape: Shape) -> Shape:
    """The strides of elements in their order."""
    strides, stride = [], 1
    for side in reversed(shape):
        strides.append(stride)
        stride *= side
    return tuple(reversed(strides))


def blocks(layout: Layout) -> list[tuple[int, int]]:
    """The (size, stride) of the blocks of one example that the view keeps together."""
    strides = layout.strides or contiguous(layout.sides)
    axis, batch = layout.axis, 1
    if 0 <= axis < len(strides):
        batch = layout.sides[axis]
        within = strides[axis]
        pairs = [
            (z, s // batch if s > within > 0 else s)
            for i, (z, s) in enumerate(zip(layout.sides, strides, strict=True))
            if i != axis and z != 1
        ]
    else:
        pairs = [(z, s) for z, s in zip(layout.sides, strides, strict=True) if z != 1]
    return _merged(pairs)


def told(layout: Layout) -> tuple[str, dict[str, int]]:
    """The label and the sizes of a node that puts elements in another order."""
    found = blocks(layout)
    rank = {s: i for i, s in enumerate(sorted({s for _, s in found}, reverse=True))}
    whole = math.prod(z for z, _ in found)
    if len(rank) < len(found) or 0 in rank or whole * _batch(layout) != math.prod(layout.made):
        after = "x".join(map(str, without_batch(layout.sides, layout.axis)))
        return f"expand({', '.join(f'{z}:{s}' for z, s in found)})[{after}]", {}
    order = [rank[s] for _, s in found]
    first = next(i for i, place in enumerate(order) if i != place)
    last = next(i for i in reversed(range(len(order))) if order[i] != i)
    moved = [place - first for place in order[first : last + 1]]
    sides = sorted(found[first : last + 1], key=lambda pair: -pair[1])
    sizes = dict(zip(_COLUMNS, (z for z, _ in sides), strict=False))
    sizes["stride"] = math.prod(z for z, _ in found[last + 1 :])
    label = "transpose" if moved == [1, 0] else f"permute({', '.join(map(str, moved))})"
    beyond = [z for z, _ in sides[len(_COLUMNS) :]]
    own = without_batch(layout.sides, layout.axis)
    if own != tuple(z for z, _ in found):  # the blocks have sides of their own
        free = [name for name in _SPARE if name not in sizes]
        sizes |= zip(free, own, strict=False)
        beyond += own[len(free) :]
    return (f"{label}[{'x'.join(map(str, beyond))}]" if beyond else label), sizes


def ordered(layout: Layout) -> Layout:
    """The layout of the same view once an operation has put the elements in its order."""
    return layout._replace(made=layout.sides, strides=None, home=layout.axis)


def unexpanded(layout: Layout) -> Layout:
    """Without the elements that an expansion repeats."""
    if layout.strides is None or 0 not in layout.strides:
        return layout
    pairs = [(1 if s == 0 else z, s) for z, s in zip(layout.sides, layout.strides, strict=True)]
    sides = tuple(z for z, _ in pairs)
    strides, stride = [], math.prod(layout.made)
    for _, s in pairs:
        stride = s or stride
        strides.append(stride)
    return _settled(layout, sides, tuple(strides), layout.axis)


def reshape_told(layout: Layout) -> tuple[str, dict[str, int]]:
    """The label and the sizes of a node that gives one example other sides."""
    shape = without_batch(layout.sides, layout.axis)
    if shape == without_batch(layout.made, layout.home):
        return f"batch_at({layout.axis})", {}
    sizes = dict(zip(_COLUMNS, shape, strict=False))
    beyond = shape[len(_COLUMNS) :]
    ending = "x" + "x".join(map(str, beyond)) if beyond else ""
    return f"reshape({len(shape)}d{ending})", sizes


def without_batch(shape: Shape, axis: int) -> Shape:
    """The sides of one example."""
    return shape[:axis] + shape[axis + 1 :] if 0 <= axis < len(shape) else shape


def is_suffix(shape: Shape) -> bool:
    """Whether what has these sides varies along the last dimensions only, as biases do."""
    longer = [i for i, side in enumerate(shape) if side != 1]
    return not longer or 1 not in shape[longer[0] :]


def squeezed(shape: Shape, axis: int) -> Shape:
    """The sides of one example that are longer than 1."""
    return tuple([side for i, side in enumerate(shape) if side != 1 and i != axis])


def _batch(layout: Layout) -> int:
    return layout.sides[layout.axis] if 0 <= layout.axis < len(layout.sides) else 1


def _settled(of: Layout, sides: Shape, strides: Shape, axis: int) -> Layout:
    """Without strides where one example's elements are in their order."""
    layout = of._replace(sides=sides, strides=strides, axis=axis)
    found = blocks(layout)
    size = math.prod(layout.made) // max(_batch(layout), 1)
    return layout._replace(strides=None) if found in ([], [(size, 1)]) else layout


def _merged(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for size, stride in pairs:
        if out and out[-1][1] == size * stride:
            out[-1] = (out[-1][0] * size, stride)
        else:
            out.append((size, stride))
    return out


def _reshaped(layout: Layout, shape: Shape) -> Layout | None:
    axis = layout.axis
    moved = axis < 0 or layout.sides[: axis + 1] != shape[: axis + 1]
    after = _batch_after(layout, shape) if moved else axis
    if layout.strides is None:
        # A batch that stands behind other dimensions stays there in the layout only.
        return layout._replace(sides=shape, axis=after)
    strides = _restrided(layout.sides, layout.strides, shape)
    return None if strides is None else _settled(layout, shape, strides, after)


def _batch_after(layout: Layout, shape: Shape) -> int:
    """Where the batch is after a reshape that changed what stands before it or itself."""
    if layout.axis < 0 or not shape:
        return -1
    before = math.prod(layout.sides[: layout.axis])
    batch, seen = layout.sides[layout.axis], 1
    for i, side in enumerate(shape):
        if seen == before and side == batch:
            return i
        seen *= side
    return -1


def _restrided(sides: Shape, strides: Shape, shape: Shape) -> Shape | None:
    """The strides of the same elements in the same order with other sides, if there are any."""
    chunks = _merged([(z, s) for z, s in zip(sides, strides, strict=True) if z != 1])
    out: list[int] = []
    left, stride = chunks.pop() if chunks else (1, 1)
    for side in reversed(shape):
        if side == 1:
            out.append(stride)
            continue
        if left == 1 and chunks:
            left, stride = chunks.pop()
        if left % side:
            return None
        out.append(stride)
        left //= side
        stride *= side
    return tuple(reversed(out)) if left == 1 and not chunks else None


def _expanded(layout: Layout, strides: Shape, shape: Shape) -> Layout:
    new = len(shape) - len(layout.sides)
    sides = (1,) * new + layout.sides
    padded = (0,) * new + strides
    repeated = tuple(0 if a != b else s for a, b, s in zip(sides, shape, padded, strict=True))
    axis = layout.axis + new if layout.axis >= 0 else -1
    return layout._replace(sides=shape, strides=repeated, axis=axis)


def _order(name: str, arguments: Sequence[Any], dims: int) -> list[int]:
    """Which dimension comes where."""
    order = list(range(dims))
    if name in ("t", "T", "H"):
        return order[::-1]
    if name in ("mT", "mH", "adjoint"):
        return [*order[:-2], dims - 1, dims - 2]
    if name == "permute":
        places = arguments[0]
        return [p % dims for p in (places if isinstance(places, (tuple, list)) else (places,))]
    a, b = arguments[:2]
    if name in ("movedim", "moveaxis"):
        sources = [p % dims for p in (a if isinstance(a, (tuple, list)) else (a,))]
        targets = [p % dims for p in (b if isinstance(b, (tuple, list)) else (b,))]
        rest = iter(i for i in order if i not in sources)
        at = dict(zip(targets, sources, strict=True))
        return [at[i] if i in at else next(rest) for i in order]
    a, b = a % dims, b % dims
    order[a], order[b] = order[b], order[a]
    return order
