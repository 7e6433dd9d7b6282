"""Drawings of networks: a labelled graph as an SVG picture."""

from bonas.drawings.drawing import Drawing
from bonas.drawings.network import Layout, draw

__all__ = ["Drawing", "Layout", "draw"]
