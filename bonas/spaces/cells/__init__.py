"""Cells: a small graph of operations is searched, the network repeats it."""

from bonas.spaces.cells.cell import CellSpace, NASBench201
from bonas.spaces.cells.cell_network import OPERATIONS
from bonas.spaces.cells.darts import DARTSSpace
from bonas.spaces.cells.nas_bench_101 import NASBench101Space

__all__ = ["OPERATIONS", "CellSpace", "DARTSSpace", "NASBench101Space", "NASBench201"]
