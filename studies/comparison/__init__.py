"""Methods compared with honest statistics, on benchmark problems or on a space of one's own."""

from bonas.studies.comparison.ablation import ablate
from bonas.studies.comparison.compare import compare
from bonas.studies.comparison.comparison import CHECKPOINTS, Comparison
from bonas.studies.comparison.measures import MEASURES
from bonas.studies.comparison.run import Key, Run
from bonas.studies.comparison.stored import stored

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
