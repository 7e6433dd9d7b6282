"""This machine as a device: the same measurement, in a process of its own, without ssh."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from bonas.evaluation.remote.command import BOOTSTRAP
from bonas.evaluation.remote.device import RemoteDevice


@dataclass(frozen=True, eq=False)
class LocalDevice(RemoteDevice):
    """ONNX Runtime on this machine, as ``RemoteDevice`` measures elsewhere.

    The networks run in a process of their own, which a crash or the time limit ends, and one at a
    time: workers of this machine, and others that measure on it by ssh, wait for each other.
    """

    host: str = "localhost"
    python: str = sys.executable

    def _command(self) -> list[str]:
        return [self.python, "-u", "-c", BOOTSTRAP]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LocalDevice) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((LocalDevice, self.python))
