"""Gates: factors of the outputs of chosen modules, whose gradients reach the logits.

    one path      y = g o(x)                      g = 1 in value
    two paths     y = g_1 o_1(x) + g_2 o_2(x)     one of them 1 in value, the other 0

A straight-through gate ``1 + p - stop(p)`` changes no output; its gradient is
``<dL/dy, o(x)> dp``.

Source: Bengio, Léonard and Courville (2013), "Estimating or propagating gradients through
stochastic neurons for conditional computation", arXiv 1308.3432.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map  # nested outputs, as torch's own hooks map them

from bonas.errors import InvalidArgument
from bonas.gradient_search.paths.places import Place


def straight_through(value: Tensor, soft: Tensor) -> Tensor:
    """Return ``value`` with the gradient of ``soft``."""
    return value + soft - soft.detach()


@contextmanager
def scaled(gates: Mapping[Place, Tensor]) -> Iterator[None]:
    """Multiply the output of each place's module by a gate while the block runs.

    The outputs may be tensors, or lists, tuples and dicts of them.
    """
    handles = [
        place.module.register_forward_hook(lambda _m, _x, y, gate=gate: _times(y, gate))
        for place, gate in gates.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def paired(others: Mapping[Place, tuple[Tensor, nn.Module]]) -> Iterator[None]:
    """Add the output of another module to that of each place's while the block runs.

    Args:
        others: A place -> the two gates, and the module of the second path, which reads the inputs
            of the first one.

    Raises:
        InvalidArgument: within the block, if the second path cannot take the place of the first.
    """
    pairs = [_Pair(place, *other) for place, other in others.items()]
    try:
        for pair in pairs:
            pair.install()
        yield
    finally:
        for pair in pairs:
            pair.remove()


class _Pair:
    """The hooks of a place with two paths."""

    def __init__(self, place: Place, gates: Tensor, other: nn.Module) -> None:
        self._place, self._gates, self._other = place, gates, other
        self._outputs: list[Any] = []
        self._handles: list[torch.utils.hooks.RemovableHandle] = []

    def install(self) -> None:
        module = self._place.module
        self._handles.append(module.register_forward_pre_hook(self._before, with_kwargs=True))
        self._handles.append(module.register_forward_hook(self._after))

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()

    def _before(self, _: nn.Module, args: Any, kwargs: Any) -> None:
        """Run the second path on copies, as either path may change its inputs in place."""
        given, named = tree_map(_copied, (args, kwargs))
        try:
            self._outputs.append(self._other(*given, **named))
        except RuntimeError as error:
            raise self._refusal(f"{type(error).__name__}: {error}") from error

    def _after(self, _: nn.Module, __: Any, output: Any) -> Any:
        other = self._outputs.pop()

        def sum_of(one: Any, two: Any) -> Any:
            """Return the gated sum of two tensors; of anything else, the first."""
            if not _is_gated(one):
                return one
            if one.shape != two.shape:
                raise self._refusal(f"outputs of the shapes {tuple(one.shape)}, {tuple(two.shape)}")
            return _times(one, self._gates[0]) + _times(two, self._gates[1])

        return tree_map(sum_of, output, other)

    def _refusal(self, why: str) -> InvalidArgument:
        return InvalidArgument(
            f"expected options of {' and '.join(map(repr, self._place.parameters))} that take and "
            f"return tensors of the same shapes, got {why}; two paths cannot be added there: "
            'search by method="gdas" or "enas"'
        )


def _times(output: Any, gate: Tensor) -> Any:
    """Multiply all tensors of real numbers in an output."""
    return tree_map(lambda x: x * gate.to(x) if _is_gated(x) else x, output)


def _is_gated(x: object) -> bool:
    return isinstance(x, Tensor) and x.is_floating_point()


def _copied(x: Any) -> Any:
    return x.clone() if isinstance(x, Tensor) else x
