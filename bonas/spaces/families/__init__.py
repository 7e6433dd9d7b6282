"""Families: any function that builds networks, as a space with choices, graphs and costs."""

from bonas.spaces.families.declaration import space
from bonas.spaces.families.family import Family

__all__ = ["Family", "space"]
