"""A short training: its settings, its loop, and how the trained network is scored."""

from bonas.evaluation.training.short_training import ShortTraining

__all__ = ["ShortTraining"]
