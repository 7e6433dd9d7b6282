"""Measurements on other devices: over ssh, by a program of the user's, or by a look-up table."""

from bonas.evaluation.remote.device import Measured, RemoteDevice
from bonas.evaluation.remote.latency import DEVICE_MEMORY, RemoteLatency
from bonas.evaluation.remote.local import LocalDevice
from bonas.evaluation.remote.measurement import DeviceMeasurement
from bonas.evaluation.remote.table import LatencyTable

__all__ = [
    "DEVICE_MEMORY",
    "DeviceMeasurement",
    "LatencyTable",
    "LocalDevice",
    "Measured",
    "RemoteDevice",
    "RemoteLatency",
]
