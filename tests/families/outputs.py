"""The outputs of networks, to compare two of them."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from families.record import Example, ThirdParty

_SEED = 20_301


def seed() -> None:
    """Seed everything that libraries draw their weights from."""
    random.seed(_SEED)
    np.random.seed(_SEED)  # noqa: NPY002  # libraries draw from the global state
    torch.manual_seed(_SEED)


def run(network: nn.Module, example: Example) -> Any:
    """Run a network on an example."""
    if isinstance(example, Mapping):
        return network(**example)
    return network(*example) if isinstance(example, tuple) else network(example)


def one_row(example: Example) -> tuple[Example, int]:
    """Return the first row and 1, or the example and its rows where these belong together."""
    rows = {len(tensor) for tensor in tensors(example)}
    if len(rows) > 1:
        return example, len(next(tensors(example)))
    if isinstance(example, Mapping):
        return {name: tensor[:1] for name, tensor in example.items()}, 1
    if isinstance(example, tuple):
        return tuple(tensor[:1] for tensor in example), 1
    return example[:1], 1


def tensors(item: object) -> Iterator[Tensor]:
    """Yield all tensors in nested containers, mappings and dataclasses."""
    if isinstance(item, Tensor):
        yield item
    elif isinstance(item, Mapping):
        for part in item.values():
            yield from tensors(part)
    elif isinstance(item, (tuple, list)):
        for part in item:
            yield from tensors(part)
    elif dataclasses.is_dataclass(item):
        for part in vars(item).values():
            yield from tensors(part)


@dataclasses.dataclass(frozen=True)
class Behaviour:
    """Parameters, and outputs in both modes: equal for equal networks."""

    parameters: list[tuple[torch.Size, torch.dtype, bool]]
    outputs: list[Tensor]

    @classmethod
    def of(cls, record: ThirdParty, choices: Mapping[str, Any]) -> Behaviour:
        """Build the network with seeded weights, and run it in evaluation and training mode."""
        seed()
        network = record.build(lambda name, options: _answer(choices[name], options))
        parameters = [(p.shape, p.dtype, p.requires_grad) for p in network.parameters()]
        outputs: list[Tensor] = []
        with torch.no_grad():
            for training in (False, True):
                seed()
                outputs += tensors(run(network.train(training), record.example))
        return cls(parameters, outputs)

    def differs(self, other: Behaviour) -> bool:
        """Return whether parameters or outputs of the two networks differ."""
        if self.parameters != other.parameters or len(self.outputs) != len(other.outputs):
            return True
        return any(map(_differ, self.outputs, other.outputs))


def _answer(value: Any, options: Any) -> Any:
    if not isinstance(options, Mapping):
        return value
    chosen = options[value]
    return chosen() if callable(chosen) else chosen


def _differ(a: Tensor, b: Tensor) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return True
    return not torch.allclose(a, b, rtol=1e-4, atol=1e-6, equal_nan=True)
