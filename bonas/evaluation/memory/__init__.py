"""Memory: what a network takes while it is trained or run, estimated and measured."""

from bonas.evaluation.memory.estimate import MemoryEstimate, estimate
from bonas.evaluation.memory.factor import MemoryFactor
from bonas.evaluation.memory.peak import can_measure, measure_peak
from bonas.evaluation.memory.peak_memory import PEAK_MEMORY, TRAINING_MEMORY, PeakMemory

__all__ = [
    "PEAK_MEMORY",
    "TRAINING_MEMORY",
    "MemoryEstimate",
    "MemoryFactor",
    "PeakMemory",
    "can_measure",
    "estimate",
    "measure_peak",
]
