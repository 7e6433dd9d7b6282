"""Roles: what a built-in space says of the parameters of its networks."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from bonas.spaces import Choices, Space
from bonas.supernets.slot import Piece

Pieces = Callable[[str, nn.Module, nn.Parameter], tuple[Piece, ...]]
"""A function of a parameter's qualified name, the module that holds it and the parameter, that
returns the pieces of which it consists."""

Roles = Callable[[Space, Choices], Pieces]
"""A function of a space and choices that returns the pieces of the parameters of their network."""
