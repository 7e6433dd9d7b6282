"""Latency on a remote device, with the reference network as a check of its clock.

    drift = t_ref / t_0 - 1

``t_ref`` is the reference's latency in the rounds of a network, ``t_0`` the first one that the
device has kept. A drift of up to 10 % is noise of both. Beyond that the network is measured again.
If the device stays slow (a throttled or shared processor) or fast, the latency is divided by
1 + drift, what was measured is kept under its own name, and the search says so once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import lru_cache
from typing import Any, Final

from bonas.arguments import check_count, check_positive
from bonas.errors import EvaluationFailed, InvalidArgument
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.objective import LATENCY, Objective
from bonas.evaluation.remote.device import Measured, RemoteDevice
from bonas.evaluation.remote.model import Model
from bonas.evaluation.remote.onnx_file import OnnxFile

DEVICE_MEMORY: Final = Objective("device_memory", "minimize", "bytes")
_PROTOCOL: Final = "interleaved rounds, 25 % quantile"
_DRIFT: Final = 0.10
_TIMES: Final = 3  # that a network is measured at most while the reference drifts
_PAUSE: Final = 1.0  # seconds before it is measured again
_EXPORT: Final = 2.0  # seconds, roughly

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RemoteLatency:
    """An evaluator: the milliseconds that an untrained network takes for one batch on a device.

    The network is exported to ONNX, compared with PyTorch, and run by ONNX Runtime on the device.
    Called with a candidate it returns

    - ``latency``: the 25 % quantile of interleaved rounds, in ms; ``latency_sd``, its standard
      error; ``latency_iqr``, the inter-quartile range of all timings;
    - ``latency_reference`` (ms), that of the reference network; ``latency_drift``, the share by
      which it is above its first one; and ``latency_uncorrected`` (ms) if that is above 10 %, so
      that the latency was divided by 1 + drift;
    - ``device_memory``: bytes by which the network raised the peak of the process' memory;
      ``device_load`` and ``device_mhz``, the load and the clock of the device. Each where the
      device's system tells.

    Args:
        device: Where it is measured.
        input_shape: Shape of one input, without the batch; None takes that of the space.
        batch_size: Number of inputs in the batch.
        threads: Number of CPU threads.
        precision: ``"fp32"`` or ``"int8"``.
        seconds: Duration of the timings.
        memory: Whether ``device_memory`` is an objective, too.

    Raises:
        InvalidArgument: if a setting is out of its range.
        DeviceUnavailable: if the device is away, busy, or another one than before.
        EvaluationFailed: if the network fails or takes too long there.
        ExportFailed: if it cannot be exported.
    """

    device: RemoteDevice
    input_shape: Sequence[int] | None = None
    _: KW_ONLY
    batch_size: int = 1
    threads: int = 1
    precision: str = "fp32"
    seconds: float = 1.0
    memory: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.device, RemoteDevice):
            raise InvalidArgument(
                f"expected a device, got {self.device!r}; give RemoteDevice('pi.local')"
            )
        check_count("threads", self.threads)
        check_positive("seconds", self.seconds, advice="give the duration of the timings")
        object.__setattr__(self, "input_shape", self._file.input_shape)

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """Latency, and memory if it was asked for."""
        return (LATENCY, DEVICE_MEMORY) if self.memory else (LATENCY,)

    @property
    def cost(self) -> float:
        """Seconds per candidate, roughly: ``Stages`` measures latency before it trains."""
        return _EXPORT + self.seconds

    def describe(self) -> dict[str, Any]:
        """Return what decides the objectives, as JSON values under their names.

        The device's identity is part of it, so that a study is not resumed on another device.

        Raises:
            DeviceUnavailable: if the device, which is asked once, is away.
        """
        settings = {
            **self._file.describe(),
            "device": self.device.identity(),
            "providers": list(self.device.providers),
            "threads": self.threads,
            "protocol": _PROTOCOL,
        }
        return {objective.name: settings for objective in self.objectives}

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """Return the latency in milliseconds, and what was measured with it."""
        with self._file.of(candidate) as (path, inputs):
            model = Model.of(path, inputs)
        found = self._measured(model)
        values = {
            "latency_sd": found.sd,
            "latency_iqr": found.iqr,
            "latency_reference": found.reference,
            "latency_drift": found.drift,
            DEVICE_MEMORY.name: found.memory,
            "device_load": found.load,
            "device_mhz": found.mhz,
        }
        if self.memory and found.memory is None:
            raise EvaluationFailed(
                f"expected the memory of a network, but the system of the device {self.device} "
                "does not tell it (/proc/self/clear_refs); leave out memory=True"
            )
        kept = {name: value for name, value in values.items() if value is not None}
        return {**self._corrected(found), **kept}

    @property
    def _file(self) -> OnnxFile:
        return OnnxFile(self.input_shape, batch_size=self.batch_size, precision=self.precision)

    def _measured(self, model: Model) -> Measured:
        """Measure until the reference takes what it first took, a few times at most."""
        for again in range(_TIMES):
            if again:
                time.sleep(_PAUSE)
            (found,) = self.device.measure([model], threads=self.threads, seconds=self.seconds)
            if found.error:
                raise EvaluationFailed(
                    f"expected a network that runs on the device {self.device}, got {found.error}"
                )
            if abs(found.drift) <= _DRIFT:
                break
        return found

    def _corrected(self, found: Measured) -> dict[str, float]:
        if abs(found.drift) <= _DRIFT:
            return {LATENCY.name: found.latency}
        _log_drift(str(self.device))
        return {
            LATENCY.name: found.latency / (1.0 + found.drift),
            "latency_uncorrected": found.latency,
        }


@lru_cache(maxsize=20)
def _log_drift(device: str) -> None:
    _logger.warning(
        "the reference network does not take what it first took on the device %s: its clock or "
        "load has changed. Latencies are divided by 1 + latency_drift; what was measured is kept "
        "as latency_uncorrected",
        device,
    )
