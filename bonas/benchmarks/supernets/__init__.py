"""What supernets say of networks that were trained from scratch, and what that is worth."""

from bonas.benchmarks.supernets.bench import SupernetBench
from bonas.benchmarks.supernets.inherited import Training

__all__ = ["SupernetBench", "Training"]
