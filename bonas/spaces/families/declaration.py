"""The decorator that makes a family of the function that builds its networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, overload

from torch import Tensor

from bonas.arguments import check_positive
from bonas.errors import InvalidArgument, unknown
from bonas.spaces.architecture import Identity
from bonas.spaces.example import Example
from bonas.spaces.families.builder import Function
from bonas.spaces.families.family import Family

Input = Tensor | tuple[Any, ...] | Mapping[str, Any]
"""An example of a network's inputs, as ``space`` takes it."""


@overload
def space(
    build: Function,
    *,
    input: Input,
    max_params: float | None = None,
    max_flops: float | None = None,
    max_memory: float | None = None,
    identity: Identity | None = None,
) -> Family: ...


@overload
def space(
    build: None = None,
    *,
    input: Input,
    max_params: float | None = None,
    max_flops: float | None = None,
    max_memory: float | None = None,
    identity: Identity | None = None,
) -> Callable[[Function], Family]: ...


def space(
    build: Function | None = None,
    *,
    input: Input,
    max_params: float | None = None,
    max_flops: float | None = None,
    max_memory: float | None = None,
    identity: Identity | None = None,
) -> Family | Callable[[Function], Family]:
    """Declare the space of all networks that a function builds; a decorator, or a plain call.

    Args:
        build: Takes ``choose`` and returns a ``torch.nn.Module``. ``choose(name, options)`` returns
            one item of a list (of any kind: a study stores plain values as they are, and others by
            a name), or the value of one key of a dict (called, if it is a function or a class). A
            function written for an Optuna trial works as it is.
        input: An example batch: a tensor, a tuple of arguments, or a mapping of keyword arguments
            (``{"input_ids": ids, "attention_mask": mask}``). The first dimension is the batch.
            Types, shapes and ranges are taken from it, so give values that a network can run on:
            token ids below the vocabulary size, integers that are valid indices.
        max_params: Upper bound of trainable parameters, also where a width is a range.
        max_flops: Upper bound of floating point operations per example, two per multiply-add.
        max_memory: Upper bound of bytes of all parameters and all outputs of one example, in
            float32.
        identity: When two combinations of choices are one architecture, which is evaluated once:
            ``"graph"``, if their graphs are isomorphic; ``"choices"``, if they are equal. By
            default, if their graphs are isomorphic and they agree in every choice that no graph
            shows (a rate of stochastic depth); a warning names these.

    The function has to be deterministic apart from its choices. It runs when the space is first
    used, some hundred times, mostly without memory.

    Raises:
        InvalidArgument: if the function, the example or a bound cannot be used.

    >>> import torch
    >>> from torch import nn
    >>> @space(input=torch.zeros(1, 4))
    ... def perceptron(choose):
    ...     width = choose("width", [8, 16])
    ...     act = choose("activation", {"relu": nn.ReLU, "gelu": nn.GELU})
    ...     return nn.Sequential(nn.Linear(4, width), act, nn.Linear(width, 2))
    >>> perceptron.size, perceptron.costs({"width": 8, "activation": "relu"})
    (4, {'parameters': 58.0, 'multiply_adds': 48.0})
    """
    example = Example.of(input)
    if not example.first.dim() or not example.first.shape[0]:
        raise InvalidArgument(
            "input must be an example batch whose first dimension is the batch, of at least one "
            f"row, got a tensor of shape {tuple(example.first.shape)}; add a row"
        )
    given = {"max_params": max_params, "max_flops": max_flops, "max_memory": max_memory}
    limits = {name: limit for name, limit in given.items() if limit is not None}
    for name, limit in limits.items():
        check_positive(name, limit, finite=False)

    if identity not in (None, "graph", "choices"):
        raise unknown("identity", identity, ("graph", "choices"))

    def declare(function: Function) -> Family:
        if not callable(function):
            raise InvalidArgument(
                f"expected a function that takes choose and returns a network, got {function!r}"
            )
        return Family(function, example, limits, identity)

    return declare if build is None else declare(build)
