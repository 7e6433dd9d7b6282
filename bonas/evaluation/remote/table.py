"""A look-up table of latencies: a network's is the sum over its operations.

    latency = constant + scale * sum of t(operation)

``t`` is the latency of one operation alone on a device, measured once. Run alone, an operation has
overheads that it shares in a network, so that scale and constant are fitted by least squares on the
latencies of a few whole networks.

Sources: Cai, Zhu and Han (2019), "ProxylessNAS", ICLR; Cai, Gan, Wang, Zhang and Han (2020),
"Once-for-all", ICLR.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import torch

from bonas.errors import EvaluationFailed, InvalidArgument, InvalidData
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.latency.inputs import example_of
from bonas.evaluation.objective import LATENCY, Objective
from bonas.evaluation.remote.device import Measured, RemoteDevice
from bonas.evaluation.remote.latency import RemoteLatency
from bonas.evaluation.remote.model import Model
from bonas.evaluation.remote.operations import Operation, operations_of
from bonas.evaluation.runtime import first_pass, seeded
from bonas.evaluation.runtimes.onnx_export import export_onnx, onnx_feed
from bonas.settings import own_settings

_TOGETHER: Final = 8  # operations of one measurement
_VERSION: Final = 1
_FEWEST: Final = 2  # whole networks that a line is fitted to


@dataclass
class LatencyTable:
    """An evaluator: a network's latency as the sum over its operations, in milliseconds.

    It costs the time to build and run the network once here. An operation that is not in the table
    is measured on the device, if there is one, and added.

    Args:
        device: Where operations are measured; None refuses those that are unknown.
        input_shape: Shape of one input, without the batch; None takes that of the space.
        batch_size: Number of inputs in the batch.
        threads: Number of CPU threads on the device.
        seconds: Duration of the timings of one operation.

    Attributes:
        entries: The signature of an operation -> its latency in ms.
        scale, constant: Of the line, fitted by ``fit``; at first 1 and 0.
        identity: Of the device that measured.

    Raises:
        InvalidArgument: if a network has an unknown operation and there is no device.
    """

    device: RemoteDevice | None = None
    input_shape: Sequence[int] | None = None
    _: KW_ONLY
    batch_size: int = 1
    threads: int = 1
    seconds: float = 0.2
    entries: dict[str, float] = field(default_factory=dict, repr=False)
    scale: float = 1.0
    constant: float = 0.0
    identity: dict[str, Any] = field(default_factory=dict)

    objectives: ClassVar[tuple[Objective, ...]] = (LATENCY,)
    cost: ClassVar[float] = 0.1

    def describe(self) -> dict[str, Any]:
        """Return what decides the latency, as JSON values under its name."""
        if self.device is not None and not self.identity:
            self.identity.update(self.device.identity())
        shape = None if self.input_shape is None else list(self.input_shape)
        line = {"scale": self.scale, "constant": self.constant, "threads": self.threads}
        settings = {"table": line, "batch_size": self.batch_size, "input_shape": shape}
        return {LATENCY.name: {**settings, "device": self.identity}}

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """Return the latency in milliseconds."""
        return {LATENCY.name: self.constant + self.scale * self.sum(candidate)}

    def sum(self, candidate: Candidate) -> float:
        """Return the sum over the operations in milliseconds, after measuring unknown ones."""
        operations = self._operations(candidate)
        self._measure(operations)
        return math.fsum(self.entries[each.signature] for each in operations)

    def fit(self, candidates: Sequence[Candidate]) -> np.ndarray[Any, Any]:
        """Fit the line to whole networks measured on the device; return their latencies in ms.

        Raises:
            InvalidArgument: if there are fewer than two networks, or no device.
        """
        if self.device is None or len(candidates) < _FEWEST:
            raise InvalidArgument(
                f"expected a device and at least {_FEWEST} networks, got {self.device} and "
                f"{len(candidates)}; give LatencyTable(device=...) and ten or more candidates"
            )
        whole = RemoteLatency(
            self.device,
            self.input_shape,
            batch_size=self.batch_size,
            threads=self.threads,
            seconds=max(self.seconds, 0.2),
        )
        measured = np.array([whole(each)[LATENCY.name] for each in candidates])
        sums = np.array([self.sum(each) for each in candidates])
        if np.ptp(sums) > 0:
            weights = 1.0 / measured  # relative errors count alike
            matrix = np.stack([sums, np.ones_like(sums)], 1) * weights[:, None]
            scale, constant = np.linalg.lstsq(matrix, measured * weights, rcond=None)[0]
            if scale > 0:
                self.scale, self.constant = float(scale), float(constant)
        return measured

    def save(self, path: str | Path) -> None:
        """Write the table as a JSON file, with the device's identity."""
        content = {
            "version": _VERSION,
            "entries": self.entries,
            "line": [self.scale, self.constant],
            "batch_size": self.batch_size,
            "input_shape": None if self.input_shape is None else list(self.input_shape),
            "threads": self.threads,
            "device": self.identity,
        }
        target = Path(path)
        part = target.with_name(f"{target.name}.{os.getpid()}")
        part.write_text(json.dumps(content, indent=1))
        os.replace(part, target)

    @classmethod
    def load(cls, path: str | Path, device: RemoteDevice | None = None) -> LatencyTable:
        """Return the table of a file; ``device`` measures what is missing in it.

        Raises:
            InvalidData: if the file is no table, or another device has measured it.
        """
        try:
            content = json.loads(Path(path).read_text())
            entries = {str(name): float(ms) for name, ms in content["entries"].items()}
            scale, constant = map(float, content["line"])
            table = cls(
                device,
                content["input_shape"],
                batch_size=content["batch_size"],
                threads=content["threads"],
                entries=entries,
                scale=scale,
                constant=constant,
                identity=content["device"],
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidData(
                f"expected a latency table at {path}, got {type(error).__name__}: {error}; write "
                "one with LatencyTable.save"
            ) from error
        if device is not None and table.identity and device.identity() != table.identity:
            raise InvalidData(
                f"expected a table that was measured on {device}, got one of {table.identity}; "
                "load it without a device, or begin another table"
            )
        return table

    @own_settings()
    def _operations(self, candidate: Candidate) -> Sequence[Operation]:
        with seeded(np.random.SeedSequence(0), torch.device("cpu")):
            network = candidate.build()
            example = example_of(candidate.space, self.input_shape, self.batch_size)
            first_pass(network, example.mapped(torch.clone), candidate)
            return operations_of(network, example)

    def _measure(self, operations: Sequence[Operation]) -> None:
        """Measure the operations that are not in the table, and add them."""
        new = {each.signature: each for each in operations if each.signature not in self.entries}
        if not new:
            return
        if self.device is None:
            raise InvalidArgument(
                f"expected operations that are in the latency table, got {len(new)} others such as "
                f"{next(iter(new))}; give the table a device: LatencyTable.load(path, device)"
            )
        self.identity.update(self.device.identity())
        names = list(new)
        for start in range(0, len(names), _TOGETHER):
            part = names[start : start + _TOGETHER]
            models = [_exported(new[name]) for name in part]
            settings: Mapping[str, Any] = {"threads": self.threads, "seconds": self.seconds}
            found = self.device.measure(models, **settings)
            self.entries.update({n: _ms(n, each) for n, each in zip(part, found, strict=True)})


def _ms(name: str, found: Measured) -> float:
    if found.error:
        raise EvaluationFailed(f"the operation {name} failed on the device: {found.error}")
    return found.latency / (1.0 + found.drift) if abs(found.drift) > 0.1 else found.latency


@own_settings()
def _exported(operation: Operation) -> Model:
    with tempfile.TemporaryDirectory(prefix="bonas-") as folder:
        path = Path(folder) / "operation.onnx"
        example = operation.example
        found = export_onnx(operation.alone(), example, path, dynamic_batch=False)
        return Model.of(found.path, onnx_feed(found.inputs, example))
