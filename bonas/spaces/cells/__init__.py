"""Cells: a small graph of operations is searched, the network repeats it."""

from bonas.spaces.cells.network import OPERATIONS
from bonas.spaces.cells.space import CellSpace, NASBench201

__all__ = ["OPERATIONS", "CellSpace", "NASBench201"]
