"""Export: a trained network as a folder that needs torch alone, checked before it appears.

| file | holds |
|---|---|
| ``model.py`` | readable source; ``load()`` returns the network, ``python model.py`` checks it |
| ``weights.safetensors`` | its weights |
| ``choices.json`` | the choices of the search space |
| ``example.safetensors`` | one batch of inputs, and the outputs of the original for it |
| ``model.onnx``, ``model.int8.onnx`` | the same network for ONNX Runtime, where that is possible |
| ``README.md`` | a model card |

The source is written from a recording of the forward pass (``bonas.evaluation.export.source``). A
network whose forward pass depends on the values that it is given has none; ``model.py`` then
imports what built it.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bonas.errors import InvalidArgument, InvalidData
from bonas.evaluation.export.builder import Builder
from bonas.evaluation.export.facts import Facts
from bonas.evaluation.export.model_card import ExportedFile, ModelCard
from bonas.evaluation.export.model_file import TOLERANCES, ModelFile, usage
from bonas.evaluation.export.onnx_files import OnnxFiles, write_onnx
from bonas.evaluation.export.restored import Restored
from bonas.evaluation.export.source import NetworkSource, NoSource, source_of
from bonas.evaluation.export.source.network_source import built_from
from bonas.evaluation.export.staging import checked_target, staged
from bonas.evaluation.export.tensors_file import distinct_state, write_tensors
from bonas.evaluation.export.verification import verify
from bonas.evaluation.runtimes.deliverable import deliverable, largest_difference, outputs_in
from bonas.evaluation.runtimes.int8 import Int8Export
from bonas.evaluation.runtimes.onnx_export import OnnxExport
from bonas.settings import own_settings
from bonas.spaces import Example

_ROWS = 4  # of the example that is stored
_TOLERANCE = 1e-5  # of the outputs' range


@dataclass(frozen=True, slots=True)
class Export:
    """A folder that was written and checked.

    Attributes:
        folder: Its absolute path.
        readable: Whether ``model.py`` is the network's source; else it imports a builder.
        difference: Largest difference of the source to the original, as a share of the outputs'
            range, over its example and further batches.
        onnx: Largest difference of ``model.onnx``; None if there is none.
        int8: Largest difference of ``model.int8.onnx``; None if there is none.
        notes: What is left out, and why.
    """

    folder: Path
    readable: bool
    difference: float
    onnx: float | None
    int8: float | None
    notes: tuple[str, ...]

    def __str__(self) -> str:
        onnx = "none" if self.onnx is None else f"off by {self.onnx:.1e}"
        int8 = "none" if self.int8 is None else f"off by {self.int8:.1e}"
        lines = [f"{self.folder}: source off by {self.difference:.1e}, ONNX {onnx}, INT8 {int8}"]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


def export_network(
    folder: str | os.PathLike[str],
    network: nn.Module,
    example: Example | Any,
    *,
    facts: Facts | None = None,
    calibration: Sequence[Example | Any] = (),
    builder: Builder | None = None,
    onnx: bool | None = None,
    int8: bool | None = None,
    overwrite: bool = False,
) -> Export:
    """Write a trained network as a folder, load that in a new process without bonas, and compare.

    Args:
        folder: Appears complete or not at all.
        network: Not changed.
        example: A batch as the network takes it: a tensor, a tuple, a mapping or an Example.
        facts: For the model card. With a target scale the exported network undoes it.
        calibration: Batches of typical inputs, for INT8.
        builder: What builds the network, if its forward pass has no source.
        onnx: Whether to write ONNX; None where the network can be exported, with a note why not.
        int8: The same for INT8, which also needs calibration rows.
        overwrite: Whether an earlier export may be replaced.

    Raises:
        InvalidArgument: if the folder exists or cannot be written to, or the network has no source
            and no builder.
        InvalidData: if the network does not run on the example.
        BrokenExport: if the folder does not load elsewhere, or computes something else.
        ExportFailed: if ONNX or INT8 was asked for and is impossible.
        MissingPackage: without the extra ``onnx``.
    """
    target = checked_target(folder, overwrite=overwrite)
    known = facts or Facts()
    if int8 and onnx is False:
        raise InvalidArgument("expected int8=True with ONNX, which it is made from; leave out onnx")
    with own_settings(), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's exporters, about their own insides
        own = _prepared(network, known)
        given = _stored(Example.of(example).to("cpu").filled())
        outputs = _run(own, given)
        with staged(target) as place:
            source = _source(own, given, builder)
            difference = _write_model(place, own, source, given, outputs, known)
            verify(place, without_bonas=isinstance(source, NetworkSource))
            made = write_onnx(place, own, given, calibration, onnx=onnx, int8=int8)
            notes = (*_source_notes(source, own), *made.notes)
            _write_card(place, own, given, known, made, notes, difference)
    return Export(
        target,
        isinstance(source, NetworkSource),
        difference,
        _off(made.onnx),
        _off(made.int8),
        notes,
    )


def _off(made: OnnxExport | Int8Export | None) -> float | None:
    return None if made is None else made.difference


def _prepared(network: nn.Module, facts: Facts) -> nn.Module:
    """Return the copy to deliver, which undoes a standardisation of the targets."""
    own = deliverable(network)
    return own if facts.scale is None else Restored(own, facts.scale).eval()


def _stored(example: Example) -> Example:
    """Return an example of a few rows, each tensor with memory of its own."""
    if example.rows is not None and example.rows != 1:
        example = example.resized(min(_ROWS, example.rows))
    return example.mapped(torch.clone)


def _run(network: nn.Module, example: Example) -> list[Tensor]:
    """Return the output tensors.

    Raises:
        InvalidData: if the network fails, or returns none.
    """
    torch.manual_seed(0)
    try:
        with torch.no_grad():
            returned = example.mapped(torch.clone).call(network)
    except Exception as error:
        raise InvalidData(
            f"expected a network that takes the example {example.describe()}, got "
            f"{type(error).__name__}: {error}; give an example as its forward takes it"
        ) from error
    found = [tensor for tensor in outputs_in(returned) if isinstance(tensor, Tensor)]
    if not found:
        raise InvalidData(f"expected a network that returns tensors, got {type(returned).__name__}")
    return found


def _source(
    network: nn.Module, example: Example, builder: Builder | None
) -> NetworkSource | tuple[Builder, str]:
    """Return the source that agrees with the network, or else what builds it, and why.

    Raises:
        InvalidArgument: if there is neither.
    """
    try:
        source = source_of(network, example)
        _difference(network, source, example)
    except NoSource as error:
        if builder is None:
            raise InvalidArgument(
                f"expected a network whose forward pass can be written as source, got {error}; "
                "give builder='module:name' of the space, or of a function from choices to the "
                "network, which the export then imports"
            ) from error
        return builder, str(error)
    return source


def _difference(network: nn.Module, source: NetworkSource, example: Example) -> float:
    """Return the largest difference of the source, on the example and on further batches.

    Raises:
        NoSource: if it is too large.
    """
    built, largest = built_from(source), 0.0
    for batch in _batches(example):
        try:
            wanted = _run(network, batch)
        except InvalidData:
            continue  # a batch that the network refuses
        try:
            found = _run(built, batch)
        except InvalidData as error:
            raise NoSource(f"a forward pass that refuses other batches ({error})") from None
        largest = max(largest, largest_difference(found, wanted))
    if not largest <= tolerance_of(network):
        raise NoSource(
            f"a forward pass that differs by {largest:.1e} of its range from what was recorded"
        )
    return largest


def _batches(example: Example) -> list[Example]:
    """Return the example, one of another size, and one of other numbers."""
    batches = [example, example.mapped(_changed)]
    if example.rows is not None:
        batches += [example.resized(example.rows + 1), example.resized(1)]
    return batches


def _changed(tensor: Tensor) -> Tensor:
    """Return other numbers of the same kind and range."""
    if tensor.is_floating_point():
        spread = tensor.std(correction=0) if tensor.numel() > 1 else tensor.abs().mean()
        noise = torch.randn(tensor.shape, generator=torch.Generator().manual_seed(1))
        return -tensor + (noise * (spread + 1e-3)).to(tensor.dtype)
    return tensor.flatten().flip(0).view(tensor.shape)


def tolerance_of(network: nn.Module) -> float:
    """Return the largest difference that counts as rounding."""
    kinds = {parameter.dtype for parameter in network.parameters()}
    return max((TOLERANCES.get(kind, _TOLERANCE) for kind in kinds), default=_TOLERANCE)


def _write_model(
    place: Path,
    network: nn.Module,
    source: NetworkSource | tuple[Builder, str],
    example: Example,
    outputs: Sequence[Tensor],
    facts: Facts,
) -> float:
    """Write source, weights, choices and example; return the difference of the source."""
    made = source if isinstance(source, NetworkSource) else source[0]
    file = ModelFile(facts.title, example, made, tolerance_of(network))
    (place / "model.py").write_text(file.text(), encoding="utf-8")
    choices = json.dumps(dict(facts.choices), indent=2)
    (place / "choices.json").write_text(choices + "\n", encoding="utf-8")
    state = source.weights if isinstance(source, NetworkSource) else distinct_state(network)
    write_tensors(place / "weights.safetensors", state)
    stored = dict(zip(file.keys, example.tensors, strict=True))
    stored |= {f"output.{i}": tensor for i, tensor in enumerate(outputs)}
    write_tensors(place / "example.safetensors", stored)
    return _difference(network, source, example) if isinstance(source, NetworkSource) else 0.0


def _source_notes(source: NetworkSource | tuple[Builder, str], network: nn.Module) -> list[str]:
    if not isinstance(source, NetworkSource):
        builder, why = source
        return [
            f"model.py imports {builder.module}:{builder.name}, which must be installed where the "
            f"network is used: its forward pass has no source of its own ({why})."
        ]
    if not source.dropped:
        return []
    return [f"{source.dropped:,} parameters that the network has but never uses are left out."]


def _write_card(
    place: Path,
    network: nn.Module,
    example: Example,
    facts: Facts,
    made: OnnxFiles,
    notes: Sequence[str],
    difference: float,
) -> None:
    size = {file.name: file.stat().st_size for file in place.iterdir()}
    described = {
        "model.py": ("the network as Python source", difference),
        "weights.safetensors": ("its weights", None),
        "choices.json": ("the choices of the search space", None),
        "example.safetensors": ("a batch of inputs, and the outputs of the original", None),
        "model.onnx": ("ONNX, float", _off(made.onnx)),
        "model.int8.onnx": ("ONNX, INT8", _off(made.int8)),
    }
    files = [
        ExportedFile(name, text, off, size[name])
        for name, (text, off) in described.items()
        if name in size
    ]
    card = ModelCard(
        facts,
        tuple(files),
        usage(example),
        sum(parameter.numel() for parameter in network.parameters()),
        tuple(notes),
        {
            "bonas": sys.modules["bonas"].__version__,
            "torch": torch.__version__,
            "exported on": f"{platform.system()} {platform.machine()}",
        },
    )
    (place / "README.md").write_text(card.text(), encoding="utf-8")
