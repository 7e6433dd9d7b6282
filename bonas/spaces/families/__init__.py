"""Any function that builds networks as a space: its choices, its networks' graphs, their costs."""

from bonas.spaces.families.declaration import space
from bonas.spaces.families.family import Family

__all__ = ["Family", "space"]
