"""Feed: how the inputs of a batch become the arguments of a network.

An example of the space determines the arguments, their order and their types; arguments without
tensors (a flag, a number) are passed with every batch as the example has them. Without an example
the inputs are passed as they come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bonas.errors import InvalidData
from bonas.evaluation.data.inputs import Inputs
from bonas.spaces import Example, Space
from bonas.spaces.example import mapped, tensors_in


@dataclass(frozen=True, slots=True)
class Feed:
    """Passes inputs to a network.

    Attributes:
        example: The space's; None if it has none.
        precision: Type of the floats that are passed without an example.
    """

    example: Example | None
    precision: torch.dtype = torch.float32

    @classmethod
    def of(cls, space: Space, network: nn.Module) -> Feed:
        """Return the feed of a space's networks; without an example, in this one's precision."""
        kinds = {w.dtype for w in network.parameters() if w.is_floating_point()}
        precision = kinds.pop() if len(kinds) == 1 else torch.float32
        return cls(space.example, precision)

    def __call__(self, inputs: Inputs) -> Example:
        """Return the arguments for a batch of inputs.

        Raises:
            InvalidData: if the inputs have other arguments, or types that cannot become those of
                the example.
        """
        if self.example is not None:
            return _by_example(self.example, inputs)
        if isinstance(inputs, Tensor):
            floats = inputs.is_floating_point()
            return Example((inputs.to(self.precision) if floats else inputs,))
        given = mapped(lambda x: x.to(self.precision) if x.is_floating_point() else x, inputs)
        return Example((), given) if isinstance(given, Mapping) else Example(tuple(given))


def _by_example(example: Example, inputs: Inputs) -> Example:
    if isinstance(inputs, Tensor):
        parts: list[Any] = [inputs]
    elif isinstance(inputs, Mapping) and example.named:
        names = [name for name in example.named if name in inputs]
        if not names:
            raise InvalidData(
                f"expected inputs named as in the example {list(example.named)}, got "
                f"{list(inputs)}; rename them"
            )
        constants = _constants(example)
        given = {n: _like(inputs[n], example.named[n]) for n in names if n not in constants}
        return Example((), constants | given)
    else:
        parts = list(inputs.values() if isinstance(inputs, Mapping) else inputs)
    if example.named:
        open_names = [n for n in example.named if n not in _constants(example)]
        _check_number(parts, len(open_names), exact=False)
        given = {n: _like(x, example.named[n]) for n, x in zip(open_names, parts, strict=False)}
        return Example((), _constants(example) | given)
    places = [i for i, argument in enumerate(example.args) if any(tensors_in(argument))]
    _check_number(parts, len(places), exact=True)
    args = list(example.args)
    for place, part in zip(places, parts, strict=True):
        args[place] = _like(part, example.args[place])
    return Example(tuple(args))


def _constants(example: Example) -> dict[str, Any]:
    return {name: x for name, x in example.named.items() if not any(tensors_in(x))}


def _check_number(parts: list[Any], wanted: int, *, exact: bool) -> None:
    if len(parts) > wanted or (exact and len(parts) < wanted):
        raise InvalidData(
            f"expected {wanted} inputs, as in the example of the space, got {len(parts)}; give "
            "the inputs of a row as a tuple ((x1, x2), target) or a mapping by their names"
        )


def _like(part: Any, own: Any) -> Any:
    """Return an argument with the types of the example's."""
    kinds = [tensor.dtype for _, tensor in tensors_in(own)]
    tensors = [tensor for _, tensor in tensors_in(part)]
    if len(kinds) != len(tensors):
        return part
    changed = iter([_cast(tensor, kind) for tensor, kind in zip(tensors, kinds, strict=True)])
    return mapped(lambda _: next(changed), part)


def _cast(tensor: Tensor, kind: torch.dtype) -> Tensor:
    if tensor.dtype == kind:
        return tensor
    numbers = kind.is_floating_point or kind.is_complex
    loses = (not numbers and tensor.is_floating_point() and bool((tensor % 1 != 0).any())) or (
        tensor.is_complex() and not kind.is_complex
    )
    if loses:
        raise InvalidData(
            f"expected inputs of {kind}, as in the example of the space, got {tensor.dtype} with "
            "other values; give an example of the type that the data have"
        )
    return tensor.to(kind)
