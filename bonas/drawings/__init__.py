"""Drawings of networks: a labelled graph as an SVG picture."""

from bonas.drawings.draw import draw
from bonas.drawings.drawing import Drawing

__all__ = ["Drawing", "draw"]
