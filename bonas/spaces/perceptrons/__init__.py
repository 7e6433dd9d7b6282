"""Multilayer perceptrons for rows of numbers."""

from bonas.spaces.perceptrons.mlp import MLPSpace

__all__ = ["MLPSpace"]
