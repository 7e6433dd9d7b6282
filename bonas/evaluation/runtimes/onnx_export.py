"""ONNX export: a network as one file, which is run and compared with PyTorch before it counts.

The network is exported as a function of its input tensors, in the order of the example, that
returns its output tensors in order: mappings, dataclasses and keyword arguments do not exist in the
format. A batch of another size fits where the network allows it.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from bonas.errors import InvalidData, MissingPackage
from bonas.evaluation.runtimes.deliverable import (
    arrays_in,
    deliverable,
    largest_difference,
    outputs_in,
)
from bonas.evaluation.runtimes.export_failed import ExportFailed, failed
from bonas.evaluation.runtimes.onnx_session import missing, onnxruntime, session
from bonas.evaluation.runtimes.silence import silence
from bonas.settings import own_settings
from bonas.spaces import Example

OPSET: Final = 20
TOLERANCE: Final = 1e-5
"""Largest difference to PyTorch, as a share of the outputs' range, of a float32 network."""
_HALF = {torch.float16: 2e-2, torch.bfloat16: 1e-1}  # a thousand roundings of each
_LARGE = 2_000_000_000  # bytes: protobuf cannot hold more in one file


@dataclass(frozen=True, slots=True)
class OnnxExport:
    """An ONNX file that was run and compared.

    Attributes:
        path: The file; one above 2 GB has its weights in a second file beside it.
        difference: Largest difference to PyTorch, as a share of the outputs' range.
        inputs: Names of the inputs, in the order of the example's tensors.
        outputs: Names of the outputs, in the order of the network's tensors.
        opset: The version of the operators.
        batch: The number of rows it takes; None for any.
        size: Of all its files, in bytes.
    """

    path: Path
    difference: float
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    opset: int
    batch: int | None
    size: int


class _Flat(nn.Module):
    """A network as a function from tensors to a tuple of tensors."""

    def __init__(self, network: nn.Module, example: Example) -> None:
        super().__init__()
        self.network = network
        self._example = example
        self._places = {id(tensor): i for i, tensor in enumerate(example.tensors)}

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        given = self._example.mapped(lambda own: tensors[self._places[id(own)]])
        return tuple(x for x in outputs_in(given.call(self.network)) if isinstance(x, Tensor))


@own_settings()
def export_onnx(
    network: nn.Module,
    example: Example | Any,
    path: str | Path,
    *,
    dynamic_batch: bool = True,
    tolerance: float | None = None,
) -> OnnxExport:
    """Write a network as an ONNX file, run that in ONNX Runtime, and compare it with PyTorch.

    Args:
        network: Not changed; its copy is exported in evaluation mode (``deliverable``).
        example: A batch as ``bonas.space`` takes it: a tensor, a tuple, a mapping or an Example.
        path: Replaced if it exists, and only by a file that agrees.
        dynamic_batch: Whether the file takes any number of rows. Where a network or its example
            has one number only, the file has, too (``OnnxExport.batch``).
        tolerance: Largest difference as a share of the outputs' range; None is 1e-5, 2e-2 for
            float16 and 1e-1 for bfloat16.

    Raises:
        MissingPackage: without the extra ``onnx``.
        ExportFailed: if an operator cannot be exported or run, or the outputs differ.
        InvalidData: if the network cannot be copied or has no tensors as outputs.
    """
    given = Example.of(example).to("cpu").mapped(torch.clone)
    own = deliverable(network)
    returned = _returned(own, given, type(network).__name__)
    allowed = _HALF.get(_precision(own), TOLERANCE) if tolerance is None else tolerance
    _check_copy(network, given, returned, allowed)
    target = Path(path)
    with tempfile.TemporaryDirectory(dir=_folder(target)) as folder:
        written = Path(folder) / target.name
        found = _of_any_batch(own, given, written, allowed) if dynamic_batch else None
        if found is None:
            found = _exported(own, given, written, _rows(given))
            difference = _compared(own, found, [given], allowed)
            found = replace(found, difference=difference)
        files = sorted(Path(folder).iterdir(), reverse=True)  # weights beside it come first
        size = sum(file.stat().st_size for file in files)
        for file in files:
            os.replace(file, target.parent / file.name)
    return replace(found, path=target, size=size)


def _of_any_batch(own: nn.Module, given: Example, path: Path, allowed: float) -> OnnxExport | None:
    """Export for any number of rows; None where the network or its example has one number only."""
    example = _several_rows(given)
    if example is None:
        return None
    other = example.resized(_rows(example) + 1)
    try:
        _run(own, other)
        found = _exported(own, example, path, None)
        return replace(found, difference=_compared(own, found, [example, other], allowed))
    except MissingPackage:
        raise
    except Exception:  # of the network at another batch, too; the fixed batch says what is wrong
        return None


