"""Data for training: where rows come from, what their targets are, and the three parts."""

from bonas.evaluation.data.load import DataSource, Folder, Splits, load

__all__ = ["DataSource", "Folder", "Splits", "load"]
