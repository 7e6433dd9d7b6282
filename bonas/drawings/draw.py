"""``draw``: from a labelled graph to a picture."""

from __future__ import annotations

from collections.abc import Collection
from html import escape

from bonas.drawings.drawing import Drawing
from bonas.spaces import ArchitectureGraph


def draw(
    graph: ArchitectureGraph, *, marked: Collection[int] = (), title: str = "network"
) -> Drawing:
    """Draw a network.

    Args:
        graph: The network.
        marked: The indices of nodes that are to stand out.
        title: What the picture is called by a screen reader and by a tooltip.
    """
    rows = []
    for row, node in enumerate(graph.order):
        text = escape(graph.labels[node].encode("utf-8", "replace").decode())
        weight = ' font-weight="700"' if node in marked else ""
        rows.append(f'<text x="12" y="{20 + 18 * row}"{weight}>{text}</text>')
    height = 10 + 18 * len(rows)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 240 {height}" '
        f'width="240" height="{height}"><title>{escape(title)}</title>{"".join(rows)}</svg>'
    )
    return Drawing(svg, 240, height)