def _check_copy(network: nn.Module, example: Example, copied: object, allowed: float) -> None:
    """Refuse a network whose forward hooks, which are dropped, change its outputs.

    Raises:
        InvalidData: if they do.
    """
    hooked = any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    if not hooked:
        return
    modes = [(module, module.training) for module in network.modules()]
    try:
        with torch.no_grad():
            found = example.mapped(torch.clone).call(network.eval())
    finally:
        for module, training in modes:
            module.training = training
    if not largest_difference(copied, found) <= allowed:
        raise InvalidData(
            f"expected a network whose outputs are those of its forward, but hooks of "
            f"{type(network).__name__} change them; move what they do into its forward"
        )


def onnx_feed(inputs: Sequence[str], example: Example) -> dict[str, np.ndarray]:
    """Return what an ONNX Runtime session on an export takes for a batch."""
    return dict(zip(inputs, arrays_in(example.tensors), strict=True))


def _exported(own: nn.Module, example: Example, path: Path, batch: int | None) -> OnnxExport:
    """Export for ``batch`` rows, or any number of them."""
    _check_installed()
    inputs = tuple(_name(name, i, "input") for i, name in enumerate(example.names))
    count = len(list(outputs_in(_run(own, example))))
    outputs = ("output",) if count == 1 else tuple(f"output_{i}" for i in range(count))
    shapes = None
    if batch is None:
        size, dim = example.rows, torch.export.Dim("batch")
        shapes = (tuple({0: dim} if x.dim() and len(x) == size else None for x in example.tensors),)
    weights = sum(x.numel() * x.element_size() for x in [*own.parameters(), *own.buffers()])
    with silence():
        try:
            program = torch.onnx.export(
                _Flat(own, example).eval(),
                example.tensors,
                dynamo=True,
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_shapes=shapes,
                opset_version=OPSET,
                verbose=False,
            )
            assert program is not None  # as documented, with dynamo=True
            program.save(str(path), external_data=weights > _LARGE)
        except Exception as error:
            raise failed(error, "the ONNX exporter of PyTorch") from error
    return OnnxExport(path, 0.0, inputs, outputs, OPSET, batch, 0)


def _compared(
    own: nn.Module, found: OnnxExport, examples: Sequence[Example], allowed: float
) -> float:
    """Return the largest difference of the file's outputs to PyTorch's.

    Raises:
        ExportFailed: if it is above what is allowed, or the file cannot be run.
    """
    onnxruntime()
    try:
        opened = session(found.path)
        feeds = [onnx_feed(found.inputs, example) for example in examples]
        outputs = [opened.run(None, feed) for feed in feeds]
    except Exception as error:
        raise failed(error, "ONNX Runtime") from error
    largest = largest_difference(outputs, [_run(own, example) for example in examples])
    if not largest <= allowed:
        raise ExportFailed(
            f"expected an ONNX file whose outputs are PyTorch's to {allowed:g} of their range, got "
            f"{largest:.2g}; look for operations that differ from run to run or depend on the "
            "values, or allow the difference with tolerance="
        )
    return largest


def _returned(own: nn.Module, example: Example, name: str) -> object:
    try:
        returned = _run(own, example)
    except Exception as error:
        raise InvalidData(
            f"expected a network that takes the example {example.describe()}, but {name} raises "
            f"{type(error).__name__}: {error}; give an example as its forward takes it"
        ) from error
    if not list(outputs_in(returned)):
        raise InvalidData(
            f"expected a network that returns tensors, got {type(returned).__name__} from {name}"
        )
    return returned


def _run(own: nn.Module, example: Example) -> object:
    """Return the outputs for a copy of the example: a network may change its input in place."""
    with torch.no_grad():
        return example.mapped(torch.clone).call(own)


def _rows(example: Example) -> int:
    """Return the number of rows; where tensors do not agree on one, that of the first."""
    return example.rows or (len(example.first) if example.first.dim() else 1)


def _several_rows(example: Example) -> Example | None:
    """Return the example with 2 to 4 rows: one is never generalised; None if it has no batch."""
    rows = example.rows
    return None if rows is None else example.resized(max(2, min(rows, 4)))


def _precision(own: nn.Module) -> torch.dtype:
    kinds = {p.dtype for p in own.parameters() if p.is_floating_point()}
    return next((kind for kind in _HALF if kind in kinds), torch.float32)


def _name(path: str, place: int, default: str) -> str:
    """Return an input's name in the file: its argument's, or its place."""
    if path.isdigit():
        return default if place == 0 else f"{default}_{place}"
    return re.sub(r"\W+", "_", path if not path[0].isdigit() else f"{default}_{path}")


def _folder(target: Path) -> Path:
    if not target.parent.is_dir():
        raise InvalidData(
            f"expected a folder for the file {target}, got none at {target.parent}; create it"
        )
    return target.parent


def _check_installed() -> None:
    for name in ("onnx", "onnxscript"):
        try:
            __import__(name)
        except ImportError as error:
            raise missing(name, error) from error
