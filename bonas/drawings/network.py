"""``draw``: from a labelled graph to a picture.

``graph -> blocks -> stacks -> repetitions -> collapsed blocks -> layers -> places -> SVG``
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace
from operator import index
from typing import Literal

from bonas.drawings import graphviz
from bonas.drawings.blocks import whole_level
from bonas.drawings.collapse import collapsed
from bonas.drawings.columns import in_columns
from bonas.drawings.diagram import Level
from bonas.drawings.drawing import Drawing, svg_path
from bonas.drawings.layers import layered
from bonas.drawings.matching import Differences
from bonas.drawings.placement import Order
from bonas.drawings.repeats import folded
from bonas.drawings.stacks import stacked
from bonas.drawings.svg import drawing_of
from bonas.errors import InvalidArgument, MissingPackage, unknown
from bonas.spaces.graph import ArchitectureGraph
from bonas.spaces.outline import Outline
from bonas.spaces.sketch import sizes_of
from bonas.texts import shown

Layout = Literal["auto", "layers", "dot"]
LAYOUTS = ("auto", "layers", "dot")

Network = ArchitectureGraph | Outline


def draw(
    graph: Network,
    path: str | os.PathLike[str] | None = None,
    *,
    marked: Collection[int] = (),
    compared_with: Network | None = None,
    title: str = "network",
    fold: bool = True,
    layout: Layout = "auto",
) -> Drawing:
    """Draw a network from top to bottom, deep ones in columns.

    Norms and activations stand on the operation that feeds them. Equal consecutive parts are drawn
    once, with how often they follow each other; so are blocks that return at another width.

    Args:
        graph: A graph, or ``space.outline(choices)``, which has the shapes and blocks, too.
        path: Where to write the drawing, a name that ends in ``.svg``; None writes nothing.
        marked: Indices of nodes that stand out.
        compared_with: Another network; what it does not have is marked, and what it has besides is
            listed below the drawing.
        title: What a screen reader says.
        fold: Whether equal parts are drawn once.
        layout: Who puts nodes in order: ``"layers"`` is bonas alone, ``"dot"`` asks Graphviz where
            lines cross, and so does ``"auto"`` where Graphviz is installed. Looks are the same.

    Raises:
        InvalidArgument: for something else than a graph, a node that is not in it, a title that is
            no text, an unknown layout, or another ending of the path.
        MissingPackage: for ``layout="dot"`` without Graphviz.

    >>> import bonas
    >>> chain = bonas.ArchitectureGraph(["input", "conv", "output"], [(0, 1), (1, 2)])
    >>> draw(chain, title="a chain").svg[:4]
    '<svg'
    """
    target = None if path is None else svg_path(path)
    outline = as_outline(graph)
    order = _order(layout)
    marks = _checked_marks(marked, len(outline))
    if not isinstance(title, str):
        raise InvalidArgument(f"expected a text as title, got {shown(title)}; give a str")
    legend: list[tuple[str, bool]] = []
    if compared_with is not None:
        other = as_outline(compared_with)
        differences = Differences.between(outline, other)
        marks |= differences.own | differences.rewired
        legend = differences.sentences(outline, other)
    picture = in_columns(diagram_of(outline, marks, fold=fold), order)
    drawing = drawing_of(picture, title, legend)
    if target is not None:
        drawing.save(target)
    return drawing


def as_outline(graph: object) -> Outline:
    """Return the outline of a network, with the sizes that a graph's features stand for.

    Raises:
        InvalidArgument: for something else than a graph or an outline.
    """
    if isinstance(graph, Outline):
        return graph
    if not isinstance(graph, ArchitectureGraph):
        raise InvalidArgument(
            f"expected a bonas.ArchitectureGraph or an outline, got {type(graph).__name__}; "
            "draw space.outline(choices) or candidate.graph"
        )
    outline = Outline.of_graph(graph)
    return replace(outline, sizes=sizes_of(graph) or outline.sizes)


def diagram_of(outline: Outline, marked: Collection[int] = (), *, fold: bool = True) -> Level:
    """Return what is drawn of a network, as a diagram without places."""
    level = stacked(whole_level(outline, marked))
    return collapsed(folded(level)) if fold else level


def _checked_marks(marked: Collection[int], nodes: int) -> frozenset[int]:
    try:
        marks = [index(mark) for mark in marked]
    except TypeError as error:
        raise InvalidArgument(
            f"expected indices of nodes in marked, got {shown(marked)}; count nodes from 0"
        ) from error
    wrong = [mark for mark in marks if not 0 <= mark < nodes]
    if wrong:
        raise InvalidArgument(
            f"expected indices of the {nodes} nodes in marked, got {wrong[0]}; count from 0"
        )
    return frozenset(marks)


def _order(layout: object) -> Order:
    """Return how layers are found."""
    if layout not in LAYOUTS:
        raise unknown("layout", layout, LAYOUTS)
    if layout == "layers" or (layout == "auto" and not graphviz.is_installed()):
        return layered
    if not graphviz.is_installed():
        raise MissingPackage(
            "layout='dot' needs Graphviz, and there is no program dot on the path; install "
            "Graphviz, or use layout='layers'"
        )
    return graphviz.dot_layered
