"""Stopping rules and learning-curve models on recorded trainings, epoch by epoch."""

from bonas.benchmarks.curves.recorded import CurveLookup, RecordedCurves
from bonas.benchmarks.curves.replay import Replay, replay

__all__ = ["CurveLookup", "RecordedCurves", "Replay", "replay"]
