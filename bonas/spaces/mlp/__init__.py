"""Multilayer perceptrons for rows of numbers."""

from bonas.spaces.mlp.space import MLPSpace

__all__ = ["MLPSpace"]
