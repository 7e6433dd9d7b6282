"""Data for training: sources of rows, their targets, and the train, validation and test parts."""

from bonas.evaluation.data.load import DataSource, Folder, Splits, load

__all__ = ["DataSource", "Folder", "Splits", "load"]
