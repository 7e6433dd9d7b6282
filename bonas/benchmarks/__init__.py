"""Is it any better? Tables with exact answers, baselines, and comparisons with statistics."""

from bonas.benchmarks.comparison import Comparison, ablate, compare
from bonas.benchmarks.tables import Table, problem

__all__ = ["Comparison", "Table", "ablate", "compare", "problem"]
