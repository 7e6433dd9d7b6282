"""The declaration of a family: a decorator of the function that builds its networks."""

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
"""What ``space`` takes as the example of a network's inputs."""


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
    """The space of all networks that a function builds; a decorator, or called with the function.

    Args:
        build: Takes ``choose``, returns a ``torch.nn.Module``. ``choose(name, options)`` gives one
            of a list (of values of any kind: a study stores plain ones, and a name for others), or
            the value of one name of a dict (called, if it is a function or a class). Written for an
            Optuna trial, it works as it is.
        input: An example batch: a tensor, a tuple of arguments, or a mapping of keyword arguments
            (``{"input_ids": ids, "attention_mask": mask}``). The first dimension is the batch.
            It says types, shapes and ranges, so give values that a network can be run on: token
            ids below the vocabulary, whole numbers that are valid indices.
        max_params: The most trainable parameters of what is proposed, numbers of a range included.
        max_flops: The most floating point operations for one example, two a multiply-add.
        max_memory: The most bytes of all parameters and all outputs of one example, in float32.
        identity: What makes two choices one architecture, which is evaluated once: ``"graph"``,
            isomorphic graphs; ``"choices"``, equal choices only; by default isomorphic graphs and
            an equal choice of whatever no graph shows (a rate of stochastic depth), which a
            warning names.

    The function has to be deterministic but for what it chooses; it runs when the space is first
    used, some hundred times, mostly without memory.

    Raises:
        InvalidArgument: for a function, an example or a bound that cannot work.

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

    def made(function: Function) -> Family:
        if not callable(function):
            raise InvalidArgument(
                f"expected a function that takes choose and returns a network, got {function!r}"
            )
        return Family(function, example, limits, identity)

    return made if build is None else made(build)
