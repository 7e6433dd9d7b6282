"""Latency: seconds that a network takes, measured on this machine."""

from bonas.evaluation.latency.latency import Latency

__all__ = ["Latency"]
