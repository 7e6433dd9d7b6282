"""Methods compared with honest statistics, on benchmark problems or on a space of your own."""

from bonas.benchmarks.comparison.ablation import ablate
from bonas.benchmarks.comparison.compare import compare
from bonas.benchmarks.comparison.comparison import CHECKPOINTS, Comparison
from bonas.benchmarks.comparison.metrics import METRICS
from bonas.benchmarks.comparison.run import Run, RunKey
from bonas.benchmarks.comparison.stored import load_comparison

__all__ = [
    "CHECKPOINTS",
    "METRICS",
    "Comparison",
    "Run",
    "RunKey",
    "ablate",
    "compare",
    "load_comparison",
]
