"""An example of a network's inputs: which arguments, of which types, shapes and ranges.

| given | the network is called as |
|---|---|
| a tensor ``x`` | ``network(x)`` |
| a tuple ``(x, y)`` | ``network(x, y)`` |
| a mapping ``{"ids": x, "mask": y}`` | ``network(ids=x, mask=y)`` |

An argument may itself be a tuple, a list or a mapping of tensors, or a graph (or a batch of graphs)
of PyTorch Geometric. Other arguments (None, a float, a flag) are passed on as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from bonas.errors import InvalidArgument


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """The arguments of one call of a network; the first dimension of a tensor is the batch.

    Attributes:
        args: The arguments by place.
        named: The arguments by name.
    """

    args: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, given: object) -> Example:
        """Return the example that ``given`` (a tensor, a tuple, a mapping) stands for.

        Raises:
            InvalidArgument: if it is of another kind, or holds no tensor.

        >>> Example.of({"ids": torch.zeros(2, 7)}).resized(3).named["ids"].shape
        torch.Size([3, 7])
        """
        if isinstance(given, Example):
            return given
        made = None
        if isinstance(given, Tensor):
            made = cls((given,))
        elif type(given) is tuple:
            made = cls(given)
        elif isinstance(given, Mapping) and all(isinstance(name, str) for name in given):
            made = cls((), dict(given))
        if made is None or not made.tensors:
            raise InvalidArgument(
                "input must be an example batch, a tensor, a tuple of arguments or a mapping of "
                f"keyword arguments with a tensor among them, got {_shown(given)}; the first "
                "dimension is the batch"
            )
        return made

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors, in the order of the arguments."""
        return tuple(tensor for _, tensor in self._named_tensors())

    @property
    def names(self) -> tuple[str, ...]:
        """The path of each tensor: position or name of its argument, and where in it."""
        return tuple(name for name, _ in self._named_tensors())

    @property
    def first(self) -> Tensor:
        """The first tensor: the main input."""
        return self.tensors[0]

    @property
    def rows(self) -> int | None:
        """The size of the batch; None where the tensors do not agree on one.

        It is the first dimension of the first tensor. The other tensors have the same, or 1
        (broadcast), or no dimension.
        """
        sizes = [tensor.shape[0] for tensor in self.tensors if tensor.dim()]
        return sizes[0] if sizes and set(sizes) <= {sizes[0], 1} else None

    def call(self, network: nn.Module) -> object:
        """Call a network on the arguments."""
        return network(*self.args, **self.named)

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Example:
        """Return the example with each tensor changed."""
        return Example(
            tuple(mapped(change, argument) for argument in self.args),
            {name: mapped(change, argument) for name, argument in self.named.items()},
        )

    def to(self, device: torch.device | str) -> Example:
        """Return the example on a device; on ``meta`` its tensors have shapes but no values."""
        return self.mapped(lambda tensor: tensor.detach().to(device))

    def resized(self, rows: int) -> Example:
        """Return the example with ``rows`` rows: its own, repeated or cut.

        Raises:
            InvalidArgument: if the tensors do not agree on a batch, and ``rows`` is not 1, which
                stands for the example as it is.
        """
        own = self.rows
        if own == rows:
            return self
        if own is None:
            if rows == 1:
                return self
            shapes = [tuple(tensor.shape) for tensor in self.tensors]
            raise InvalidArgument(
                f"expected an example whose tensors have the batch as their first dimension, to "
                f"make {rows} rows of it, got shapes {shapes}; take a batch_size of 1, which uses "
                "the example as it is, or give one of as many rows as you need"
            )
        return self.mapped(lambda tensor: _resized(tensor, own, rows))

    def reshaped(self, shape: Sequence[int]) -> Example:
        """Return an example of one row of another shape, with numbers drawn from this one.

        Raises:
            InvalidArgument: if there are several tensors, and the first has another shape.
        """
        own = self.first
        if tuple(own.shape[1:]) == tuple(shape):
            return self
        if len(self.tensors) > 1:
            raise InvalidArgument(
                f"expected inputs of shape {tuple(own.shape[1:])}, as in the space's example of "
                f"{len(self.tensors)} tensors, got {tuple(shape)}; leave out the input_shape"
            )
        places = torch.randint(own.numel(), (1, *shape), device="cpu").to(own.device)
        return self.mapped(lambda tensor: tensor.flatten()[places])

    def filled(self) -> Example:
        """Fill each floating-point tensor of zeros with random numbers from [0, 1).

        Zeros stand for any numbers, and some devices multiply zeros faster than other numbers.
        Integers are left alone: they may be indices. Draws from torch's global generator.
        """
        return self.mapped(_filled)

    def describe(self) -> list[Any] | dict[str, Any]:
        """Return the shapes as JSON values: a list of the arguments, or a mapping by name."""
        if self.named:
            return {name: _shapes(argument) for name, argument in self.named.items()}
        return [_shapes(argument) for argument in self.args]

    def _named_tensors(self) -> Iterator[tuple[str, Tensor]]:
        for i, argument in enumerate(self.args):
            yield from tensors_in(argument, str(i))
        for name, argument in self.named.items():
            yield from tensors_in(argument, name)


