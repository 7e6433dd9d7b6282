"""Any function that builds networks as a space: its choices, its networks' graphs, their costs."""

from bonas.spaces.families.family import Family, space

__all__ = ["Family", "space"]
