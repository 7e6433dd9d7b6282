"""The trace of a network: in one run, every torch function becomes a node, every tensor an edge.

The network runs once on an example, usually on the ``meta`` device, where tensors have shapes but
no values, so that a large network costs no memory and a few milliseconds. A torch function mode
sees each function with its inputs and outputs; the identity of a tensor says which function
returned it. Control flow in Python needs no analysis, since it has happened.

Two kinds of functions become no node. Views, reshapes and casts do so only if they change what the
next operation computes (``bonas.spaces.tracing.layouts``). Functions of parameters and constants
alone count for the first operation on data that reads their result, and stand in its label
(``bonas.spaces.tracing.constants``). A parameter counts once, where it is first read.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from bonas.errors import InvalidSpace
from bonas.spaces.example import Example
from bonas.spaces.graph import ArchitectureGraph
from bonas.spaces.outline import Outline
from bonas.spaces.sketch import Sketch
from bonas.spaces.tracing.calls import tensors_of
from bonas.spaces.tracing.graph_builder import PLACE
from bonas.spaces.tracing.module_blocks import module_blocks
from bonas.spaces.tracing.recorder import Recorder, TimeFirst


@dataclass(frozen=True, slots=True)
class Trace:
    """The operations of one run, and their costs.

    Attributes:
        sketch: The operations; sizes and costs are of one example.
        output: The number of the operation that computes the output.
        parameters: All trainable numbers of the module, also those that the run did not read.
        frozen: The numbers in all other parameters.
        unknown: Functions whose multiply-adds are unknown and count as 0 -> the number of calls.
        routed: Whether functions selected parts of tensors by value; the run took all of each.
        multiply_adds: Of one example, the mean over the batch.
    """

    sketch: Sketch
    output: int
    parameters: int
    frozen: int
    unknown: Mapping[str, int]
    routed: bool
    multiply_adds: float

    @property
    def graph(self) -> ArchitectureGraph:
        """The graph of what leads from the input to the output."""
        return self.sketch.graph(self.output)

    @property
    def outline(self) -> Outline:
        """The same for a drawing: without the nodes that mark an unusual order of arguments."""
        whole = self.sketch.outline(self.output)
        marks = [i for i, label in enumerate(whole.graph.labels) if label.startswith(PLACE)]
        return whole.bypassing(marks)


def traced(
    module: nn.Module,
    inputs: object,
    *,
    by_value: bool = False,
    training: bool = False,
    blocks: bool = False,
) -> Trace:
    """Run a module once, in evaluation mode unless ``training``, and record its operations.

    If a recurrence reads the example's first dimension as time, the second one is the batch.

    Args:
        module: On the device of ``inputs``; it is left in the mode of the run.
        inputs: An example batch (of one or more), as ``bonas.spaces.example.Example`` takes it.
        by_value: Select parts of tensors as values say (``x[chosen == 1]``). Otherwise all of a
            tensor is taken, so that the graph depends on no value.
        training: Run in training mode.
        blocks: Note which modules operations belong to, for a drawing.

    Raises:
        InvalidSpace: if the module returns no tensor. Errors of the module are passed on.

    >>> trace = traced(nn.Sequential(nn.Linear(4, 2), nn.ReLU()), torch.zeros(1, 4))
    >>> trace.graph.labels, trace.parameters, trace.sketch.costs["multiply_adds"]
    (('input', 'linear', 'relu', 'output'), 10, 8.0)
    """
    example = Example.of(inputs)
    if any(map(is_lazy, (*module.parameters(), *module.buffers()))):
        with torch.no_grad():  # lazy layers take their shapes in a run that is not recorded
            example.call(module.eval())
    try:
        return _traced(module.train(training), example, 0, by_value, blocks)
    except TimeFirst:
        return _traced(module, example, 1, by_value, blocks)


def _traced(module: nn.Module, example: Example, axis: int, by_value: bool, blocks: bool) -> Trace:
    recorder = Recorder(module, example, axis, by_value)
    noted = module_blocks(module, recorder.builder.sketch) if blocks else nullcontext()
    with torch.no_grad(), noted, recorder:
        result = example.call(module)
    tensors = tensors_of(result) or tensors_of(getattr(result, "__dict__", None))
    if not tensors:
        raise InvalidSpace(f"the network must return a tensor, got {type(result).__name__}")
    output = recorder.end(tensors)
    sizes = [(p.requires_grad, p.numel()) for p in module.parameters()]
    return Trace(
        recorder.builder.sketch,
        output,
        sum(n for trainable, n in sizes if trainable),
        sum(n for trainable, n in sizes if not trainable),
        dict(recorder.builder.unknown),
        recorder.routed,
        recorder.builder.multiply_adds / recorder.batch,
    )
