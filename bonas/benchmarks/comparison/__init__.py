"""Methods compared with honest statistics, on benchmark problems or on a space of one's own."""

from bonas.benchmarks.comparison.ablation import ablate
from bonas.benchmarks.comparison.compare import compare
from bonas.benchmarks.comparison.comparison import CHECKPOINTS, Comparison
from bonas.benchmarks.comparison.metrics import MEASURES
from bonas.benchmarks.comparison.run import Key, Run
from bonas.benchmarks.comparison.stored import stored

__all__ = [
    "CHECKPOINTS",
    "MEASURES",
    "Comparison",
    "Key",
    "Run",
    "ablate",
    "compare",
    "stored",
]
