"""Calls of torch functions with weights: which axis of each stands for which units.

=================  ============================  ===============================================
function           weight                        units
=================  ============================  ===============================================
linear             out x in                      new ones out
convolution        out x in x kernel             new ones out; those of its input if depthwise
transposed         in x out x kernel             new ones out
norm               out                           those of its input
embedding          rows x out                    new ones out
recurrence         (gates out) x in, ... x out   new ones out, the same for each gate
sum or product     as it is broadcast            those of the other operand
any other          fixed                         of its input if it has that shape, else new ones
=================  ============================  ===============================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bonas.evaluation.inheritance.functions import GATES, KEEPS, MOVES, NORMS
from bonas.evaluation.inheritance.layers import Axis, Flow, Layer, is_free
from bonas.evaluation.inheritance.units import FREE, along
from bonas.spaces.tracing.calls import Call

if TYPE_CHECKING:
    from bonas.evaluation.inheritance.recording import Recording

_CONVOLUTIONS = tuple(f"conv{n}d" for n in (1, 2, 3))
_TRANSPOSED = tuple(f"conv_transpose{n}d" for n in (1, 2, 3))
_PLACE_BY_PLACE = frozenset({"add", "sub", "rsub", "mul", "div", "rdiv", "maximum", "minimum"})


def _free(size: int, kind: Any = "rows") -> Axis:
    return Axis(kind, torch.full((size,), FREE))


def _fixed(tensor: Tensor) -> tuple[Axis, ...]:
    return tuple(_free(size, "fixed") for size in tensor.shape)


class WeightedCalls:
    """The rules for the functions that have weights.

    Args:
        recording: Where layers and units are noted.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._rules: dict[str, Callable[[Call, list[Tensor]], bool]] = {
            "linear": self._linear,
            "embedding": self._embedding,
            "matmul": self._product,
            "prelu": self._prelu,
            **dict.fromkeys(NORMS, self._norm),
            **dict.fromkeys(_CONVOLUTIONS, self._convolution),
            **dict.fromkeys(_TRANSPOSED, self._transposed),
            **dict.fromkeys(GATES, self._recurrence),
            **{f"{name}_cell": self._cell for name in GATES},
        }

    def record(self, call: Call, outputs: list[Tensor]) -> bool:
        """Add the layer of a call; return False if it has none."""
        rule = self._rules.get(call.name)
        if rule is not None and rule(call, outputs):
            return True
        tensors = [tensor for _, tensor in call.tensors()]
        weights = [t for t in tensors if self._is_new_weight(t)]
        if not weights or self._is_simple(call, tensors):
            return False
        self._unknown(call, weights, outputs)
        return True

    def whole(self, weight: Tensor) -> None:
        """Note a weight that is moved as if it were data: its last axis has units of its own."""
        recording = self._recording
        units = recording.units.fresh(weight.shape[-1] if weight.dim() else 1)
        axes = [_free(size) for size in weight.shape[:-1]]
        number = self._add("parameter", {"weight": weight}, {"weight": (*axes, Axis("out", units))})
        if number is not None and weight.dim():
            recording.put(weight, Flow(units.expand(weight.shape), frozenset([number])))

    def place_by_place(self, call: Call, weight: Tensor, shadow: Tensor) -> None:
        """Note a weight that is added to data, or multiplied by them."""
        axes = []
        for dim, size in enumerate(weight.shape):
            at = dim - weight.dim()
            fits = size > 1 and -at <= shadow.dim() and shadow.shape[at] == size
            axes.append(Axis("out", along(shadow, at, size)) if fits else _free(size))
        self._add(f"{call.name}(parameter)", {"weight": weight}, {"weight": tuple(axes)})

    def _is_new_weight(self, tensor: Tensor) -> bool:
        return self._recording.is_weight(tensor) and self._recording.flow(tensor) is None

    def _is_simple(self, call: Call, tensors: Sequence[Tensor]) -> bool:
        """Return whether ``Recording`` moves or broadcasts the weights itself."""
        data = any(self._recording.flow(tensor) is not None for tensor in tensors)
        return call.name in KEEPS | MOVES or (call.name in _PLACE_BY_PLACE and data)

    def _add(
        self,
        kind: str,
        tensors: Mapping[str, Tensor | None],
        axes: Mapping[str, tuple[Axis, ...]],
        *read: Tensor,
        out: Tensor | None = None,
    ) -> int | None:
        """Add a layer with those tensors that are the network's own; None without any weight."""
        recording = self._recording
        names = {a: recording.name(t) for a, t in tensors.items() if t is not None}
        known = {a: name for a, name in names.items() if name is not None}
        if not known:
            return None
        flows = [flow for flow in map(recording.flow, read) if flow is not None]
        layer = Layer(
            kind,
            known,
            {argument: axes[argument] for argument in known},
            frozenset[int]().union(*(flow.sources for flow in flows)),
            keeps_shape=out is not None and bool(read) and out.shape == read[0].shape,
            reads_positive=bool(flows) and flows[0].positive,
        )
        return recording.layer(layer)

    def _put(self, tensor: Tensor, units: Tensor, dim: int, number: int | None) -> None:
        """Note the output of a layer whose units run along a dimension."""
        shape = [1] * tensor.dim()
        shape[dim] = -1
        found = frozenset() if number is None else frozenset([number])
        terms = None if number is None else found
        self._recording.put(tensor, Flow(units.view(shape), found, terms, number))

    def _own_units(self, number: int | None, argument: str, units: Tensor) -> Tensor:
        """Return the units that a layer had in its first call, instead of those made for this."""
        if number is None:
            return units
        return self._recording.layers[number].axes[argument][0].units

    def _linear(self, call: Call, outputs: list[Tensor]) -> bool:
        x, weight = call.at(0, "input"), call.at(1, "weight")
        if weight.dim() != 2 or not self._recording.is_weight(weight):
            return False
        axes = Axis("out", self._recording.units.fresh(len(weight)))
        reads = self._recording.axis_of(x, -1)
        tensors = {"weight": weight, "bias": call.get("bias")}
        number = self._add(
            "linear", tensors, {"weight": (axes, reads), "bias": (axes,)}, x, out=outputs[0]
        )
        self._put(outputs[0], self._own_units(number, "weight", axes.units), -1, number)
        return True

    def _product(self, call: Call, outputs: list[Tensor]) -> bool:
        """Note ``x @ weight``."""
        tensors = [tensor for _, tensor in call.tensors()]
        x, weight = tensors[0], tensors[-1]
        if len(tensors) != 2 or weight.dim() != 2 or not self._is_new_weight(weight):
            return False
        units = self._recording.units.fresh(weight.shape[1])
        axes = (self._recording.axis_of(x, -1), Axis("out", units))
        number = self._add("matmul", {"weight": weight}, {"weight": axes}, x, out=outputs[0])
        self._put(outputs[0], units, -1, number)
        return True

    def _embedding(self, call: Call, outputs: list[Tensor]) -> bool:
        weight = call.get("weight")
        if not self._recording.is_weight(weight):
            return False
        units = Axis("out", self._recording.units.fresh(weight.shape[1]))
        number = self._add("embedding", {"weight": weight}, {"weight": (_free(len(weight)), units)})
        assert number is not None  # it is the network's
        own = self._recording.layers[number].axes["weight"][1].units
        self._put(outputs[0], own, -1, number)
        return True

    def _convolution(self, call: Call, outputs: list[Tensor]) -> bool:
        x, weight, groups = call.at(0, "input"), call.at(1, "weight"), call.get("groups", 1)
        if not self._recording.is_weight(weight):
            return False
        dim = 1 - weight.dim()
        reads = self._recording.axis_of(x, dim)
        depthwise = groups > 1 and weight.shape[1] == 1
        units = self._recording.units.fresh(len(weight))
        first = reads
        kind = call.name
        if depthwise:
            kind = f"depthwise_{call.name}"
            if not is_free(reads.units):
                units = reads.units.repeat_interleave(len(weight) // groups)
            first = _free(1)
        elif groups > 1:
            kind = f"grouped_{call.name}({groups})"
            self._recording.units.bind(units)
            first = _free(weight.shape[1], "fixed")
        out = Axis("out", units)
        kernel = [_free(size, "kernel") for size in weight.shape[2:]]
        tensors = {"weight": weight, "bias": call.get("bias")}
        axes = {"weight": (out, first, *kernel), "bias": (out,)}
        number = self._add(kind, tensors, axes, x, out=outputs[0])
        self._put(outputs[0], self._own_units(number, "weight", units), dim, number)
        return True

    def _transposed(self, call: Call, outputs: list[Tensor]) -> bool:
        x, weight = call.at(0, "input"), call.at(1, "weight")
        if not self._recording.is_weight(weight) or call.get("groups", 1) > 1:
            return False
        dim = 1 - weight.dim()
        out = Axis("out", self._recording.units.fresh(weight.shape[1]))
        kernel = [_free(size, "fixed") for size in weight.shape[2:]]
        tensors = {"weight": weight, "bias": call.get("bias")}
        axes = {"weight": (self._recording.axis_of(x, dim), out, *kernel), "bias": (out,)}
        number = self._add(call.name, tensors, axes, x, out=outputs[0])
        self._put(outputs[0], out.units, dim, number)
        return True

    def _norm(self, call: Call, outputs: list[Tensor]) -> bool:
        x = call.at(0, "input")
        recording = self._recording
        over = call.get("normalized_shape")
        first = 1 if over is None else x.dim() - len(over)
        dims = range(first, x.dim()) if over is not None else [first]
        axes = tuple(recording.axis_of(x, dim, "out") for dim in dims)
        names = ("weight", "bias", "running_mean", "running_var")
        tensors = {name: call.get(name) for name in names}
        number = self._add(call.name, tensors, dict.fromkeys(names, axes), x, out=outputs[0])
        flow = recording.flow(x)
        if number is None:
            return False
        head = None if flow is None else flow.head
        if head is not None and call.name == "batch_norm":
            recording.layers[head].norm = number
        elif head is not None:
            recording.layers[head].activations.add(call.name)
        shadow = torch.full(x.shape, FREE) if flow is None else flow.shadow
        found = frozenset([number])
        is_affine = isinstance(tensors["weight"], Tensor)
        recording.put(outputs[0], Flow(shadow, found, found if is_affine else None, number))
        return True

    def _prelu(self, call: Call, outputs: list[Tensor]) -> bool:
        x, weight = call.at(0, "input"), call.at(1, "weight")
        flow = self._recording.flow(x)
        if flow is None or not self._recording.is_weight(weight):
            return False
        per_channel = weight.numel() > 1
        axis = self._recording.axis_of(x, 1, "out") if per_channel else _free(1)
        self._add("prelu", {"weight": weight}, {"weight": (axis,)}, x)
        self._recording.put(outputs[0], Flow(flow.shadow, flow.sources, flow.terms))
        return True

    def _recurrence(self, call: Call, outputs: list[Tensor]) -> bool:
        weights = [w for w in call.get("params", ()) if isinstance(w, Tensor)]
        depth, ways = call.get("num_layers", 1), 2 if call.get("bidirectional", False) else 1
        each = 4 if call.get("has_biases", True) else 2
        if len(weights) != depth * ways * each or not all(map(self._recording.is_weight, weights)):
            return False
        reads = self._recording.axis_of(call.first, -1).units
        states: list[Tensor] = []
        numbers: list[int] = []
        for layer in range(depth):
            for way in range(ways):
                start = (layer * ways + way) * each
                units, number = self._gates(call.name, weights[start : start + each], reads)
                states.append(units)
                numbers.append(number)
            reads = torch.cat(states[-ways:])
        ends = frozenset(numbers[-ways:])
        self._recording.put(outputs[0], Flow(reads, frozenset(numbers), ends))
        for state in outputs[1:]:  # of each layer and way, in this order
            shadow = torch.stack(states)
            if state.dim() == 3 and state.shape[-1] == shadow.shape[-1]:
                self._recording.put(state, Flow(shadow[:, None, :], frozenset(numbers)))
        return True

    def _cell(self, call: Call, outputs: list[Tensor]) -> bool:
        found = [call.get(name) for name in ("w_ih", "w_hh", "b_ih", "b_hh")]
        weights = [w for w in found if isinstance(w, Tensor)]
        if len(weights) < 2 or not all(map(self._recording.is_weight, weights)):
            return False
        x, *states = [t for _, t in call.tensors() if not any(t is w for w in weights)]
        reads = self._recording.axis_of(x, -1).units
        units, number = self._gates(call.name.removesuffix("_cell"), weights, reads)
        for state in states:
            self._recording.units.join(along(self._recording.shadow(state), -1, len(units)), units)
        for state in outputs:
            self._recording.put(state, Flow(units, frozenset([number])))
        return True

    def _gates(self, name: str, weights: Sequence[Tensor], reads: Tensor) -> tuple[Tensor, int]:
        """Add the fused weights of one direction; return its units, and the layer's number."""
        units = self._recording.units.fresh(weights[1].shape[1])
        out = Axis("out", units.repeat(len(weights[0]) // len(units)))
        arguments = ("weight", "recurrent", "bias", "recurrent_bias")
        axes = ((out, Axis("in", reads)), (out, Axis("in", units)), (out,), (out,))
        tensors = dict(zip(arguments, weights, strict=False))
        number = self._add(name, tensors, dict(zip(arguments, axes, strict=True)))
        assert number is not None  # they are the network's
        return self._own_units(number, "weight", out.units)[: len(units)], number

    def _unknown(self, call: Call, weights: Sequence[Tensor], outputs: list[Tensor]) -> None:
        """Add the weights of a function without a rule: they are copied whole or not at all."""
        recording = self._recording
        tensors = [tensor for _, tensor in call.tensors()]
        flows = [flow for flow in map(recording.flow, tensors) if flow is not None]
        found: set[int] = set()
        for i, weight in enumerate(weights):
            number = self._add(f"{call.name}({i})", {"weight": weight}, {"weight": _fixed(weight)})
            found |= set() if number is None else {number}
        sources = frozenset(found).union(*(flow.sources for flow in flows))
        for tensor in outputs:
            same = next((f.shadow for f in flows if f.shadow.shape == tensor.shape), None)
            if same is None:
                same = recording.units.fresh(tensor.shape[-1]) if tensor.dim() else None
            if same is not None:
                recording.put(tensor, Flow(same, sources))
