"""Stopping rules and learning-curve models on recorded trainings, epoch by epoch."""

from bonas.benchmarks.curves.quality import Quality, prediction_quality
from bonas.benchmarks.curves.recorded import CurveLookup, RecordedCurves
from bonas.benchmarks.curves.replay import Replay, replay
from bonas.benchmarks.curves.report import gap_table, quality_table, saving_table
from bonas.benchmarks.curves.rules import Gap, Rules, Saving, early_stopping, equal_budget

__all__ = [
    "CurveLookup",
    "Gap",
    "Quality",
    "RecordedCurves",
    "Replay",
    "Rules",
    "Saving",
    "early_stopping",
    "equal_budget",
    "gap_table",
    "prediction_quality",
    "quality_table",
    "replay",
    "saving_table",
]