def mapped(change: Callable[[Tensor], Tensor], item: Any) -> Any:
    """Return nested tuples, lists and mappings with each tensor in them changed."""
    if isinstance(item, Tensor):
        return change(item)
    if isinstance(item, Mapping):
        return {name: mapped(change, part) for name, part in item.items()}
    if isinstance(item, (tuple, list)):
        parts = [mapped(change, part) for part in item]
        named = hasattr(item, "_fields")  # a namedtuple takes its parts one by one
        return type(item)(*parts) if named else type(item)(parts)
    return item.clone().apply(change) if _is_graph(item) else item


def tensors_in(item: object, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield each tensor in nested tuples, lists and mappings, with its path below ``name``."""
    if isinstance(item, Tensor):
        yield name, item
    elif isinstance(item, Mapping):
        for key, part in item.items():
            yield from tensors_in(part, f"{name}.{key}" if name else str(key))
    elif isinstance(item, (tuple, list)):
        for i, part in enumerate(item):
            yield from tensors_in(part, f"{name}.{i}" if name else str(i))
    elif _is_graph(item):
        yield from tensors_in(item.to_dict(), name)  # type: ignore[attr-defined]  # it has it


def _is_graph(item: object) -> bool:
    """Return whether an item is a graph or a batch of graphs of PyTorch Geometric."""
    methods = ("apply", "clone", "to_dict")
    return not isinstance(item, (type, nn.Module)) and all(hasattr(item, name) for name in methods)


def _resized(tensor: Tensor, own: int, rows: int) -> Tensor:
    if not tensor.dim() or tensor.shape[0] != own:  # a scalar, or one row for all
        return tensor
    times = math.ceil(rows / own)
    return torch.cat([tensor] * times)[:rows] if times > 1 else tensor[:rows]


def _filled(tensor: Tensor) -> Tensor:
    numbers = tensor.is_floating_point() or tensor.is_complex()
    if not numbers or tensor.is_meta or tensor.layout is not torch.strided or bool(tensor.any()):
        return tensor
    real = torch.float32 if tensor.is_floating_point() else torch.complex64
    return torch.rand(tensor.shape, dtype=real, device=tensor.device).to(tensor.dtype)


def _shapes(item: object) -> Any:
    if isinstance(item, Tensor):
        return list(item.shape)
    if isinstance(item, Mapping):
        return {str(name): _shapes(part) for name, part in item.items()}
    if isinstance(item, (tuple, list)):
        return [_shapes(part) for part in item]
    if _is_graph(item):
        return _shapes(item.to_dict())  # type: ignore[attr-defined]  # it has it
    plain = item is None or isinstance(item, (bool, int, float, str))
    return item if plain else type(item).__name__


def _shown(given: object) -> str:
    """Format a value for an error; of tensors, the shapes."""
    if isinstance(given, (Tensor, tuple, list, Mapping)) and any(True for _ in tensors_in(given)):
        return f"a {type(given).__name__} of tensors of shapes {_shapes(given)}"
    return repr(given)
