"""Tables as spaces: benchmark problems whose evaluations are looked up rather than trained."""

from bonas.studies.benchmarks.nas_bench_201 import NASBench201Table
from bonas.studies.benchmarks.problems import FOLDER_PROBLEMS, PROBLEMS, problem
from bonas.studies.benchmarks.spikenas_bench import SpikeNASBench
from bonas.studies.benchmarks.table import Lookup, Table
from bonas.studies.benchmarks.transnas_bench_101 import TransNASBench101

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
