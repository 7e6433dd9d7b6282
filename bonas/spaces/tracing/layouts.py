"""Layouts: the order in which a view reads the elements of the tensor that an operation returned.

A view computes nothing, but it may reorder elements, and then the next operation computes something
else. A layout is the net effect of a chain of views, as shape and strides over that tensor:

    x.view(n, t, h, d).transpose(1, 2)    shape (n, h, t, d), strides (t h d, d, h d, 1)

Chains of the same effect have the same layout, and a chain that undoes itself has no strides
(``strides`` is None). Neighbouring dimensions that stay together are merged into one block, so that
a head split and a channel shuffle both swap two blocks. The batch dimension is left out, wherever
it is.
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
    """A tensor as a view of the one that an operation returned, its base.

    Attributes:
        base: The shape of the base.
        shape: The shape of the view.
        strides: The strides of the view over the base; None where the elements keep their order.
        axis: The batch dimension of the view; -1 where it has none any more.
        base_axis: The batch dimension of the base.
    """

    base: Shape
    shape: Shape
    strides: Shape | None = None
    axis: int = 0
    base_axis: int = 0

    @property
    def plain(self) -> bool:
        """Whether this is the base itself, and no view."""
        return self.strides is None and self.base == self.shape


def base_layout(shape: Sequence[int], axis: int = 0) -> Layout:
    """Return the layout of a tensor that is no view."""
    base = tuple(shape)
    return Layout(base, base, None, axis, axis)


def view_layout(name: str, arguments: Sequence[Any], layout: Layout, shape: Shape) -> Layout | None:
    """Return the layout of a view of a view; None if torch had to copy elements for it.

    Args:
        name: The function, one of ``RESHAPES``, ``PERMUTES`` and ``EXPANDS``.
        arguments: Its arguments other than tensors.
        layout: The layout of the tensor that it was given.
        shape: The shape of the tensor that it returned.
    """
    if name in RESHAPES or (name in EXPANDS and shape == layout.shape):
        return _reshaped(layout, shape)
    strides = layout.strides or contiguous_strides(layout.shape)
    if name in EXPANDS:
        return _expanded(layout, strides, shape)
    order = _order(name, arguments, len(shape))
    axis = order.index(layout.axis) if layout.axis in order else -1
    return _simplified(layout, shape, tuple(strides[i] for i in order), axis)


def contiguous_strides(shape: Shape) -> Shape:
    """Return the strides of a contiguous tensor."""
    strides, stride = [], 1
    for size in reversed(shape):
        strides.append(stride)
        stride *= size
    return tuple(reversed(strides))


def blocks(layout: Layout) -> list[tuple[int, int]]:
    """Return (size, stride) of each block of one example that the view keeps together."""
    strides = layout.strides or contiguous_strides(layout.shape)
    axis, batch = layout.axis, 1
    if 0 <= axis < len(strides):
        batch = layout.shape[axis]
        within = strides[axis]
        pairs = [
            (z, s // batch if s > within > 0 else s)
            for i, (z, s) in enumerate(zip(layout.shape, strides, strict=True))
            if i != axis and z != 1
        ]
    else:
        pairs = [(z, s) for z, s in zip(layout.shape, strides, strict=True) if z != 1]
    return _merged(pairs)


def reorder_label(layout: Layout) -> tuple[str, dict[str, int]]:
    """Return label and sizes of a node that reorders the elements of its input as a view does."""
    found = blocks(layout)
    rank = {s: i for i, s in enumerate(sorted({s for _, s in found}, reverse=True))}
    whole = math.prod(z for z, _ in found)
    if len(rank) < len(found) or 0 in rank or whole * _batch(layout) != math.prod(layout.base):
        after = "x".join(map(str, without_batch(layout.shape, layout.axis)))
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
    own = without_batch(layout.shape, layout.axis)
    if own != tuple(z for z, _ in found):  # some blocks span several dimensions
        free = [name for name in _SPARE if name not in sizes]
        sizes |= zip(free, own, strict=False)
        beyond += own[len(free) :]
    return (f"{label}[{'x'.join(map(str, beyond))}]" if beyond else label), sizes


def materialized(layout: Layout) -> Layout:
    """Return the layout of the view once its elements were copied into its order."""
    return layout._replace(base=layout.shape, strides=None, base_axis=layout.axis)


def unexpanded(layout: Layout) -> Layout:
    """Return the layout without the elements that an expansion repeats."""
    if layout.strides is None or 0 not in layout.strides:
        return layout
    pairs = [(1 if s == 0 else z, s) for z, s in zip(layout.shape, layout.strides, strict=True)]
    shape = tuple(z for z, _ in pairs)
    strides, stride = [], math.prod(layout.base)
    for _, s in pairs:
        stride = s or stride
        strides.append(stride)
    return _simplified(layout, shape, tuple(strides), layout.axis)


def reshape_label(layout: Layout) -> tuple[str, dict[str, int]]:
    """Return label and sizes of a node that gives one example another shape."""
    shape = without_batch(layout.shape, layout.axis)
    if shape == without_batch(layout.base, layout.base_axis):
        return f"batch_at({layout.axis})", {}
    sizes = dict(zip(_COLUMNS, shape, strict=False))
    beyond = shape[len(_COLUMNS) :]
    ending = "x" + "x".join(map(str, beyond)) if beyond else ""
    return f"reshape({len(shape)}d{ending})", sizes


def without_batch(shape: Shape, axis: int) -> Shape:
    """Return the shape of one example."""
    return shape[:axis] + shape[axis + 1 :] if 0 <= axis < len(shape) else shape


def is_suffix(shape: Shape) -> bool:
    """Return whether a tensor of this shape varies along its last dimensions only, as biases do."""
    longer = [i for i, size in enumerate(shape) if size != 1]
    return not longer or 1 not in shape[longer[0] :]


def squeezed(shape: Shape, axis: int) -> Shape:
    """Return the dimensions of one example that are larger than 1."""
    return tuple([size for i, size in enumerate(shape) if size != 1 and i != axis])


def _batch(layout: Layout) -> int:
    return layout.shape[layout.axis] if 0 <= layout.axis < len(layout.shape) else 1


def _simplified(of: Layout, shape: Shape, strides: Shape, axis: int) -> Layout:
    """Return another view of the same base; without strides if an example keeps its order."""
    layout = of._replace(shape=shape, strides=strides, axis=axis)
    found = blocks(layout)
    size = math.prod(layout.base) // max(_batch(layout), 1)
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
    moved = axis < 0 or layout.shape[: axis + 1] != shape[: axis + 1]
    after = _batch_after(layout, shape) if moved else axis
    if layout.strides is None:
        # where the batch is not the first dimension, only ``axis`` shows it
        return layout._replace(shape=shape, axis=after)
    strides = _reshaped_strides(layout.shape, layout.strides, shape)
    return None if strides is None else _simplified(layout, shape, strides, after)


def _batch_after(layout: Layout, shape: Shape) -> int:
    """Find the batch dimension after a reshape that changed it, or dimensions before it."""
    if layout.axis < 0 or not shape:
        return -1
    before = math.prod(layout.shape[: layout.axis])
    batch, seen = layout.shape[layout.axis], 1
    for i, size in enumerate(shape):
        if seen == before and size == batch:
            return i
        seen *= size
    return -1


def _reshaped_strides(old: Shape, strides: Shape, new: Shape) -> Shape | None:
    """Return the strides of the same elements, in the same order, in a new shape; None if none."""
    chunks = _merged([(z, s) for z, s in zip(old, strides, strict=True) if z != 1])
    out: list[int] = []
    left, stride = chunks.pop() if chunks else (1, 1)
    for size in reversed(new):
        if size == 1:
            out.append(stride)
            continue
        if left == 1 and chunks:
            left, stride = chunks.pop()
        if left % size:
            return None
        out.append(stride)
        left //= size
        stride *= size
    return tuple(reversed(out)) if left == 1 and not chunks else None


def _expanded(layout: Layout, strides: Shape, shape: Shape) -> Layout:
    new = len(shape) - len(layout.shape)
    own = (1,) * new + layout.shape
    padded = (0,) * new + strides
    repeated = tuple(0 if a != b else s for a, b, s in zip(own, shape, padded, strict=True))
    axis = layout.axis + new if layout.axis >= 0 else -1
    return layout._replace(shape=shape, strides=repeated, axis=axis)


def _order(name: str, arguments: Sequence[Any], dims: int) -> list[int]:
    """Return the order of dimensions that a permutation of ``dims`` gives."""
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
