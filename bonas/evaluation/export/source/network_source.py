"""The source of a network, and the weights that belong to it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bonas.evaluation.export.source.classes import Classes
from bonas.evaluation.export.source.expressions import NoSource
from bonas.evaluation.export.source.frame import Entangled
from bonas.evaluation.export.source.recorder import Recorder
from bonas.settings import own_settings
from bonas.spaces.example import Example


@dataclass(frozen=True, slots=True)
class NetworkSource:
    """Source that builds and runs a network with torch alone.

    Attributes:
        classes: The classes, the network's last.
        name: The name of the network's class, which is built without arguments.
        weights: Its state by name; parameters that are one tensor appear once.
        dropped: How many parameters the source leaves out, since the pass does not use them.
    """

    classes: str
    name: str
    weights: Mapping[str, Tensor]
    dropped: int


def source_of(network: nn.Module, example: Example) -> NetworkSource:
    """Return the source of a network's forward pass in evaluation mode.

    Args:
        network: The network; it is copied, and stays as it is.
        example: The arguments of one call.

    Raises:
        NoSource: if the pass depends on the values that it is given, or computes what torch cannot
            see; the message says what.
    """
    with own_settings(), torch.random.fork_rng(devices=[]):
        recorder = _recorded(network, example)
        classes, name = Classes(recorder).source()
        weights = _weights(recorder, classes, name)
    kept = sum(weights[n].numel() for n, _ in network.named_parameters() if n in weights)
    total = sum(parameter.numel() for parameter in network.parameters())
    return NetworkSource(classes, name, weights, total - kept)


def _recorded(network: nn.Module, example: Example) -> Recorder:
    own = copy.deepcopy(network).eval()
    dissolved: set[nn.Module] = set()
    for _ in range(2 + sum(1 for _ in own.modules())):
        recorder = Recorder(own, dissolved)
        try:
            recorder.record(example)
        except Entangled as entangled:
            dissolved.add(entangled.module)
            continue
        return recorder
    raise NoSource("modules that read each other's tensors")


def _weights(recorder: Recorder, classes: str, name: str) -> dict[str, Tensor]:
    """Return the state of the network that the source builds, read from the original."""
    space = namespace(classes)
    with torch.device("meta"):
        built: nn.Module = space[name]()
    tensors: dict[str, Tensor] = {}
    tensors |= dict(recorder.network.named_parameters(remove_duplicate=False))
    tensors |= dict(recorder.network.named_buffers(remove_duplicate=False))
    constants = {
        f"{path}.{n}" if path else n: tensor
        for path, module in recorder.network.named_modules(remove_duplicate=False)
        if module in recorder.passes
        for n, tensor in recorder.passes[module].constants.items()
    }
    seen: set[int] = set()
    weights: dict[str, Tensor] = {}
    for path in built.state_dict():
        tensor = constants.get(path, tensors.get(path))
        if tensor is None:
            raise NoSource(f"the state {path}")
        if id(tensor) not in seen:
            seen.add(id(tensor))
            weights[path] = tensor.detach().cpu().contiguous().clone()
    return weights


def built_from(source: NetworkSource) -> nn.Module:
    """Build the network that a source describes, with its weights, in evaluation mode."""
    network: nn.Module = namespace(source.classes)[source.name]()
    tied = {n: t for n, t in network.state_dict().items() if n not in source.weights}
    network.load_state_dict({**tied, **source.weights})
    return network.eval()


def namespace(classes: str) -> dict[str, type[nn.Module]]:
    """Return the classes that a source defines."""
    names: dict[str, type[nn.Module]] = {}
    exec(f"{HEAD}\n{classes}", names)
    return names


HEAD = """
import math
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn
"""
"""The imports that classes need."""
