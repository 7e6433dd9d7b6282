"""The operations of a network, each of which can be run alone: what a latency table holds.

A run on an example is recorded by a torch function mode. Views, casts and reads are no operation.
Batch norms and activations belong to the convolution or linear layer before them, since runtimes
compute them together. Equal operations (function, shapes, other arguments, which arguments are
weights) have the same signature, whatever network they are in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from bonas.spaces import Example
from bonas.spaces.example import tensors_in
from bonas.spaces.tracing.function_names import QUERIES, READS, VIEWS, plain_name

_NONE: Final = VIEWS | QUERIES | READS | frozenset({"__get__", "__getitem__", "getitem", "select"})
_NONE_TOO: Final = frozenset({"dropout", "dropout2d", "chunk", "split", "unbind", "stride"})
_HEADS: Final = frozenset({"conv1d", "conv2d", "conv3d", "linear"})
_FOLDED: Final = frozenset({"batch_norm", "relu", "relu6", "hardtanh", "clamp"})


@dataclass(frozen=True)
class _Call:
    name: str
    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@dataclass(frozen=True)
class _Place:
    """Where a tensor comes from when an operation runs alone."""

    kind: str  # "data", "weight" or "result"
    number: int = 0


@dataclass
class Operation:
    """One operation of a network, with what is computed together with it.

    Attributes:
        weights: The ids of all weights of the network.
        last: The id of the tensor that the latest function returned.
    """

    calls: list[_Call]
    weights: set[int]
    last: int

    @property
    def kind(self) -> str:
        """The name of its first function."""
        return self.calls[0].name

    @property
    def signature(self) -> str:
        """The functions with the shapes of their tensors and their other arguments, as text."""
        return " > ".join(
            f"{call.name}{json.dumps(self._text((call.args, call.kwargs)))}" for call in self.calls
        )

    @property
    def example(self) -> Example:
        """Random numbers in place of the data that it was called with; integers stay."""
        return Example(tuple(map(_like, self._sorted()[0])))

    def alone(self) -> nn.Module:
        """Return it as a module of its data."""
        data, weights = self._sorted()
        places = {id(tensor): _Place("data", i) for i, tensor in enumerate(data)}
        places |= {id(tensor): _Place("weight", i) for i, tensor in enumerate(weights)}
        steps = []
        for i, call in enumerate(self.calls):
            if i:
                places[id(call.args[0])] = _Place("result")
            steps.append((call.function, *_placed(places, (call.args, call.kwargs))))
        return _Alone(steps, weights)

    def _sorted(self) -> tuple[list[Tensor], list[Tensor]]:
        """Return the data and the weights, each tensor once."""
        data: dict[int, Tensor] = {}
        weights: dict[int, Tensor] = {}
        for i, call in enumerate(self.calls):
            for j, tensor in enumerate(_tensors(call)):
                if id(tensor) in self.weights:
                    weights[id(tensor)] = tensor
                elif i == 0 or j > 0:  # the first one of the others is a result
                    data[id(tensor)] = tensor
        return list(data.values()), list(weights.values())

    def _text(self, item: Any) -> Any:
        if isinstance(item, Tensor):
            kind = "weight" if id(item) in self.weights else "data"
            return [kind, list(item.shape), str(item.dtype).removeprefix("torch.")]
        if isinstance(item, dict):
            return {str(name): self._text(part) for name, part in sorted(item.items())}
        if isinstance(item, (tuple, list)):
            return [self._text(part) for part in item]
        return item if isinstance(item, (bool, int, float, str, type(None))) else str(item)


class _Alone(nn.Module):
    """An operation as a module of its data; its weights are buffers."""

    def __init__(self, steps: Sequence[tuple[Any, Any, Any]], weights: Sequence[Tensor]) -> None:
        super().__init__()
        self._steps = steps
        for i, weight in enumerate(weights):
            self.register_buffer(f"weight{i}", weight.detach().clone())

    def forward(self, *data: Tensor) -> Any:
        result: Any = None
        for function, args, kwargs in self._steps:
            given = self._given(args, data, result), self._given(kwargs, data, result)
            result = function(*given[0], **given[1])
        return result

    def _given(self, item: Any, data: Sequence[Tensor], result: Any) -> Any:
        if isinstance(item, _Place):
            if item.kind == "weight":
                return getattr(self, f"weight{item.number}")
            return data[item.number] if item.kind == "data" else result
        if isinstance(item, dict):
            return {name: self._given(part, data, result) for name, part in item.items()}
        if isinstance(item, (tuple, list)):
            parts = [self._given(part, data, result) for part in item]
            return parts if isinstance(item, list) else tuple(parts)
        return item


class _Recorder(TorchFunctionMode):
    def __init__(self, weights: set[int]) -> None:
        super().__init__()
        self.weights, self.operations = weights, list[Operation]()
        self.kept: list[Any] = []  # what lives keeps its id

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = plain_name(func)
        call = _Call(name, func, tuple(args), dict(kwargs))
        returned = [tensor for _, tensor in tensors_in(result)]
        if name in _NONE or name in _NONE_TOO or not returned or not _reads_data(call, self):
            return result
        self.kept += [args, kwargs, result]
        latest = self.operations[-1] if self.operations else None
        if latest is not None and _folds(latest, call):
            latest.calls.append(call)
            latest.last = id(returned[0])
        else:
            self.operations.append(Operation([call], self.weights, id(returned[0])))
        return result


def operations_of(network: nn.Module, example: Example) -> Sequence[Operation]:
    """Return the operations of one run, in order.

    >>> network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten())
    >>> image = Example.of(torch.zeros(1, 3, 8, 8))
    >>> [operation.kind for operation in operations_of(network, image)]
    ['conv2d']
    """
    weights = {id(tensor) for tensor in (*network.parameters(), *network.buffers())}
    with torch.no_grad(), _Recorder(weights) as recorder:
        example.call(network.eval())
    found: Sequence[Operation] = recorder.operations
    return found


def _placed(places: Mapping[int, _Place], item: Any) -> Any:
    """Return arguments with the place of each tensor instead of it."""
    if isinstance(item, Tensor):
        return places[id(item)]
    if isinstance(item, dict):
        return {name: _placed(places, part) for name, part in item.items()}
    if isinstance(item, (tuple, list)):
        parts = [_placed(places, part) for part in item]
        return parts if isinstance(item, list) else tuple(parts)
    return item


def _folds(latest: Operation, call: _Call) -> bool:
    first = next(iter(_tensors(call)), None)
    return (
        latest.kind in _HEADS
        and call.name in _FOLDED
        and first is not None
        and id(first) == latest.last
        and call.args != ()
        and first is call.args[0]
    )


def _reads_data(call: _Call, recorder: _Recorder) -> bool:
    return any(id(tensor) not in recorder.weights for tensor in _tensors(call))


def _tensors(call: _Call) -> list[Tensor]:
    return [tensor for _, tensor in tensors_in((call.args, call.kwargs))]


def _like(tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.clone()
    return torch.rand(tensor.shape, dtype=tensor.dtype)
