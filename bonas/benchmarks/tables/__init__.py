"""Tables as spaces: benchmark problems whose evaluations are looked up rather than trained."""

from bonas.benchmarks.tables.nas_bench_201 import NASBench201Table
from bonas.benchmarks.tables.registry import FOLDER_PROBLEMS, PROBLEMS, problem
from bonas.benchmarks.tables.spikenas_bench import SpikeNASBench
from bonas.benchmarks.tables.table import Lookup, Table
from bonas.benchmarks.tables.transnas_bench_101 import TransNASBench101

__all__ = [
    "FOLDER_PROBLEMS",
    "PROBLEMS",
    "Lookup",
    "NASBench201Table",
    "SpikeNASBench",
    "Table",
    "TransNASBench101",
    "problem",
]
