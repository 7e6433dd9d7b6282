"""Measurements on other devices: over ssh, by a program of the user's, or by a look-up table."""

from bonas.evaluation.remote.device import Measured, RemoteDevice
from bonas.evaluation.remote.latency import DEVICE_MEMORY, RemoteLatency

__all__ = ["DEVICE_MEMORY", "Measured", "RemoteDevice", "RemoteLatency"]
